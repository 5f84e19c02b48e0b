//! `RLPTests`: what decodes, to what, and what must not.

use alloy_rlp::{Encodable, Header};
use serde_json::Value;
use sidelight_core::trie::rlp::{Item, decode_item, split_item};

use super::{Failure, Outcome, bytes_of, expect_eq, text_of};

/// Deeper than any case, and shallow enough for any stack.
const MAX_DEPTH: usize = 1_024;

/// An item with everything in it.
#[derive(Debug, PartialEq)]
enum Tree {
    Bytes(Vec<u8>),
    List(Vec<Self>),
}

/// Runs a case.
pub(super) fn check(case: &Value) -> Outcome {
    let text = text_of(&case["out"], "out")?;
    // Some files leave the prefix out.
    let raw = bytes_of(&format!("0x{}", text.trim_start_matches("0x")))?;
    let decoded = decode_item(&raw).and_then(|item| tree_of(item, 0));
    match case["in"].as_str() {
        Some("INVALID") => match decoded {
            Ok(tree) => Err(format!("expected a refusal, got {tree:?}").into()),
            Err(_) => Ok(()),
        },
        Some("VALID") => expect_eq("encoding", raw, encode(&decoded?)),
        _ => {
            let tree = decoded?;
            expect_eq("item", &expected(&case["in"])?, &tree)?;
            expect_eq("encoding", &raw, &encode(&tree))?;
            // No prefix of a valid item is one, and nothing may follow it.
            let prefixes = (0..raw.len()).filter_map(|end| raw.get(..end));
            let longer: Vec<u8> = raw.iter().copied().chain([0x80]).collect();
            for other in prefixes.chain([longer.as_slice()]) {
                if decode_item(other).and_then(|item| tree_of(item, 0)).is_ok() {
                    return Err("a prefix or an extension decodes as well".into());
                }
            }
            Ok(())
        }
    }
}

fn tree_of(item: Item<'_>, depth: usize) -> Result<Tree, alloy_rlp::Error> {
    if depth > MAX_DEPTH {
        return Err(alloy_rlp::Error::Custom("too deep"));
    }
    Ok(match item {
        Item::Bytes(bytes) => Tree::Bytes(bytes.to_vec()),
        Item::List { mut payload, .. } => {
            let mut items = Vec::new();
            while !payload.is_empty() {
                items.push(tree_of(split_item(&mut payload)?, depth.saturating_add(1))?);
            }
            Tree::List(items)
        }
    })
}

fn encode(tree: &Tree) -> Vec<u8> {
    let mut out = Vec::new();
    match tree {
        Tree::Bytes(bytes) => bytes.as_slice().encode(&mut out),
        Tree::List(items) => {
            let payload: Vec<u8> = items.iter().flat_map(encode).collect();
            let payload_length = payload.len();
            let list = true;
            Header {
                list,
                payload_length,
            }
            .encode(&mut out);
            out.extend(payload);
        }
    }
    out
}

/// Texts, numbers, `#` decimal numbers of any size, and lists of these.
fn expected(value: &Value) -> Result<Tree, Failure> {
    Ok(match value {
        Value::String(text) => match text.strip_prefix('#') {
            Some(decimal) => Tree::Bytes(big_endian(decimal)?),
            None => Tree::Bytes(text.as_bytes().to_vec()),
        },
        Value::Number(number) => Tree::Bytes(big_endian(&number.to_string())?),
        Value::Array(items) => Tree::List(items.iter().map(expected).collect::<Result<_, _>>()?),
        other => return Err(format!("in: got {other}").into()),
    })
}

/// Big-endian bytes of a decimal number of any size, without leading zeros.
fn big_endian(decimal: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes: Vec<u8> = Vec::new();
    for digit in decimal.chars() {
        let digit = digit.to_digit(10);
        let mut carry = digit.ok_or_else(|| Failure::Failed(format!("in: got {decimal}")))?;
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 10;
            *byte = (carry & 0xff) as u8;
            carry >>= 8;
        }
        if carry > 0 {
            bytes.insert(0, carry as u8);
        }
    }
    Ok(bytes)
}
