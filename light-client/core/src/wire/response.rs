//! What a node answers. `docs/wire-format.md` section 3.

use super::update::Update;
use crate::{
    execution::{CHUNK_BYTES, Policy},
    header::{SignedHeader, read_header},
    limits::{
        MAX_BLOCK_TRANSACTIONS, MAX_BODY_ITEM_BYTES, MAX_CODE_BYTES, MAX_EXECUTION_BYTES,
        MAX_FILTER_SLOTS, MAX_HEADER_BYTES, MAX_HEADERS, MAX_LEAF_BYTES, MAX_PROOF_DEPTH,
    },
    rlp::{DecodeError, Reader, write_list, write_strings},
};
use alloc::vec::Vec;
use alloy_consensus::Header;
use alloy_primitives::{B256, Bytes, U256};
use alloy_rlp::Encodable;

/// An account proof with storage proofs, as EIP-1186: each path from the root down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProofResponse {
    /// Nodes from the state root to the account.
    pub account: Vec<Bytes>,
    /// For each slot, nodes from the storage root.
    pub storage: Vec<(U256, Vec<Bytes>)>,
}

/// An answer. Its kind must be the request's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Response {
    /// The newest header.
    Head(SignedHeader),
    /// Headers, ascending.
    Headers(Vec<SignedHeader>),
    /// One block.
    Transition(Update),
    /// An account and slots of it.
    Proof(ProofResponse),
    /// A contract's code.
    Code(Bytes),
    /// EIP-2718 transactions.
    Body(Vec<Bytes>),
    /// EIP-2718 receipts.
    Receipts(Vec<Bytes>),
    /// Where a transaction stands.
    Locate {
        /// The block.
        block_hash: B256,
        /// The position in it.
        index: u64,
    },
    /// What executing a block needs, as `sidelight-executor` reads it. To this crate it is bytes: who follows a chain need not know how to execute it.
    Execution(Bytes),
    /// Headers without signatures, ascending; the parent hash of all but the first is left out.
    Ancestors(Vec<Header>),
    /// Trie nodes from the transactions root to one transaction.
    Transaction(Vec<Bytes>),
    /// How the same, without what the client holds, is split into chunks, and the first of them.
    Witness(WitnessResponse),
    /// A later chunk.
    Chunk(Bytes),
}

/// The commitment to an input in chunks, and the first chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WitnessResponse {
    /// The policy that was served: [`Policy::Nothing`] for a full input.
    pub policy: Policy,
    /// The block since which the client must have kept what is left out.
    pub since: u64,
    /// Bytes of the input.
    pub length: u64,
    /// Keccak-256 of each chunk.
    pub hashes: Vec<B256>,
    /// Chunk 0.
    pub first: Bytes,
}

impl Response {
    /// The number on the wire.
    pub const fn kind(&self) -> u64 {
        match self {
            Self::Head(_) => 0,
            Self::Headers(_) => 1,
            Self::Transition(_) => 2,
            Self::Proof(_) => 3,
            Self::Code(_) => 4,
            Self::Body(_) => 5,
            Self::Receipts(_) => 6,
            Self::Locate { .. } => 7,
            Self::Execution(_) => 8,
            Self::Ancestors(_) => 9,
            Self::Transaction(_) => 10,
            Self::Witness(_) => 11,
            Self::Chunk(_) => 12,
        }
    }

