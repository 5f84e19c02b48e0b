//! The messages of both sides. `docs/wire-format.md` section 3.

use super::{
    PROTOCOL_VERSION,
    envelope::{Envelope, EnvelopeError, MessageType},
    filter::{Filter, Mode},
    request::Request,
    response::Response,
    update::Update,
};
use crate::{
    limits::MAX_FAILURE_TEXT_BYTES,
    rlp::{DecodeError, Reader, check_version, write_list},
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use alloy_primitives::B256;
use alloy_rlp::Encodable;

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientMessage {
    /// The first message.
    Hello {
        /// EIP-155 chain id.
        chain_id: u64,
        /// The chain's genesis.
        genesis_hash: B256,
        /// How much of each block.
        mode: Mode,
        /// For [`Mode::Watch`].
        filter: Filter,
        /// The block to begin with; 0: the node's head.
        next_number: u64,
        /// Bytes of updates that the client takes.
        credit: u64,
    },
    /// Another mode or filter from the next block on.
    SetFilter {
        /// How much of each block.
        mode: Mode,
        /// For [`Mode::Watch`].
        filter: Filter,
    },
    /// A question.
    Request {
        /// Chosen by the client, not zero.
        id: u64,
        /// The question.
        request: Request,
    },
    /// More bytes of updates that the client takes.
    Credit {
        /// How many.
        bytes: u64,
    },
}

/// What a node says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeMessage {
    /// The answer to *hello*.
    Welcome {
        /// EIP-155 chain id.
        chain_id: u64,
        /// The chain's genesis.
        genesis_hash: B256,
        /// The newest block.
        head_number: u64,
        /// Its hash.
        head_hash: B256,
    },
    /// One block.
    Update {
        /// Counts up by one from 0 on each connection.
        seq: u64,
        /// The block.
        update: Update,
    },
    /// Blocks that the node leaves out.
    Gap {
        /// First skipped sequence number.
        first_seq: u64,
        /// Last skipped sequence number.
        last_seq: u64,
        /// Why.
        reason: GapReason,
        /// The block that comes next.
        next_number: u64,
    },
    /// An answer.
    Response {
        /// The request's id.
        id: u64,
        /// The answer.
        response: Response,
    },
    /// Why there is no answer.
    Failure {
        /// The request's id; 0 for the connection itself.
        id: u64,
        /// The reason.
        code: FailureCode,
        /// For people.
        text: String,
    },
}

macro_rules! codes {
    ($(#[$meta:meta])* $name:ident, $what:literal, { $($(#[$doc:meta])* $variant:ident = $code:literal, $text:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// The number on the wire.
            pub const fn to_number(self) -> u64 {
                match self {
                    $(Self::$variant => $code,)+
                }
            }

            /// A few words for people.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                match reader.value($what)? {
                    $($code => Ok(Self::$variant),)+
                    got => Err(DecodeError::Unknown { what: $what, got }),
                }
            }
        }
    };
}

codes! {
    /// Why a node leaves blocks out.
    GapReason, "gap.reason", {
        /// The client asked for blocks that the node no longer has.
        BehindHistory = 0, "behind the retained history";
        /// The chain was reorganised.
        Reorganisation = 1, "reorganisation";
        /// The node or the connection is too slow.
        Overload = 2, "overload";
    }
}

codes! {
    /// Why a node gives no answer.
    FailureCode, "failure.code", {
        /// There is no such thing.
        NotFound = 1, "not found";
        /// There was, but the node no longer has it.
        BehindHistory = 2, "behind the retained history";
        /// The answer would be too large.
        TooLarge = 3, "too large";
        /// The question is not one.
        Malformed = 4, "malformed";
        /// The node serves another chain.
        WrongChain = 5, "wrong chain";
        /// Ask again later, or somebody else.
        Overloaded = 6, "overloaded";
        /// The node does not do this.
        NotSupported = 7, "not supported";
    }
}

impl ClientMessage {
    /// The type byte.
    pub const fn kind(&self) -> MessageType {
        match self {
            Self::Hello { .. } => MessageType::Hello,
            Self::SetFilter { .. } => MessageType::SetFilter,
            Self::Request { .. } => MessageType::Request,
            Self::Credit { .. } => MessageType::Credit,
        }
    }

    /// The message in an uncompressed envelope.
    pub fn encode(&self) -> Vec<u8> {
        Envelope::raw(self.kind(), &self.payload())
    }

    /// The RLP without an envelope.
    pub fn payload(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_list(&mut out, |out| match self {
            Self::Hello {
                chain_id,
                genesis_hash,
                mode,
                filter,
                next_number,
                credit,
            } => {
                PROTOCOL_VERSION.encode(out);
                chain_id.encode(out);
                genesis_hash.encode(out);
                mode.to_number().encode(out);
                filter.encode_into(out);
                next_number.encode(out);
                credit.encode(out);
            }
            Self::SetFilter { mode, filter } => {
                mode.to_number().encode(out);
                filter.encode_into(out);
            }
            Self::Request { id, request } => {
                id.encode(out);
                request.encode_into(out);
            }
            Self::Credit { bytes } => bytes.encode(out),
        });
        out
    }

