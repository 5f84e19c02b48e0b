//! JSON values in Ethereum's spelling, made without serializers: each of those costs the browser's module kilobytes.

use alloy_primitives::{B256, Bytes, U256};
use serde_json::{Map, Value as Json};

use crate::view::hex;

/// `0x` data.
pub(crate) fn data(bytes: &[u8]) -> Json {
    Json::String(hex(bytes))
}

/// A `0x` quantity: no leading zero.
pub(crate) fn quantity(number: U256) -> Json {
    Json::String(hex_quantity(number))
}

/// A `0x` quantity.
pub(crate) fn number(number: u64) -> Json {
    quantity(U256::from(number))
}

pub(crate) fn hex_quantity(number: U256) -> String {
    let digits = hex(number.to_be_bytes::<32>());
    let significant = digits.trim_start_matches(['0', 'x']);
    let significant = if significant.is_empty() {
        "0"
    } else {
        significant
    };
    ["0x", significant].concat()
}

/// A 32-byte word.
pub(crate) fn word(word: B256) -> Json {
    data(word.as_slice())
}

/// A list of byte strings.
pub(crate) fn list(items: &[Bytes]) -> Json {
    Json::Array(items.iter().map(|item| data(item)).collect())
}

/// An object of these fields; a field without a value is left out.
pub(crate) fn object<const N: usize>(fields: [(&str, Option<Json>); N]) -> Json {
    collect(&mut fields.into_iter())
}

fn collect(fields: &mut dyn Iterator<Item = (&str, Option<Json>)>) -> Json {
    let mut object = Map::new();
    for (name, value) in fields {
        if let Some(value) = value {
            object.insert(name.to_owned(), value);
        }
    }
    Json::Object(object)
}

/// The fields of both.
pub(crate) fn merge(mut object: Json, more: Json) -> Json {
    if let (Json::Object(object), Json::Object(more)) = (&mut object, more) {
        for (name, value) in more {
            object.insert(name, value);
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_no_leading_zero_and_data_keeps_its() {
        assert_eq!(hex_quantity(U256::ZERO), "0x0");
        assert_eq!(hex_quantity(U256::from(0x0a0b_u64)), "0xa0b");
        assert_eq!(hex_quantity(U256::MAX), format!("{:#x}", U256::MAX));
        assert_eq!(data(&[0, 10]), "0x000a");
    }

    #[test]
    fn objects_leave_out_what_has_no_value() {
        let merged = merge(
            object([("a", Some(number(1))), ("b", None)]),
            object([("c", Some(Json::Null))]),
        );
        assert_eq!(merged, serde_json::json!({ "a": "0x1", "c": null }));
    }
}
