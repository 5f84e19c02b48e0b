//! Envelopes, compressed where that makes them shorter.

use sidelight_core::limits::{MAX_COMPRESSION_RATIO, MAX_ENVELOPE_BYTES};
use sidelight_core::wire::{Envelope, NodeMessage};

/// zstd's default: most of the gain at a fraction of the time of higher levels.
pub(crate) const ZSTD_LEVEL: i32 = 3;
/// Payloads below this are sent as they are: hashes and signatures hardly compress.
const MIN_COMPRESSED: usize = 256;

/// A message as it goes on the wire; `None` if it is larger than a client takes.
pub(crate) fn encode(message: &NodeMessage) -> Option<Vec<u8>> {
    let payload = message.payload();
    if payload.len() > message.kind().max_decoded() {
        return None;
    }
    let bytes =
        compress(message, &payload).unwrap_or_else(|| Envelope::raw(message.kind(), &payload));
    (bytes.len() <= MAX_ENVELOPE_BYTES).then_some(bytes)
}

fn compress(message: &NodeMessage, payload: &[u8]) -> Option<Vec<u8>> {
    if payload.len() < MIN_COMPRESSED {
        return None;
    }
    let frame = zstd::bulk::compress(payload, ZSTD_LEVEL).ok()?;
    // A frame that is too good looks like a bomb.
    let plausible = payload.len() <= frame.len().saturating_mul(MAX_COMPRESSION_RATIO);
    let shorter = frame.len() + 4 < payload.len();
    if shorter && plausible {
        Envelope::compressed(message.kind(), payload.len(), &frame)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Bytes;
    use sidelight_core::wire::Response;

    fn code(bytes: Vec<u8>) -> NodeMessage {
        NodeMessage::Response {
            id: 1,
            response: Response::Code(Bytes::from(bytes)),
        }
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same() {
        for bytes in [
            Vec::new(),
            vec![7; 100],
            vec![7; 10_000],
            vec![0; 40_000],
            (0..=255).cycle().take(40_000).collect(),
        ] {
            let message = code(bytes);
            let wire = encode(&message).unwrap();
            assert_eq!(NodeMessage::decode(&wire).unwrap(), message);
            assert!(wire.len() <= message.encode().len());
        }
    }
}