    /// Opens an envelope and reads the message in it.
    pub fn decode(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let Envelope { kind, payload } = Envelope::decode(bytes)?;
        let mut list = Reader::open("message", &payload)?;
        let message = match kind {
            MessageType::Hello => {
                check_version("hello", PROTOCOL_VERSION, list.value("hello.protocol")?)?;
                Self::Hello {
                    chain_id: list.value("hello.chain_id")?,
                    genesis_hash: list.value("hello.genesis_hash")?,
                    mode: Mode::read(&mut list)?,
                    filter: Filter::read(&mut list)?,
                    next_number: list.value("hello.next_number")?,
                    credit: list.value("hello.credit")?,
                }
            }
            MessageType::SetFilter => Self::SetFilter {
                mode: Mode::read(&mut list)?,
                filter: Filter::read(&mut list)?,
            },
            MessageType::Request => Self::Request {
                id: list.value("request.id")?,
                request: Request::read(&mut list)?,
            },
            MessageType::Credit => Self::Credit {
                bytes: list.value("credit.bytes")?,
            },
            other => {
                return Err(EnvelopeError::Type {
                    got: other.to_byte(),
                });
            }
        };
        list.finish()?;
        Ok(message)
    }
}

impl NodeMessage {
    /// The type byte.
    pub const fn kind(&self) -> MessageType {
        match self {
            Self::Welcome { .. } => MessageType::Welcome,
            Self::Update { .. } => MessageType::Update,
            Self::Gap { .. } => MessageType::Gap,
            Self::Response { .. } => MessageType::Response,
            Self::Failure { .. } => MessageType::Failure,
        }
    }

    /// The message in an uncompressed envelope. A node that compresses takes [`NodeMessage::payload`] to [`Envelope::compressed`].
    pub fn encode(&self) -> Vec<u8> {
        Envelope::raw(self.kind(), &self.payload())
    }

    /// The RLP without an envelope.
    pub fn payload(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_list(&mut out, |out| match self {
            Self::Welcome {
                chain_id,
                genesis_hash,
                head_number,
                head_hash,
            } => {
                PROTOCOL_VERSION.encode(out);
                chain_id.encode(out);
                genesis_hash.encode(out);
                head_number.encode(out);
                head_hash.encode(out);
            }
            Self::Update { seq, update } => {
                seq.encode(out);
                update.encode_into(out);
            }
            Self::Gap {
                first_seq,
                last_seq,
                reason,
                next_number,
            } => {
                first_seq.encode(out);
                last_seq.encode(out);
                reason.to_number().encode(out);
                next_number.encode(out);
            }
            Self::Response { id, response } => {
                id.encode(out);
                response.kind().encode(out);
                response.encode_into(out);
            }
            Self::Failure { id, code, text } => {
                id.encode(out);
                code.to_number().encode(out);
                text.as_str().encode(out);
            }
        });
        out
    }

    /// Opens an envelope and reads the message in it.
    pub fn decode(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let Envelope { kind, payload } = Envelope::decode(bytes)?;
        let mut list = Reader::open("message", &payload)?;
        let message = match kind {
            MessageType::Welcome => {
                check_version("welcome", PROTOCOL_VERSION, list.value("welcome.protocol")?)?;
                Self::Welcome {
                    chain_id: list.value("welcome.chain_id")?,
                    genesis_hash: list.value("welcome.genesis_hash")?,
                    head_number: list.value("welcome.head_number")?,
                    head_hash: list.value("welcome.head_hash")?,
                }
            }
            MessageType::Update => Self::Update {
                seq: list.value("update.seq")?,
                update: Update::read(&mut list)?,
            },
            MessageType::Gap => Self::Gap {
                first_seq: list.value("gap.first_seq")?,
                last_seq: list.value("gap.last_seq")?,
                reason: GapReason::read(&mut list)?,
                next_number: list.value("gap.next_number")?,
            },
            MessageType::Response => {
                let id = list.value("response.id")?;
                let kind = list.value("response.kind")?;
                Self::Response {
                    id,
                    response: Response::read(&mut list, kind)?,
                }
            }
            MessageType::Failure => Self::Failure {
                id: list.value("failure.id")?,
                code: FailureCode::read(&mut list)?,
                text: read_text(&mut list)?,
            },
            other => {
                return Err(EnvelopeError::Type {
                    got: other.to_byte(),
                });
            }
        };
        list.finish()?;
        Ok(message)
    }
}

fn read_text(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let bytes = reader.string("failure.text", MAX_FAILURE_TEXT_BYTES)?;
    core::str::from_utf8(bytes)
        .map(ToOwned::to_owned)
        .map_err(|_| DecodeError::Forbidden {
            what: "failure.text",
        })
}
