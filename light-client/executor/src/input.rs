//! What travels so that a block can be executed, and the verdict on it.
//!
//! ```text
//! input = [version = 1, bal, [transaction, ...], [node, ...], [code, ...], [header, ...]]
//! ```
//! Transactions are EIP-2718 byte strings, everything else is as in [`ExecutionWitness`]. The header and its parent are not in it: whoever asks for an execution has verified them.

use alloy_consensus::{Block, BlockBody, Header, TxEnvelope};
use alloy_eip7928::AccountChanges;
use alloy_eips::{eip2718::Decodable2718, eip4895::Withdrawals};
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::{Decodable, RlpDecodable, RlpEncodable};
use sidelight_core::{
    limits::{MAX_BAL_BYTES, MAX_BLOCK_TRANSACTIONS, MAX_EXECUTION_BYTES},
    state::PartialState,
};

use crate::{
    block::DecodedBlock,
    error::{BlockError, Rule, expect},
    spec::ChainSpec,
    witness::{ExecutionWitness, VerifiedExecution, verify_witnessed},
};

/// The version of the encoding.
const VERSION: u64 = 1;

/// A block's access list, transactions and witness.
#[derive(Clone, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct ExecutionInput {
    version: u64,
    /// The block access list, raw.
    pub bal: Bytes,
    /// EIP-2718 transactions.
    pub transactions: Vec<Bytes>,
    /// Trie nodes before the block.
    pub state: Vec<Bytes>,
    /// Codes.
    pub codes: Vec<Bytes>,
    /// Ancestor headers.
    pub headers: Vec<Bytes>,
}

/// Why an input does not lead to a verified execution.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// Not canonical RLP of an input, or larger than one may be. The sender's fault.
    #[error("malformed input: {0}")]
    Decode(alloy_rlp::Error),
    /// The access list is not the one that the header commits to. The sender's fault.
    #[error("access list: expected {expected}, got {got}")]
    AccessListHash {
        /// In the header.
        expected: B256,
        /// Of the bytes.
        got: B256,
    },
    /// A part of the block or the witness does not fit. Whose fault it is, [`InputError::is_block_invalid`] says.
    #[error(transparent)]
    Block(#[from] BlockError),
}

impl InputError {
    /// Whether the block itself is not valid, whatever the sender did. Everything that the verdict stands on is then committed to by the header: transactions and access list by
    /// their roots, the state by the parent's.
    #[must_use]
    pub const fn is_block_invalid(&self) -> bool {
        match self {
            Self::Decode(_) | Self::AccessListHash { .. } => false,
            Self::Block(error) => match error {
                // Transactions that are not the header's are the sender's; a state that the witness does not show is unknown, not wrong.
                BlockError::Rule(broken) => !matches!(broken.rule, Rule::TransactionsRoot),
                BlockError::Decode(_) | BlockError::State(_) | BlockError::Trie(_) => false,
                BlockError::Transaction { .. }
                | BlockError::SystemCall { .. }
                | BlockError::OutsideAccessList(_)
                | BlockError::AccessList { .. } => true,
            },
        }
    }
}

impl ExecutionInput {
    /// An input from a block's parts.
    #[must_use]
    pub fn new(bal: Bytes, transactions: Vec<Bytes>, witness: ExecutionWitness) -> Self {
        let ExecutionWitness {
            state,
            codes,
            headers,
        } = witness;
        Self {
            version: VERSION,
            bal,
            transactions,
            state,
            codes,
            headers,
        }
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        alloy_rlp::encode(self)
    }

    /// Reads an input; nothing of it is checked but its shape.
    pub fn decode(bytes: &[u8]) -> Result<Self, InputError> {
        let refuse = |reason| Err(InputError::Decode(alloy_rlp::Error::Custom(reason)));
        if bytes.len() > MAX_EXECUTION_BYTES {
            return refuse("larger than an input may be");
        }
        let mut rest = bytes;
        let input = <Self as Decodable>::decode(&mut rest).map_err(InputError::Decode)?;
        if !rest.is_empty() {
            return refuse("bytes after the input");
        }
        if input.version != VERSION {
            return refuse("another version");
        }
        if input.bal.len() > MAX_BAL_BYTES || input.transactions.len() > MAX_BLOCK_TRANSACTIONS {
            return refuse("more than a block holds");
        }
        Ok(input)
    }
}

/// Executes a block from an input. Header and parent are the caller's, who has checked them against each other and who signed them; `known` is what it knows of the state after the parent.
pub fn verify_input(
    spec: &ChainSpec,
    parent: &Header,
    header: &Header,
    input: ExecutionInput,
    known: PartialState,
) -> Result<VerifiedExecution, InputError> {
    let got = keccak256(&input.bal);
    let expected = header.block_access_list_hash.unwrap_or_default();
    if got != expected {
        return Err(InputError::AccessListHash { expected, got });
    }
    let mut rest = input.bal.as_ref();
    let bal = Vec::<AccountChanges>::decode(&mut rest).map_err(InputError::Decode)?;
    let transactions = input
        .transactions
        .iter()
        .map(|bytes| {
            let mut rest = bytes.as_ref();
            let transaction = TxEnvelope::decode_2718(&mut rest)
                .map_err(|_| alloy_rlp::Error::Custom("not a transaction"))?;
            match rest {
                [] => Ok(transaction),
                _ => Err(alloy_rlp::Error::UnexpectedLength),
            }
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(InputError::Decode)?;
    let body = BlockBody {
        transactions,
        ommers: Vec::new(),
        withdrawals: header.withdrawals_root.map(|_| Withdrawals::default()),
    };
    let block = Block::new(header.clone(), body);
    let decoded = DecodedBlock {
        hash: header.hash_slow(),
        size: alloy_rlp::Encodable::length(&block),
        block,
    };
    let witness = ExecutionWitness {
        state: input.state,
        codes: input.codes,
        headers: input.headers,
    };
    let parent_hash = parent.hash_slow();
    expect(Rule::ParentHash, parent_hash, header.parent_hash)?;
    Ok(verify_witnessed(
        spec,
        parent,
        parent_hash,
        &decoded,
        &bal,
        &witness,
        known,
    )?)
}
