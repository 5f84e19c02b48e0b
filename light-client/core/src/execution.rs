//! What executing a block takes, as it travels, and what a client keeps of it for the next block.
//!
//! ```text
//! input = [version = 2, bal, [transaction, ...], [node, ...], [code, ...], [header, ...], [held code hash, ...]]
//! ```
//! A *full* input leaves nothing out. A *delta* leaves out the nodes and codes that a client of the retention policy holds; [`Held::complete`] puts them back. Executing is another
//! crate's work: here an input is only made whole, and whatever it lacks is "incomplete".

mod chunks;
mod held;
mod retained;

use alloc::vec::Vec;

use alloy_eip7928::AccountChanges;
use alloy_primitives::{Address, B256, Bytes, address, keccak256};
use alloy_rlp::Encodable;

pub use self::{
    chunks::{Assembly, CHUNK_BYTES, ChunkError, chunk, hash_chunks},
    held::{CompleteError, Held, Target},
    retained::{Policy, Retained, WINDOW},
};
use crate::{
    limits::{
        MAX_BAL_BYTES, MAX_BLOCK_TRANSACTIONS, MAX_CODE_BYTES, MAX_EXECUTION_BYTES,
        MAX_HEADER_BYTES, MAX_LEAF_BYTES, MAX_WITNESS_NODES,
    },
    rlp::{DecodeError, Reader, check_size, check_version, write_list, write_strings},
};

/// The version of the encoding.
const VERSION: u64 = 2;
/// Ancestors that `BLOCKHASH` reaches.
pub const MAX_ANCESTORS: usize = 256;

/// Accounts that executing a block looks at beyond its access list, from Prague on: the request contracts (EIP-7002, EIP-7251), which may not be there.
pub const REQUEST_CONTRACTS: [Address; 2] = [
    address!("0x00000961Ef480Eb55e80D19ad83579A64c007002"),
    address!("0x0000BBdDc7CE488642fb579F8B00f3a590007251"),
];

/// A block's access list, transactions and witness; nothing of it is checked but its shape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecutionInput {
    /// The block access list, raw.
    pub bal: Bytes,
    /// EIP-2718 transactions.
    pub transactions: Vec<Bytes>,
    /// Trie nodes before the block, depth first, an account's storage after its leaf.
    pub state: Vec<Bytes>,
    /// Codes that are read, ascending.
    pub codes: Vec<Bytes>,
    /// Ancestor headers, ascending.
    pub headers: Vec<Bytes>,
    /// Hashes of codes that are read and left out, in the order of the codes. None in a full input.
    pub held_codes: Vec<B256>,
}

impl ExecutionInput {
    /// The input without what a client holds since a block: `nodes` and `codes` say, for each of these, the newest block before this one that touched it.
    #[must_use]
    pub fn without(&self, nodes: &[Option<u64>], codes: &[Option<u64>], since: u64) -> Self {
        let is_held = |newest: Option<&Option<u64>>| {
            newest.is_some_and(|newest| newest.is_some_and(|newest| newest >= since))
        };
        let lacking = |items: &[Bytes], newest: &[Option<u64>]| {
            let items = items.iter().enumerate();
            let items = items.filter(|(at, _)| !is_held(newest.get(*at)));
            items.map(|(_, item)| item.clone()).collect()
        };
        let left_out = self.codes.iter().enumerate();
        let left_out = left_out.filter(|(at, _)| is_held(codes.get(*at)));
        Self {
            state: lacking(&self.state, nodes),
            codes: lacking(&self.codes, codes),
            held_codes: left_out.map(|(_, code)| keccak256(code)).collect(),
            ..self.clone()
        }
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_list(&mut out, |out| {
            VERSION.encode(out);
            self.bal.encode(out);
            for strings in [&self.transactions, &self.state, &self.codes, &self.headers] {
                write_strings(out, strings);
            }
            write_list(out, |out| {
                self.held_codes.iter().for_each(|hash| hash.encode(out));
            });
        });
        out
    }

    /// Reads an input of canonical RLP.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        check_size("execution", MAX_EXECUTION_BYTES, bytes.len())?;
        let mut list = Reader::open("execution", bytes)?;
        check_version(
            "execution.version",
            VERSION,
            list.value("execution.version")?,
        )?;
        let input = Self {
            bal: list.bytes("execution.bal", MAX_BAL_BYTES)?,
            transactions: list.strings(
                "execution.transactions",
                MAX_BLOCK_TRANSACTIONS,
                // One that no block has room for is another rule's to refuse.
                "execution.transaction",
                MAX_EXECUTION_BYTES,
            )?,
            state: list.strings(
                "execution.nodes",
                MAX_WITNESS_NODES,
                "execution.node",
                MAX_LEAF_BYTES,
            )?,
            codes: list.strings(
                "execution.codes",
                MAX_WITNESS_NODES,
                "execution.code",
                MAX_CODE_BYTES,
            )?,
            headers: list.strings(
                "execution.headers",
                MAX_ANCESTORS,
                "execution.header",
                MAX_HEADER_BYTES,
            )?,
            held_codes: list.items("execution.held_codes", MAX_WITNESS_NODES, |list| {
                list.value("execution.held_code")
            })?,
        };
        list.finish()?;
        Ok(input)
    }
}

/// What a block touched, by hash: the nodes of its full witness and those that it made, the codes that it read and those that it left behind.
pub fn touched_hashes(
    nodes: impl Iterator<Item = B256>,
    codes: impl Iterator<Item = B256>,
    changes: &[AccountChanges],
) -> impl Iterator<Item = B256> {
    nodes
        .chain(codes)
        .chain(held::made_codes(changes).map(|(hash, _)| hash))
}

#[cfg(test)]
mod tests;
