//! The official `TrieTests` of ethereum/tests, against the sparse trie.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::collections::BTreeMap;

use alloy_consensus::constants::EMPTY_ROOT_HASH;
use alloy_primitives::{B256, keccak256};
use common::{hex, json, vectors};
use serde_json::Value;
use sidelight_core::trie::SparseTrie;

type Change = (Vec<u8>, Option<Vec<u8>>);

fn bytes(text: &str) -> Vec<u8> {
    if text.starts_with("0x") {
        hex(text)
    } else {
        text.as_bytes().to_vec()
    }
}

fn changes(case: &Value, secure: bool) -> (Vec<Change>, bool) {
    let change = |key: &str, value: &Value| {
        let key = bytes(key);
        let key = if secure { keccak256(key).to_vec() } else { key };
        (key, value.as_str().map(bytes))
    };
    match &case["in"] {
        Value::Array(list) => {
            let ordered = list
                .iter()
                .map(|entry| change(entry[0].as_str().unwrap(), &entry[1]));
            (ordered.collect(), false)
        }
        Value::Object(map) => (map.iter().map(|(k, v)| change(k, v)).collect(), true),
        other => panic!("unexpected input {other}"),
    }
}

fn root_one_by_one<'a>(changes: impl IntoIterator<Item = &'a Change>) -> B256 {
    let mut trie = SparseTrie::empty();
    for change in changes {
        trie.update(std::slice::from_ref(change)).unwrap();
        trie.root();
    }
    trie.root()
}

fn check_root_case(name: &str, case: &Value, secure: bool) {
    let (changes, any_order) = changes(case, secure);
    let root: B256 = case["root"].as_str().unwrap().parse().unwrap();
    assert_eq!(root_one_by_one(&changes), root, "{name}");

    // The same keys at once: what is left of each, in the trie's order.
    let last: BTreeMap<_, _> = changes.iter().cloned().collect();
    let last: Vec<Change> = last.into_iter().collect();
    let mut trie = SparseTrie::empty();
    trie.update(&last).unwrap();
    assert_eq!(trie.root(), root, "{name}, at once");
    for (key, value) in &last {
        assert_eq!(trie.get(key).unwrap(), value.as_deref(), "{name}, reading");
    }

    if any_order {
        assert_eq!(root_one_by_one(changes.iter().rev()), root, "{name}");
        for shift in 0..changes.len() {
            let mut rotated = changes.clone();
            rotated.rotate_left(shift);
            assert_eq!(root_one_by_one(&rotated), root, "{name}, from {shift}");
        }
    }

    let deletions: Vec<Change> = last.into_iter().map(|(key, _)| (key, None)).collect();
    trie.update(&deletions).unwrap();
    assert_eq!(trie.root(), EMPTY_ROOT_HASH, "{name}, emptied");
}

fn check_neighbours(name: &str, case: &Value) {
    let list = |value: &Value| -> Vec<Change> {
        let keys = value.as_array().unwrap().iter();
        keys.map(|key| (bytes(key.as_str().unwrap()), Some(vec![1])))
            .collect()
    };
    let mut trie = SparseTrie::empty();
    trie.update(&list(&case["in"])).unwrap();
    let mut keys = Vec::new();
    trie.for_each(|key, _| keys.push(key.to_vec())).unwrap();
    for test in case["tests"].as_array().unwrap() {
        let at = |index: usize| bytes(test[index].as_str().unwrap());
        let previous = keys.iter().rev().find(|key| **key < at(0));
        let next = keys.iter().find(|key| **key > at(0));
        assert_eq!(previous.cloned().unwrap_or_default(), at(1), "{name}");
        assert_eq!(next.cloned().unwrap_or_default(), at(2), "{name}");
    }
}

#[test]
fn official_trie_tests_pass() {
    let Some(folder) = vectors("ethereum-tests/TrieTests") else {
        return;
    };
    let mut cases = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().to_lowercase();
        for (case_name, case) in json(&path).as_object().unwrap() {
            let full = format!("{name}/{case_name}");
            if case.get("root").is_some() {
                check_root_case(&full, case, name.contains("secure"));
            } else {
                check_neighbours(&full, case);
            }
            cases += 1;
        }
    }
    println!("{cases} cases");
    assert!(cases >= 26, "{cases} cases");
}
