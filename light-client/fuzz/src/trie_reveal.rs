//! Reveals made-up witnesses, reads, changes and proves: nothing panics, what is read can be proven, and a node comes out as it went in.

use alloy_primitives::{B256, keccak256};
use sidelight_core::{
    proof::verify_proof,
    trie::{SparseTrie, Witness},
};

use crate::input::Input;

/// Runs one input.
pub fn run(data: &[u8]) {
    let Input { nodes, changes } = Input::parse(data);
    let Some(top) = nodes.last() else { return };
    let root = keccak256(top);
    let mut trie = SparseTrie::from_root(root);
    let Ok(mut witness) = Witness::new(&nodes) else {
        return;
    };
    if trie.reveal(&mut witness).is_err() {
        return;
    }
    let _ = witness.finish();
    assert_eq!(trie.root(), root);

    let mut keys: Vec<B256> = changes.iter().map(|(key, _)| *key).collect();
    let _ = trie.for_each(|key, _| keys.push(B256::from_slice(key)));
    for key in keys {
        let Ok(value) = trie.get(key) else { continue };
        let proof = trie.prove(key).expect("what can be read can be proven");
        assert_eq!(proof.first(), Some(top));
        assert_eq!(verify_proof(root, key, &proof), Ok(value));
    }

    if trie.update(&changes).is_ok() {
        let changed = trie.root();
        assert_ne!(changed, B256::ZERO);
        for (key, _) in &changes {
            let value = trie.get(key).expect("a changed key is known");
            let proof = trie.prove(key).expect("a changed key can be proven");
            assert_eq!(verify_proof(changed, *key, &proof), Ok(value));
        }
        trie.prune(u64::MAX).expect("a trie can be pruned");
        assert_eq!(trie.root(), changed);
    }
}
