//! What a client can ask, over the WebSocket or as the body of `POST /lite`. `docs/wire-format.md` section 3.

use super::filter::{Filter, Mode, read_slots};
use crate::{
    execution::Policy,
    limits::MAX_HEADERS,
    rlp::{DecodeError, Reader, write_list},
};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, U256};
use alloy_rlp::Encodable;

/// A question to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// The node's newest header.
    Head,
    /// Headers `start .. start + count`, ascending.
    Headers {
        /// First block number.
        start: u64,
        /// At most [`MAX_HEADERS`].
        count: u64,
    },
    /// One block as an update.
    Transition {
        /// The block.
        block_hash: B256,
        /// How much of it.
        mode: Mode,
        /// For [`Mode::Watch`].
        filter: Filter,
    },
    /// An account and slots of it, as EIP-1186.
    Proof {
        /// The block after which the state is read.
        block_hash: B256,
        /// The account.
        address: Address,
        /// Slots, ascending.
        slots: Vec<U256>,
    },
    /// A contract's code.
    Code {
        /// Keccak-256 of the code.
        code_hash: B256,
    },
    /// A block's transactions.
    Body {
        /// The block.
        block_hash: B256,
    },
    /// A block's receipts.
    Receipts {
        /// The block.
        block_hash: B256,
    },
    /// Where a transaction stands; a hint, checked against the body.
    Locate {
        /// The transaction.
        transaction_hash: B256,
    },
    /// What executing a block needs: access list, transactions, witness.
    Execution {
        /// The block.
        block_hash: B256,
    },
    /// A block's header and those before it, without signatures.
    Ancestors {
        /// The last block.
        block_hash: B256,
        /// At most [`MAX_HEADERS`], the last one included.
        count: u64,
    },
    /// One transaction of a block, with its path from the transactions root.
    Transaction {
        /// The block.
        block_hash: B256,
        /// Its position.
        index: u64,
    },
    /// As [`Request::Execution`], without what the client holds, in chunks: the commitment and the first one.
    Witness(Delta),
    /// A later chunk of the same.
    Chunk {
        /// Of which input.
        delta: Delta,
        /// Which chunk.
        index: u64,
    },
}

/// An input for a client that holds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Delta {
    /// The block.
    pub block_hash: B256,
    /// What the client keeps.
    pub policy: Policy,
    /// The block since which it has kept it, up to the one before this; 0 with [`Policy::Nothing`].
    pub since: u64,
}

impl Delta {
    /// For a client that holds nothing.
    #[must_use]
    pub const fn full(block_hash: B256) -> Self {
        Self {
            block_hash,
            policy: Policy::Nothing,
            since: 0,
        }
    }

    fn encode_into(&self, out: &mut Vec<u8>) {
        self.block_hash.encode(out);
        self.policy.to_number().encode(out);
        self.since.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            block_hash: reader.value("witness.block_hash")?,
            policy: Policy::from_number(reader.value("witness.policy")?)?,
            since: reader.value("witness.since")?,
        })
    }
}

impl Request {
    /// The number on the wire, the same as the response's.
    pub const fn kind(&self) -> u64 {
        match self {
            Self::Head => 0,
            Self::Headers { .. } => 1,
            Self::Transition { .. } => 2,
            Self::Proof { .. } => 3,
            Self::Code { .. } => 4,
            Self::Body { .. } => 5,
            Self::Receipts { .. } => 6,
            Self::Locate { .. } => 7,
            Self::Execution { .. } => 8,
            Self::Ancestors { .. } => 9,
            Self::Transaction { .. } => 10,
            Self::Witness(_) => 11,
            Self::Chunk { .. } => 12,
        }
    }

    pub(super) fn encode_into(&self, out: &mut Vec<u8>) {
        write_list(out, |out| {
            self.kind().encode(out);
            match self {
                Self::Head => {}
                Self::Headers { start, count } => {
                    start.encode(out);
                    count.encode(out);
                }
                Self::Transition {
                    block_hash,
                    mode,
                    filter,
                } => {
                    block_hash.encode(out);
                    mode.to_number().encode(out);
                    filter.encode_into(out);
                }
                Self::Proof {
                    block_hash,
                    address,
                    slots,
                } => {
                    block_hash.encode(out);
                    address.encode(out);
                    write_list(out, |out| slots.iter().for_each(|slot| slot.encode(out)));
                }
                Self::Code { code_hash: hash }
                | Self::Body { block_hash: hash }
                | Self::Receipts { block_hash: hash }
                | Self::Execution { block_hash: hash }
                | Self::Locate {
                    transaction_hash: hash,
                } => hash.encode(out),
                Self::Ancestors {
                    block_hash,
                    count: number,
                }
                | Self::Transaction {
                    block_hash,
                    index: number,
                } => {
                    block_hash.encode(out);
                    number.encode(out);
                }
                Self::Witness(delta) => delta.encode_into(out),
                Self::Chunk { delta, index } => {
                    delta.encode_into(out);
                    index.encode(out);
                }
            }
        });
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut list = reader.list("request")?;
        let request = match list.value("request.kind")? {
            0 => Self::Head,
            1 => {
                let (start, count) = (list.value("headers.start")?, list.value("headers.count")?);
                check_count(count)?;
                Self::Headers { start, count }
            }
            2 => Self::Transition {
                block_hash: list.value("transition.block_hash")?,
                mode: Mode::read(&mut list)?,
                filter: Filter::read(&mut list)?,
            },
            3 => Self::Proof {
                block_hash: list.value("proof.block_hash")?,
                address: list.value("proof.address")?,
                slots: read_slots(&mut list)?,
            },
            4 => Self::Code {
                code_hash: list.value("code.code_hash")?,
            },
            5 => Self::Body {
                block_hash: list.value("body.block_hash")?,
            },
            6 => Self::Receipts {
                block_hash: list.value("receipts.block_hash")?,
            },
            7 => Self::Locate {
                transaction_hash: list.value("locate.transaction_hash")?,
            },
            8 => Self::Execution {
                block_hash: list.value("execution.block_hash")?,
            },
            9 => {
                let block_hash = list.value("ancestors.block_hash")?;
                let count = list.value("ancestors.count")?;
                check_count(count)?;
                Self::Ancestors { block_hash, count }
            }
            10 => Self::Transaction {
                block_hash: list.value("transaction.block_hash")?,
                index: list.value("transaction.index")?,
            },
            11 => Self::Witness(Delta::read(&mut list)?),
            12 => Self::Chunk {
                delta: Delta::read(&mut list)?,
                index: list.value("chunk.index")?,
            },
            got => {
                return Err(DecodeError::Unknown {
                    what: "request.kind",
                    got,
                });
            }
        };
        list.finish()?;
        Ok(request)
    }
}

fn check_count(count: u64) -> Result<(), DecodeError> {
    let got = usize::try_from(count).unwrap_or(usize::MAX);
    crate::rlp::check_size("headers.count", MAX_HEADERS, got)
}
