//! The reason in a revert's bytes: Solidity's `Error(string)` and `Panic(uint256)`.

use revm::primitives::U256;

/// Longest reason that is taken out of a revert, in bytes.
const MAX_REASON_BYTES: usize = 1_024;

/// The reason in words, or `None` when the bytes are a custom error or none of Solidity's.
pub fn decode_reason(output: &[u8]) -> Option<String> {
    let (selector, body) = output.split_at_checked(4)?;
    match selector {
        [0x08, 0xc3, 0x79, 0xa0] => decode_string(body),
        [0x4e, 0x48, 0x7b, 0x71] => decode_panic(body),
        _ => None,
    }
}

fn decode_string(body: &[u8]) -> Option<String> {
    let offset = word(body, 0)?;
    let length = word(body, offset)?;
    let start = offset.checked_add(32)?;
    let text = body.get(start..start.checked_add(length)?)?;
    let text = text.get(..MAX_REASON_BYTES).unwrap_or(text);
    Some(String::from_utf8_lossy(text).into_owned())
}

fn decode_panic(body: &[u8]) -> Option<String> {
    let code = word(body, 0)?;
    let meaning = match code {
        0x00 => "generic panic",
        0x01 => "assert(false)",
        0x11 => "arithmetic underflow or overflow",
        0x12 => "division or modulo by zero",
        0x21 => "enum overflow",
        0x22 => "invalid encoded storage byte array accessed",
        0x31 => "out-of-bounds array access; popping on an empty array",
        0x32 => "out-of-bounds access of an array or bytesN",
        0x41 => "out of memory",
        0x51 => "uninitialized function",
        _ => return Some(format!("unknown panic code: 0x{code:x}")),
    };
    Some(meaning.to_owned())
}

fn word(body: &[u8], at: usize) -> Option<usize> {
    let bytes = body.get(at..at.checked_add(32)?)?;
    usize::try_from(U256::try_from_be_slice(bytes)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str, length: usize) -> Vec<u8> {
        let mut bytes = vec![0x08, 0xc3, 0x79, 0xa0];
        bytes.extend(U256::from(32).to_be_bytes::<32>());
        bytes.extend(U256::from(length).to_be_bytes::<32>());
        bytes.extend(text.as_bytes());
        bytes.resize(bytes.len().div_ceil(32) * 32 + 4, 0);
        bytes
    }

    #[test]
    fn reads_a_solidity_reason() {
        assert_eq!(
            decode_reason(&error("not enough", 10)).as_deref(),
            Some("not enough")
        );
    }

    #[test]
    fn a_length_past_the_end_is_no_reason() {
        assert_eq!(decode_reason(&error("short", 5_000)), None);
        let mut huge = error("x", 1);
        huge[4..36].fill(0xff);
        assert_eq!(decode_reason(&huge), None);
    }

    #[test]
    fn names_solidity_panics() {
        let mut bytes = vec![0x4e, 0x48, 0x7b, 0x71];
        bytes.extend(U256::from(0x11).to_be_bytes::<32>());
        assert_eq!(
            decode_reason(&bytes).as_deref(),
            Some("arithmetic underflow or overflow")
        );
    }

    #[test]
    fn custom_errors_and_short_output_have_no_reason() {
        assert_eq!(decode_reason(&[1, 2, 3]), None);
        assert_eq!(decode_reason(&[0xde, 0xad, 0xbe, 0xef, 0]), None);
    }
}
