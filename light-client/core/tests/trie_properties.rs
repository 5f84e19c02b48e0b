//! Random changes of one trie, on keys that share long prefixes, against a full rebuild by `alloy-trie`'s HashBuilder.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes, map::B256Map};
use alloy_trie::{HashBuilder, Nibbles};
use proptest::{collection::vec, prelude::*};
use sidelight_core::{
    proof::verify_proof,
    trie::{SparseTrie, Witness},
};

type Change = (B256, Option<Vec<u8>>);

fn rebuild(keys: &BTreeMap<B256, Vec<u8>>) -> B256 {
    let mut builder = HashBuilder::default();
    for (key, value) in keys {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    builder.root()
}

/// Keys that part at the start, in the middle, or at the very end, so that extensions are long and leaves are inlined.
fn key() -> impl Strategy<Value = B256> {
    let nibble = prop::sample::select(&[0x00_u8, 0x01, 0x10, 0x11][..]);
    (nibble.clone(), nibble.clone(), nibble).prop_map(|(first, middle, last)| {
        let mut key = B256::repeat_byte(0x77);
        key[0] = first;
        key[15] = middle;
        key[31] = last;
        key
    })
}

fn change() -> impl Strategy<Value = Change> {
    let value = prop_oneof![
        2 => Just(None),
        2 => vec(1..=255_u8, 1..3).prop_map(Some),
        1 => vec(1..=255_u8, 30..80).prop_map(Some),
    ];
    (key(), value)
}

fn batch(size: usize) -> impl Strategy<Value = Vec<Change>> {
    vec(change(), 0..size).prop_map(|changes| {
        let unique: BTreeMap<_, _> = changes.into_iter().collect();
        unique.into_iter().collect()
    })
}

fn write(keys: &mut BTreeMap<B256, Vec<u8>>, batch: &[Change]) {
    for (key, value) in batch {
        match value {
            Some(value) => keys.insert(*key, value.clone()),
            None => keys.remove(key),
        };
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_changes_give_the_root_of_a_full_rebuild(batches in vec(batch(24), 1..8)) {
        let (mut keys, mut trie) = (BTreeMap::new(), SparseTrie::empty());
        for batch in &batches {
            write(&mut keys, batch);
            trie.update(batch).unwrap();
            prop_assert_eq!(trie.root(), rebuild(&keys));
            let mut listed = BTreeMap::new();
            trie.for_each(|key, value| {
                listed.insert(B256::from_slice(key), value.to_vec());
            }).unwrap();
            prop_assert_eq!(&listed, &keys);
        }
    }

    #[test]
    fn proofs_of_presence_and_absence_verify(batch in batch(32), others in vec(key(), 8)) {
        let mut keys = BTreeMap::new();
        write(&mut keys, &batch);
        let mut trie = SparseTrie::empty();
        trie.update(&batch).unwrap();
        let root = trie.root();
        for key in others.iter().chain(keys.keys()) {
            let proof = trie.prove(key).unwrap();
            let value = verify_proof(root, *key, &proof).unwrap();
            prop_assert_eq!(value, keys.get(key).map(Vec::as_slice));
            for index in 0..proof.len() {
                let mut fewer = proof.clone();
                fewer.remove(index);
                prop_assert!(verify_proof(root, *key, &fewer).is_err());
            }
        }
    }

    /// Whatever part of the nodes a client has, it gets the right root or none.
    #[test]
    fn partial_knowledge_gives_the_right_root_or_none(
        first in batch(32),
        second in batch(8),
        known in vec(prop::bool::weighted(0.9), 128),
    ) {
        let mut nodes = B256Map::default();
        let mut trie = SparseTrie::empty();
        trie.update(&first).unwrap();
        let root = trie.root_with(|hash, rlp| {
            nodes.insert(hash, Bytes::copy_from_slice(rlp));
        });
        // Reachable ones only: below a node that is left out there is nothing to reveal.
        let mut client = SparseTrie::from_root(root);
        let mut kept: Vec<Bytes> = nodes.into_values().zip(known).filter(|(_, known)| *known).map(|(n, _)| n).collect();
        kept.sort_unstable();
        let mut witness = Witness::new(&kept).unwrap();
        client.reveal(&mut witness).unwrap();

        let mut keys = BTreeMap::new();
        write(&mut keys, &first);
        for key in keys.keys() {
            match client.get(key) {
                Ok(value) => prop_assert_eq!(value, keys.get(key).map(Vec::as_slice)),
                Err(error) => prop_assert_eq!(error.kind(), "incomplete"),
            }
        }
        write(&mut keys, &second);
        match client.update(&second) {
            Ok(()) => prop_assert_eq!(client.root(), rebuild(&keys)),
            Err(error) => prop_assert_eq!(error.kind(), "incomplete"),
        }
    }
}
