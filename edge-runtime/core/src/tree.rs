//! The tree of CTE-1 over hashes: `leaf i = keccak(0 || u32be(i) || parts)`, `node = keccak(1 || left || right)`, an odd node moves up unchanged.

use alloc::vec::Vec;
use alloy_primitives::{B256, Keccak256};

/// A leaf at its place, whose parts come one by one.
pub(crate) struct Leaf(Keccak256);

impl Leaf {
    pub(crate) fn new(at: u32) -> Self {
        let mut hasher = Keccak256::new();
        hasher.update([0]);
        hasher.update(at.to_be_bytes());
        Self(hasher)
    }

    pub(crate) fn add(&mut self, part: B256) {
        self.0.update(part);
    }

    pub(crate) fn finish(self) -> B256 {
        self.0.finalize()
    }
}

/// A leaf of these parts.
pub(crate) fn hash_leaf(at: u32, parts: &[B256]) -> B256 {
    let mut leaf = Leaf::new(at);
    parts.iter().for_each(|&part| leaf.add(part));
    leaf.finish()
}

/// The root over leaves; zero for none.
pub(crate) fn compute_root(mut level: Vec<B256>) -> B256 {
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => hash_node(*left, *right),
                odd => odd.first().copied().unwrap_or_default(),
            })
            .collect();
    }
    level.first().copied().unwrap_or_default()
}

fn hash_node(left: B256, right: B256) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update([1]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize()
}
