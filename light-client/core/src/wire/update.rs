//! One block for one subscriber. `docs/wire-format.md` section 2. [`crate::update`] verifies it.

use super::filter::Mode;
use crate::{
    header::SignedHeader,
    limits::{
        MAX_BAL_BYTES, MAX_DECODED_BYTES, MAX_FILTER_ACCOUNTS, MAX_LEAF_BYTES, MAX_WATCHED_BYTES,
        MAX_WITNESS_NODES,
    },
    merkle::{AbsenceProof, InclusionProof},
    rlp::{DecodeError, Reader, check_size, write_list, write_strings},
};
use alloc::vec::Vec;
use alloy_eip7928::AccountChanges;
use alloy_primitives::{Address, Bytes};
use alloy_rlp::Encodable;

/// A signed header and as much of the block as the mode asks for. Untrusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The block's header.
    pub signed_header: SignedHeader,
    /// What came with it.
    pub body: Body,
}

/// What comes with a header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// Nothing.
    Headers,
    /// The filter's accounts.
    Watch {
        /// One for each address of the filter, in its order.
        watched: Vec<Watched>,
        /// State trie nodes at the block's post-state root.
        nodes: Vec<Bytes>,
    },
    /// The whole block access list.
    Consistent {
        /// Raw RLP of the list.
        bal: Bytes,
        /// State trie nodes at the pre-state root.
        nodes: Vec<Bytes>,
    },
}

/// What a block did to one watched account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Watched {
    /// Nothing touched it.
    Absent {
        /// The account.
        address: Address,
        /// Its neighbours under the accounts root.
        proof: AbsenceProof,
    },
    /// It has an entry in the block access list.
    Present {
        /// The entry.
        entry: AccountChanges,
        /// Its path under the accounts root.
        proof: InclusionProof,
    },
}

impl Body {
    /// The mode of this body.
    pub const fn mode(&self) -> Mode {
        match self {
            Self::Headers => Mode::Headers,
            Self::Watch { .. } => Mode::Watch,
            Self::Consistent { .. } => Mode::Consistent,
        }
    }
}

impl Watched {
    /// The account.
    pub const fn address(&self) -> Address {
        match self {
            Self::Absent { address, .. } => *address,
            Self::Present { entry, .. } => entry.address,
        }
    }

    fn encode_into(&self, out: &mut Vec<u8>) {
        write_list(out, |out| {
            self.address().encode(out);
            match self {
                Self::Absent { proof, .. } => {
                    0_u64.encode(out);
                    proof.encode_into(out);
                }
                Self::Present { entry, proof } => {
                    1_u64.encode(out);
                    entry.encode(out);
                    proof.encode_into(out);
                }
            }
        });
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut list = reader.list("watched")?;
        let address: Address = list.value("watched.address")?;
        let watched = match list.value("watched.kind")? {
            0 => Self::Absent {
                address,
                proof: AbsenceProof::read(&mut list)?,
            },
            1 => {
                let entry = read_entry(&mut list)?;
                if entry.address != address {
                    return Err(DecodeError::Forbidden {
                        what: "watched.address",
                    });
                }
                Self::Present {
                    entry,
                    proof: InclusionProof::read(&mut list)?,
                }
            }
            got => {
                return Err(DecodeError::Unknown {
                    what: "watched.kind",
                    got,
                });
            }
        };
        list.finish()?;
        Ok(watched)
    }
}

/// An entry in its one encoding: the Merkle leaf is over the re-encoded entry.
fn read_entry(reader: &mut Reader<'_>) -> Result<AccountChanges, DecodeError> {
    let raw = reader.raw("watched.entry", MAX_WATCHED_BYTES)?;
    let entry: AccountChanges = alloy_rlp::decode_exact(raw).map_err(|error| DecodeError::Rlp {
        what: "watched.entry",
        error,
    })?;
    let mut canonical = Vec::with_capacity(raw.len());
    entry.encode(&mut canonical);
    if canonical == raw {
        Ok(entry)
    } else {
        Err(DecodeError::Forbidden {
            what: "watched.entry",
        })
    }
}

impl Update {
    /// How much of the block came.
    pub const fn mode(&self) -> Mode {
        self.body.mode()
    }

    /// The canonical RLP, as it stands in a transition file.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_into(&mut out);
        out
    }

    /// Reads exactly one update.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        check_size("update", MAX_DECODED_BYTES, bytes.len())?;
        let mut list = Reader::open("update", bytes)?;
        let update = Self::read_fields(&mut list)?;
        list.finish()?;
        Ok(update)
    }

    pub(super) fn encode_into(&self, out: &mut Vec<u8>) {
        write_list(out, |out| {
            self.signed_header.encode_into(out);
            self.mode().to_number().encode(out);
            write_list(out, |out| match &self.body {
                Body::Headers => {}
                Body::Watch { watched, nodes } => {
                    write_list(out, |out| {
                        watched.iter().for_each(|item| item.encode_into(out))
                    });
                    write_strings(out, nodes);
                }
                Body::Consistent { bal, nodes } => {
                    bal.encode(out);
                    write_strings(out, nodes);
                }
            });
        });
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut list = reader.list("update")?;
        let update = Self::read_fields(&mut list)?;
        list.finish()?;
        Ok(update)
    }

    fn read_fields(list: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let signed_header = SignedHeader::read(list)?;
        let mode = Mode::read(list)?;
        let mut fields = list.list("update.body")?;
        let body = match mode {
            Mode::Headers => Body::Headers,
            Mode::Watch => {
                let mut ahead = fields;
                ahead.raw("update.watched", MAX_WATCHED_BYTES)?;
                Body::Watch {
                    watched: fields.items("update.watched", MAX_FILTER_ACCOUNTS, Watched::read)?,
                    nodes: read_nodes(&mut fields)?,
                }
            }
            Mode::Consistent => Body::Consistent {
                bal: fields.bytes("update.bal", MAX_BAL_BYTES)?,
                nodes: read_nodes(&mut fields)?,
            },
        };
        fields.finish()?;
        Ok(Self {
            signed_header,
            body,
        })
    }
}

fn read_nodes(reader: &mut Reader<'_>) -> Result<Vec<Bytes>, DecodeError> {
    reader.strings("update.nodes", MAX_WITNESS_NODES, "node", MAX_LEAF_BYTES)
}
