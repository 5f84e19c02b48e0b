//! The outermost layer of every message: a type, an encoding, a payload. `docs/wire-format.md` section 3.
//!
//! ```text
//! type (1) || 0 || payload
//! type (1) || 1 || u32be(decoded length) || one zstd frame
//! ```
//!
//! The declared length is held against the limit of its type, and against the ratio to the encoded length, before a byte is inflated; the frame's window may not be larger than the
//! content needs, and the content must have exactly the declared length.

use crate::{
    fault::{Fault, FaultKind, Mismatch},
    limits::{
        MAX_CLIENT_MESSAGE_BYTES, MAX_COMPRESSION_RATIO, MAX_DECODED_BYTES, MAX_ENVELOPE_BYTES,
        MAX_NOTICE_BYTES,
    },
    rlp::DecodeError,
};
use alloc::{borrow::Cow, vec::Vec};
use ruzstd::decoding::FrameDecoder;
use thiserror::Error;

const RAW: u8 = 0;
const ZSTD: u8 = 1;

/// Smallest window that a frame may ask for whatever its content: 128 KiB is one zstd block.
const MIN_WINDOW_BYTES: u64 = 128 << 10;

/// The type byte of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageType {
    /// Client: what it wants.
    Hello,
    /// Client: another mode or filter.
    SetFilter,
    /// Client: a question.
    Request,
    /// Client: how many more bytes of updates it takes.
    Credit,
    /// Node: what chain it serves.
    Welcome,
    /// Node: one block.
    Update,
    /// Node: blocks that it leaves out.
    Gap,
    /// Node: the answer to a question.
    Response,
    /// Node: why there is no answer.
    Failure,
}

impl MessageType {
    const ALL: [(Self, u8); 9] = [
        (Self::Hello, 0x01),
        (Self::SetFilter, 0x02),
        (Self::Request, 0x03),
        (Self::Credit, 0x04),
        (Self::Welcome, 0x81),
        (Self::Update, 0x82),
        (Self::Gap, 0x83),
        (Self::Response, 0x84),
        (Self::Failure, 0x85),
    ];

    /// The byte on the wire.
    pub fn to_byte(self) -> u8 {
        Self::ALL
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or(0, |(_, byte)| *byte)
    }

    /// The type of a byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == byte)
            .map(|(kind, _)| *kind)
    }

    /// Largest decoded payload, in bytes.
    pub const fn max_decoded(self) -> usize {
        match self {
            Self::Hello | Self::SetFilter | Self::Request => MAX_CLIENT_MESSAGE_BYTES,
            Self::Update | Self::Response => MAX_DECODED_BYTES,
            Self::Credit | Self::Welcome | Self::Gap | Self::Failure => MAX_NOTICE_BYTES,
        }
    }
}

/// Why a message is refused before or while it is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The envelope ends before its payload begins.
    #[error("envelope: expected at least {expected} bytes, got {got}")]
    Truncated {
        /// The shortest envelope of this encoding.
        expected: usize,
        /// What came.
        got: usize,
    },
    /// The envelope is longer than the limit.
    #[error("envelope: expected at most {expected} bytes, got {got}")]
    Oversized {
        /// The limit in bytes.
        expected: usize,
        /// The length in bytes.
        got: usize,
    },
    /// The payload is, or says it will be, longer than its type allows.
    #[error("payload: expected at most {expected} bytes, got {got}")]
    PayloadTooLarge {
        /// The limit in bytes.
        expected: usize,
        /// The declared length in bytes.
        got: usize,
    },
    /// The declared length is too many times the compressed one.
    #[error("payload: expected at most {expected} bytes of so short a frame, got {got}")]
    Bomb {
        /// The most that this frame may decode to, in bytes.
        expected: usize,
        /// The declared length in bytes.
        got: usize,
    },
    /// A type byte that names nothing, or a message of the other side.
    #[error("envelope: unexpected type {got:#04x}")]
    Type {
        /// The byte.
        got: u8,
    },
    /// An encoding byte that names nothing.
    #[error("envelope: unknown encoding {got}")]
    Encoding {
        /// The byte.
        got: u8,
    },
    /// Not exactly one zstd frame, or a damaged one, or one whose window is larger than its content.
    #[error("payload is not one zstd frame")]
    Zstd,
    /// The frame decodes to another length than declared.
    #[error("payload: expected {expected} bytes, got {got}")]
    Length {
        /// The declared length.
        expected: usize,
        /// The real length.
        got: usize,
    },
    /// The payload is not the message that its type promises.
    #[error("{0}")]
    Payload(#[from] DecodeError),
}

impl EnvelopeError {
    /// The field, what was expected and what came.
    pub fn mismatch(&self) -> Mismatch {
        match *self {
            Self::Truncated { expected, got } | Self::Oversized { expected, got } => {
                Mismatch::new("envelope.bytes", expected, got)
            }
            Self::PayloadTooLarge { expected, got } | Self::Bomb { expected, got } => {
                Mismatch::new("envelope.decoded_length", expected, got)
            }
            Self::Type { got } => Mismatch::new("envelope.type", "a known type", u64::from(got)),
            Self::Encoding { got } => Mismatch::new("envelope.encoding", "0 or 1", u64::from(got)),
            Self::Zstd => Mismatch::new("envelope.payload", "one zstd frame", "something else"),
            Self::Length { expected, got } => Mismatch::new("envelope.payload", expected, got),
            Self::Payload(error) => error.mismatch(),
        }
    }

