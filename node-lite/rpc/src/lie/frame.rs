//! Lies about the bytes of a message.

use sidelight_core::limits::MAX_DECODED_BYTES;
use sidelight_core::wire::{Envelope, MessageType};

use super::{Lie, Lies};

/// What a bomb inflates to: all that a message may have.
const BOMB_BYTES: usize = MAX_DECODED_BYTES;

/// The message as the lies have it. Only messages that carry chain data are touched, so that a client gets as far as asking.
pub(crate) fn alter_frame(lies: &Lies, kind: MessageType, mut bytes: Vec<u8>) -> Vec<u8> {
    if !matches!(kind, MessageType::Update | MessageType::Response) {
        return bytes;
    }
    if lies.is_on(Lie::DecompressionBomb) {
        bytes = bomb(kind).unwrap_or(bytes);
    }
    if lies.is_on(Lie::OversizedFrame) {
        bytes = Envelope::compressed(kind, u32::MAX as usize, bytes.get(2..).unwrap_or_default())
            .unwrap_or(bytes);
    }
    if lies.is_on(Lie::TruncatedFrame) {
        bytes.truncate(bytes.len() / 2);
    }
    bytes
}

/// A frame of a few kilobytes that inflates to 32 MiB of zeros.
fn bomb(kind: MessageType) -> Option<Vec<u8>> {
    use std::io::Write;
    let mut encoder =
        zstd::stream::write::Encoder::new(Vec::new(), crate::lite::ZSTD_LEVEL).ok()?;
    let zeros = [0; 64 << 10];
    for _ in 0..BOMB_BYTES / zeros.len() {
        encoder.write_all(&zeros).ok()?;
    }
    let frame = encoder.finish().ok()?;
    Envelope::compressed(kind, BOMB_BYTES, &frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidelight_core::wire::EnvelopeError;

    fn told(lie: Lie) -> EnvelopeError {
        let lies = Lies::default();
        lies.set(lie, true, 0);
        let honest = Envelope::raw(MessageType::Update, &alloy_rlp::encode(vec![7_u64; 100]));
        Envelope::decode(&honest).unwrap();
        let bytes = alter_frame(&lies, MessageType::Update, honest);
        match Envelope::decode(&bytes) {
            Err(error) => error,
            // A truncated frame without compression is found when its payload is read.
            Ok(_) => sidelight_core::wire::NodeMessage::decode(&bytes).unwrap_err(),
        }
    }

    #[test]
    fn each_false_frame_is_refused() {
        assert!(matches!(
            told(Lie::TruncatedFrame),
            EnvelopeError::Payload(_)
        ));
        assert!(matches!(
            told(Lie::OversizedFrame),
            EnvelopeError::PayloadTooLarge { .. }
        ));
        assert!(matches!(
            told(Lie::DecompressionBomb),
            EnvelopeError::Bomb { .. }
        ));
    }
}
