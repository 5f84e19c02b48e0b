//! Verifies made-up proofs: nothing panics, and what a proof says a sparse trie that knows the same nodes says too.

use alloy_primitives::{Bytes, keccak256};
use sidelight_core::{
    proof::verify_proof,
    trie::{SparseTrie, Witness},
};

use crate::input::Input;

/// Runs one input.
pub fn run(data: &[u8]) {
    let Input { nodes, changes } = Input::parse(data);
    let Some((key, _)) = changes.first() else {
        return;
    };
    let nodes: Vec<Bytes> = nodes.into_iter().rev().collect();
    let Some(top) = nodes.first() else { return };
    // The empty trie's proof, which is not a witness.
    if top.as_ref() == [0x80] {
        return;
    }
    let root = keccak256(top);
    let Ok(value) = verify_proof(root, *key, &nodes) else {
        return;
    };
    let mut trie = SparseTrie::from_root(root);
    let mut witness = Witness::new(&nodes).expect("a proof is a witness");
    // Nodes beside the path may be invalid where they are inlined: a proof does not look at them.
    if trie.reveal(&mut witness).is_err() {
        return;
    }
    witness.finish().expect("each is reachable");
    assert_eq!(trie.get(key), Ok(value));
    assert_eq!(trie.prove(key).as_ref(), Ok(&nodes));
    for index in 0..nodes.len() {
        let mut fewer = nodes.clone();
        fewer.remove(index);
        assert!(verify_proof(root, *key, &fewer).is_err());
    }
}