    pub(super) fn encode_into(&self, out: &mut Vec<u8>) {
        match self {
            Self::Head(signed) => signed.encode_into(out),
            Self::Headers(headers) => {
                write_list(out, |out| {
                    headers.iter().for_each(|signed| signed.encode_into(out))
                });
            }
            Self::Transition(update) => update.encode_into(out),
            Self::Proof(proof) => proof.encode_into(out),
            Self::Code(bytes) | Self::Execution(bytes) | Self::Chunk(bytes) => bytes.encode(out),
            Self::Body(items) | Self::Receipts(items) | Self::Transaction(items) => {
                write_strings(out, items);
            }
            Self::Ancestors(headers) => write_list(out, |out| {
                headers.iter().for_each(|header| header.encode(out));
            }),
            Self::Witness(witness) => witness.encode_into(out),
            Self::Locate { block_hash, index } => write_list(out, |out| {
                block_hash.encode(out);
                index.encode(out);
            }),
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>, kind: u64) -> Result<Self, DecodeError> {
        Ok(match kind {
            0 => Self::Head(SignedHeader::read(reader)?),
            1 => Self::Headers(reader.items("headers", MAX_HEADERS, SignedHeader::read)?),
            2 => Self::Transition(Update::read(reader)?),
            3 => Self::Proof(ProofResponse::read(reader)?),
            4 => Self::Code(reader.bytes("code", MAX_CODE_BYTES)?),
            5 => Self::Body(read_body(reader, "transaction")?),
            6 => Self::Receipts(read_body(reader, "receipt")?),
            7 => {
                let mut list = reader.list("locate")?;
                let block_hash = list.value("locate.block_hash")?;
                let index = list.value("locate.index")?;
                list.finish()?;
                Self::Locate { block_hash, index }
            }
            8 => Self::Execution(reader.bytes("execution", MAX_EXECUTION_BYTES)?),
            9 => Self::Ancestors(reader.items("ancestors", MAX_HEADERS, |reader| {
                read_header(reader.raw("header", MAX_HEADER_BYTES)?)
            })?),
            10 => Self::Transaction(reader.strings(
                "transaction",
                MAX_PROOF_DEPTH,
                "transaction.node",
                MAX_LEAF_BYTES,
            )?),
            11 => Self::Witness(WitnessResponse::read(reader)?),
            12 => Self::Chunk(reader.bytes("chunk", CHUNK_BYTES)?),
            got => {
                return Err(DecodeError::Unknown {
                    what: "response.kind",
                    got,
                });
            }
        })
    }
}

impl ProofResponse {
    fn encode_into(&self, out: &mut Vec<u8>) {
        write_list(out, |out| {
            write_strings(out, &self.account);
            write_list(out, |out| {
                for (slot, nodes) in &self.storage {
                    write_list(out, |out| {
                        slot.encode(out);
                        write_strings(out, nodes);
                    });
                }
            });
        });
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut list = reader.list("proof")?;
        let account = read_path(&mut list, "proof.account")?;
        let storage = list.items("proof.storage", MAX_FILTER_SLOTS, |reader| {
            let mut list = reader.list("proof.slot")?;
            let slot = list.value("proof.slot")?;
            let nodes = read_path(&mut list, "proof.slot.nodes")?;
            list.finish()?;
            Ok((slot, nodes))
        })?;
        list.finish()?;
        Ok(Self { account, storage })
    }
}

impl WitnessResponse {
    fn encode_into(&self, out: &mut Vec<u8>) {
        write_list(out, |out| {
            self.policy.to_number().encode(out);
            self.since.encode(out);
            self.length.encode(out);
            write_list(out, |out| {
                self.hashes.iter().for_each(|hash| hash.encode(out));
            });
            self.first.encode(out);
        });
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        const MAX_CHUNKS: usize = MAX_EXECUTION_BYTES.div_ceil(CHUNK_BYTES);
        let mut list = reader.list("witness")?;
        let witness = Self {
            policy: Policy::from_number(list.value("witness.policy")?)?,
            since: list.value("witness.since")?,
            length: list.value("witness.length")?,
            hashes: list.items("witness.chunks", MAX_CHUNKS, |list| {
                list.value("witness.chunk")
            })?,
            first: list.bytes("witness.first", CHUNK_BYTES)?,
        };
        list.finish()?;
        Ok(witness)
    }
}

fn read_path(reader: &mut Reader<'_>, what: &'static str) -> Result<Vec<Bytes>, DecodeError> {
    reader.strings(what, MAX_PROOF_DEPTH, what, MAX_LEAF_BYTES)
}

fn read_body(reader: &mut Reader<'_>, what: &'static str) -> Result<Vec<Bytes>, DecodeError> {
    reader.strings(what, MAX_BLOCK_TRANSACTIONS, what, MAX_BODY_ITEM_BYTES)
}
