//! `TrieTests`: the root after a list of changes, and the neighbours of keys.

use alloy_consensus::constants::EMPTY_ROOT_HASH;
use alloy_primitives::{B256, keccak256};
use serde_json::Value;
use sidelight_core::trie::SparseTrie;

use super::{Failure, Outcome, bytes_of, expect_eq, text_of};

type Change = (Vec<u8>, Option<Vec<u8>>);

/// Runs a case; whether keys are hashed stands in the file's name.
pub(super) fn check(file: &str, case: &Value) -> Outcome {
    let secure = file.to_lowercase().contains("secure");
    match case.get("root") {
        Some(root) => check_root(case, text_of(root, "root")?, secure),
        None => check_neighbours(case),
    }
}

fn check_root(case: &Value, root: &str, secure: bool) -> Outcome {
    let root: B256 = root.parse()?;
    let change = |key: &str, value: &Value| -> Result<Change, Failure> {
        let key = bytes_of(key)?;
        let key = if secure { keccak256(key).to_vec() } else { key };
        Ok((key, value.as_str().map(bytes_of).transpose()?))
    };
    let changes: Vec<Change> = match &case["in"] {
        Value::Array(list) => list
            .iter()
            .map(|entry| change(text_of(&entry[0], "key")?, &entry[1]))
            .collect::<Result<_, _>>()?,
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| change(key, value))
            .collect::<Result<_, _>>()?,
        other => return Err(format!("in: expected a list or an object, got {other}").into()),
    };
    expect_eq("root", root, root_one_by_one(changes.iter())?)?;
    if case["in"].is_object() {
        expect_eq(
            "root, backwards",
            root,
            root_one_by_one(changes.iter().rev())?,
        )?;
    }

    // What is left of each key, at once.
    let last: std::collections::BTreeMap<_, _> = changes.into_iter().collect();
    let last: Vec<Change> = last.into_iter().collect();
    let mut trie = SparseTrie::empty();
    trie.update(&last)?;
    expect_eq("root, all changes at once", root, trie.root())?;
    for (key, value) in &last {
        expect_eq("value", value.as_deref(), trie.get(key)?)?;
    }
    let gone: Vec<Change> = last.into_iter().map(|(key, _)| (key, None)).collect();
    trie.update(&gone)?;
    expect_eq("root, emptied", EMPTY_ROOT_HASH, trie.root())
}

fn root_one_by_one<'a>(changes: impl Iterator<Item = &'a Change>) -> Result<B256, Failure> {
    let mut trie = SparseTrie::empty();
    for change in changes {
        trie.update(core::slice::from_ref(change))?;
        trie.root();
    }
    Ok(trie.root())
}

fn check_neighbours(case: &Value) -> Outcome {
    let list = |value: &Value| -> Result<Vec<Vec<u8>>, Failure> {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        items
            .iter()
            .map(|item| bytes_of(text_of(item, "key")?))
            .collect()
    };
    let mut trie = SparseTrie::empty();
    let keys = list(&case["in"])?;
    let changes: Vec<Change> = keys.into_iter().map(|key| (key, Some(vec![1]))).collect();
    trie.update(&changes)?;
    let mut keys = Vec::new();
    trie.for_each(|key, _| keys.push(key.to_vec()))?;
    let tests = case["tests"].as_array();
    let tests = tests.ok_or_else(|| Failure::Failed("expected root or tests".to_owned()))?;
    for test in tests {
        let [at, previous, next] = &list(test)?[..] else {
            return Err(format!("expected three keys, got {test}").into());
        };
        let found = keys.iter().rev().find(|key| *key < at).cloned();
        expect_eq("previous key", previous, &found.unwrap_or_default())?;
        let found = keys.iter().find(|key| *key > at).cloned();
        expect_eq("next key", next, &found.unwrap_or_default())?;
    }
    Ok(())
}
