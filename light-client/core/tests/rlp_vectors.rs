//! The official `RLPTests` of ethereum/tests, against the item decoder that trie nodes go through.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use alloy_rlp::{Encodable, Header};
use common::{hex, json, vectors};
use serde_json::Value;
use sidelight_core::trie::rlp::{Item, decode_item, split_item};

/// An item with everything in it.
#[derive(Debug, PartialEq)]
enum Tree {
    Bytes(Vec<u8>),
    List(Vec<Self>),
}

fn decode(raw: &[u8]) -> Result<Tree, alloy_rlp::Error> {
    tree(decode_item(raw)?)
}

fn tree(item: Item<'_>) -> Result<Tree, alloy_rlp::Error> {
    Ok(match item {
        Item::Bytes(bytes) => Tree::Bytes(bytes.to_vec()),
        Item::List { mut payload, .. } => {
            let mut items = Vec::new();
            while !payload.is_empty() {
                items.push(tree(split_item(&mut payload)?)?);
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
            Header {
                list: true,
                payload_length,
            }
            .encode(&mut out);
            out.extend(payload);
        }
    }
    out
}

/// Texts, numbers, `#` decimal numbers of any size, and lists of these.
fn expected(value: &Value) -> Tree {
    match value {
        Value::String(text) => match text.strip_prefix('#') {
            Some(decimal) => Tree::Bytes(big_endian(decimal)),
            None => Tree::Bytes(text.as_bytes().to_vec()),
        },
        Value::Number(number) => Tree::Bytes(big_endian(&number.to_string())),
        Value::Array(items) => Tree::List(items.iter().map(expected).collect()),
        other => panic!("unexpected input {other}"),
    }
}

fn big_endian(decimal: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    for digit in decimal.bytes() {
        let mut carry = u32::from(digit - b'0');
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 10;
            *byte = (carry & 0xff) as u8;
            carry >>= 8;
        }
        if carry > 0 {
            bytes.insert(0, carry as u8);
        }
    }
    bytes
}

#[test]
fn official_rlp_tests_pass() {
    let Some(folder) = vectors("ethereum-tests/RLPTests") else {
        return;
    };
    let mut files = vec![];
    for folder in [folder.clone(), folder.join("RandomRLPTests")] {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            files.extend(
                path.extension()
                    .is_some_and(|e| e == "json")
                    .then_some(path),
            );
        }
    }
    let mut cases = 0;
    for path in files {
        for (name, case) in json(&path).as_object().unwrap() {
            let raw = hex(case["out"].as_str().unwrap());
            let decoded = decode(&raw);
            match case["in"].as_str() {
                Some("INVALID") => assert!(decoded.is_err(), "{name}: {decoded:?}"),
                Some("VALID") => assert_eq!(encode(&decoded.unwrap()), raw, "{name}"),
                _ => {
                    let tree = decoded.unwrap();
                    assert_eq!(tree, expected(&case["in"]), "{name}");
                    assert_eq!(encode(&tree), raw, "{name}");
                    // No prefix of a valid item is one, and nothing may follow it.
                    assert!((0..raw.len()).all(|end| decode(&raw[..end]).is_err()));
                    let longer: Vec<u8> = raw.iter().copied().chain([0x80]).collect();
                    assert!(decode(&longer).is_err(), "{name}");
                }
            }
            cases += 1;
        }
    }
    println!("{cases} cases");
    assert!(cases >= 55, "{cases} cases");
}
