//! Reading fields of untrusted JSON: each absence and each malformed value is a refusal that names the field.

use std::str::FromStr;

use alloy_primitives::{Bytes, U256};
use serde_json::Value as Json;

use super::Refusal;

/// A required field.
pub(super) fn field<'a>(object: &'a Json, name: &str) -> Result<&'a Json, Refusal> {
    object
        .get(name)
        .ok_or_else(|| Refusal(format!("{name}: missing")))
}

/// A required string.
pub(super) fn text<'a>(object: &'a Json, name: &str) -> Result<&'a str, Refusal> {
    field(object, name)?
        .as_str()
        .ok_or_else(|| Refusal(format!("{name}: expected a string")))
}

/// A required string that `T` can be read from: an address, a hash, bytes.
pub(super) fn parse<T: FromStr>(object: &Json, name: &str) -> Result<T, Refusal> {
    let text = text(object, name)?;
    read(text, name)
}

/// `0x` and hex digits.
pub(super) fn read<T: FromStr>(text: &str, name: &str) -> Result<T, Refusal> {
    let refused = || {
        Refusal(format!(
            "{name}: expected 0x-prefixed hex of the right length, got {:?}",
            shorten(text)
        ))
    };
    if !text.starts_with("0x") {
        return Err(refused());
    }
    text.parse().map_err(|_| refused())
}

/// A quantity: `0x` hex, or a JSON number.
pub(super) fn quantity(object: &Json, name: &str) -> Result<U256, Refusal> {
    match field(object, name)? {
        Json::String(text) => read_quantity(text, name),
        Json::Number(number) => number
            .as_u64()
            .map(U256::from)
            .ok_or_else(|| Refusal(format!("{name}: expected a whole number, got {number}"))),
        _ => Err(Refusal(format!("{name}: expected a quantity"))),
    }
}

pub(super) fn read_quantity(text: &str, name: &str) -> Result<U256, Refusal> {
    let digits = text
        .strip_prefix("0x")
        .filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    digits
        .and_then(|digits| U256::from_str_radix(digits, 16).ok())
        .ok_or_else(|| {
            Refusal(format!(
                "{name}: expected a quantity of at most 32 bytes, got {:?}",
                shorten(text)
            ))
        })
}

/// A required list.
pub(super) fn list<'a>(object: &'a Json, name: &str, limit: usize) -> Result<&'a [Json], Refusal> {
    let list = field(object, name)?
        .as_array()
        .ok_or_else(|| Refusal(format!("{name}: expected a list")))?;
    match list.len() <= limit {
        true => Ok(list),
        false => Err(Refusal(format!(
            "{name}: expected at most {limit} items, got {}",
            list.len()
        ))),
    }
}

/// A required list of `0x` byte strings.
pub(super) fn nodes(object: &Json, name: &str, limit: usize) -> Result<Vec<Bytes>, Refusal> {
    let read_node = |node: &Json| read(node.as_str().unwrap_or_default(), name);
    list(object, name, limit)?.iter().map(read_node).collect()
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}
