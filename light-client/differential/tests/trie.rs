//! Our sparse trie against `eth_trie`: the same changes give the same root, and each reads the other's proofs.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{B256, Bytes, keccak256};
use eth_trie::{EthTrie, MemoryDB, Trie};
use proptest::{collection::vec, prelude::*};
use sidelight_core::{proof::verify_proof, trie::SparseTrie};

/// Keys that share their beginnings, so that branches, extensions and inlined nodes come and go.
fn key() -> impl Strategy<Value = B256> {
    prop_oneof![
        3 => any::<u8>().prop_map(|seed| keccak256([seed])),
        2 => (0..4_u8, 0..8_u8).prop_map(|(first, last)| {
            let mut key = B256::repeat_byte(0x77);
            key.0[0] = first;
            key.0[31] = last;
            key
        }),
        1 => any::<[u8; 32]>().prop_map(B256::from),
    ]
}

type Batch = Vec<(B256, Option<Vec<u8>>)>;

/// Values of any length, also such that nodes are inlined in others. Not a single byte from 0x80: a state has no such value, because each is RLP, and `eth_trie` 0.6 gives it back
/// with its length in front.
fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(0..0x80_u8, 1),
        vec(any::<u8>(), 2..4),
        vec(any::<u8>(), 30..80),
    ]
}

fn batch() -> impl Strategy<Value = Batch> {
    let change = prop_oneof![1 => Just(None), 3 => value().prop_map(Some)];
    // Each key once, as a block has it.
    vec((key(), change), 0..24).prop_map(|changes| Vec::from_iter(BTreeMap::from_iter(changes)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn roots_values_and_proofs_are_the_same(batches in vec(batch(), 1..6), absent in vec(key(), 4)) {
        let mut ours = SparseTrie::empty();
        // Its other mode deletes nodes that another place still refers to.
        let mut theirs = EthTrie::new(Arc::new(MemoryDB::new(false)));
        let mut keys = absent;
        for batch in batches {
            ours.update(&batch).unwrap();
            for (key, value) in &batch {
                match value {
                    Some(value) => theirs.insert(key.as_slice(), value).unwrap(),
                    None => drop(theirs.remove(key.as_slice()).unwrap()),
                }
            }
            keys.extend(batch.iter().map(|(key, _)| *key));
            let root = ours.root();
            prop_assert_eq!(root.0, theirs.root_hash().unwrap().0);
            for key in &keys {
                let value = theirs.get(key.as_slice()).unwrap();
                prop_assert_eq!(ours.get(key).unwrap(), value.as_deref());
                let proof: Vec<Bytes> =
                    theirs.get_proof(key.as_slice()).unwrap().into_iter().map(Bytes::from).collect();
                let mine = ours.prove(key).unwrap();
                if root != SparseTrie::empty().root() {
                    prop_assert_eq!(verify_proof(root, *key, &proof), Ok(value.as_deref()));
                    let mine = mine.iter().map(|node| node.to_vec()).collect();
                    let read = theirs.verify_proof(root.0.into(), key.as_slice(), mine);
                    prop_assert_eq!(read.unwrap(), value);
                }
            }
        }
    }
}