    /// The kind of fault that a peer commits with it.
    pub const fn fault_kind(&self) -> FaultKind {
        match self {
            Self::Oversized { .. }
            | Self::PayloadTooLarge { .. }
            | Self::Payload(DecodeError::TooLarge { .. }) => FaultKind::Oversized,
            Self::Bomb { .. } => FaultKind::DecompressionBomb,
            _ => FaultKind::BadEnvelope,
        }
    }

    /// The stable word for this error.
    pub const fn kind(&self) -> &'static str {
        self.fault_kind().as_str()
    }

    /// The error as a fault.
    pub fn fault(&self) -> Fault {
        Fault::new(self.fault_kind(), self.mismatch())
    }
}

/// A type and its decoded payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// What the payload is.
    pub kind: MessageType,
    /// The RLP.
    pub payload: Cow<'a, [u8]>,
}

impl<'a> Envelope<'a> {
    /// Opens an envelope: checks every limit, then inflates.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > MAX_ENVELOPE_BYTES {
            let (expected, got) = (MAX_ENVELOPE_BYTES, bytes.len());
            return Err(EnvelopeError::Oversized { expected, got });
        }
        let [kind, encoding, body @ ..] = bytes else {
            return Err(EnvelopeError::Truncated {
                expected: 2,
                got: bytes.len(),
            });
        };
        let kind = MessageType::from_byte(*kind).ok_or(EnvelopeError::Type { got: *kind })?;
        let payload = match *encoding {
            RAW => {
                check_payload(kind, body.len())?;
                Cow::Borrowed(body)
            }
            ZSTD => Cow::Owned(inflate(kind, body)?),
            got => return Err(EnvelopeError::Encoding { got }),
        };
        Ok(Self { kind, payload })
    }

    /// The bytes of an uncompressed envelope.
    pub fn raw(kind: MessageType, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(payload.len().saturating_add(2));
        out.extend_from_slice(&[kind.to_byte(), RAW]);
        out.extend_from_slice(payload);
        out
    }

    /// The bytes of a compressed envelope: `zstd` is one frame that decodes to `decoded_len` bytes. None when the length does not fit.
    pub fn compressed(kind: MessageType, decoded_len: usize, zstd: &[u8]) -> Option<Vec<u8>> {
        let declared = u32::try_from(decoded_len).ok()?;
        let mut out = Vec::with_capacity(zstd.len().saturating_add(6));
        out.extend_from_slice(&[kind.to_byte(), ZSTD]);
        out.extend_from_slice(&declared.to_be_bytes());
        out.extend_from_slice(zstd);
        Some(out)
    }
}

const fn check_payload(kind: MessageType, got: usize) -> Result<(), EnvelopeError> {
    let expected = kind.max_decoded();
    if got > expected {
        Err(EnvelopeError::PayloadTooLarge { expected, got })
    } else {
        Ok(())
    }
}

/// Inflates `u32be(decoded length) || frame`.
fn inflate(kind: MessageType, body: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    let Some((declared, frame)) = body.split_first_chunk::<4>() else {
        return Err(EnvelopeError::Truncated {
            expected: 6,
            got: body.len().saturating_add(2),
        });
    };
    let declared = usize::try_from(u32::from_be_bytes(*declared)).unwrap_or(usize::MAX);
    check_payload(kind, declared)?;
    let most = frame.len().saturating_mul(MAX_COMPRESSION_RATIO);
    if declared > most {
        return Err(EnvelopeError::Bomb {
            expected: most,
            got: declared,
        });
    }

    let window = u64::try_from(declared)
        .unwrap_or(u64::MAX)
        .saturating_mul(2);
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(window.max(MIN_WINDOW_BYTES));
    let mut payload = alloc::vec![0_u8; declared];
    let mut rest = frame;
    decoder.init(&mut rest).map_err(|_| EnvelopeError::Zstd)?;
    let length = inflate_blocks(&mut decoder, &mut rest, &mut payload)?;
    if !rest.is_empty() {
        return Err(EnvelopeError::Zstd);
    }
    if length != declared {
        return Err(EnvelopeError::Length {
            expected: declared,
            got: length,
        });
    }
    Ok(payload)
}

/// Decodes block by block, so that a frame that goes on beyond `payload` is stopped after one block.
fn inflate_blocks(
    decoder: &mut FrameDecoder,
    rest: &mut &[u8],
    payload: &mut [u8],
) -> Result<usize, EnvelopeError> {
    use ruzstd::{decoding::BlockDecodingStrategy, io::Read};
    let declared = payload.len();
    let mut length = 0_usize;
    loop {
        decoder
            .decode_blocks(&mut *rest, BlockDecodingStrategy::UptoBlocks(1))
            .map_err(|_| EnvelopeError::Zstd)?;
        let free = payload.get_mut(length..).unwrap_or_default();
        let read = decoder.read(free).map_err(|_| EnvelopeError::Zstd)?;
        length = length.saturating_add(read);
        let waiting = decoder.can_collect();
        if waiting > 0 {
            let got = length.saturating_add(waiting);
            return Err(EnvelopeError::Length {
                expected: declared,
                got,
            });
        }
        if decoder.is_finished() {
            return Ok(length);
        }
    }
}
