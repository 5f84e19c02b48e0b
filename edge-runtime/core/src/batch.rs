//! Batches of decisions: a Merkle tree by the rule of OpenZeppelin's `StandardMerkleTree` with leaves of type `bytes32`, so that `MerkleProof.sol` checks a path.
//!
//! ```text
//!   nodes of an array:   0 is the root, the children of i are 2i + 1 and 2i + 2
//!   leaves:              keccak(keccak(decisionHash)), sorted, filled in from the end
//!   a node:              keccak(smaller child || larger child)
//!
//!             0                    3 leaves: l0 < l1 < l2
//!           /   \                  [4] = l0, [3] = l1, [2] = l2
//!          1     2 = l2
//!         / \
//!    3 = l1  4 = l0
//! ```
//!
//! Pairs are sorted, so that a path needs no directions; the double hash keeps leaves and nodes apart.

use alloc::{vec, vec::Vec};
use alloy_primitives::{B256, Keccak256, keccak256};
use thiserror::Error;

use crate::limits::{MAX_BATCH, MAX_BATCH_SIBLINGS};

/// Why a batch or a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BatchError {
    /// No decisions, or too many.
    #[error("decisions: expected 1 to {MAX_BATCH}, got {got}")]
    Count {
        /// How many.
        got: usize,
    },
    /// One decision twice.
    #[error("decision {got} stands in the batch twice")]
    Repeated {
        /// Which.
        got: B256,
    },
    /// More siblings than any batch has.
    #[error("siblings: expected at most {MAX_BATCH_SIBLINGS}, got {got}")]
    Siblings {
        /// How many.
        got: usize,
    },
    /// The path leads elsewhere.
    #[error("batch root: expected {expected}, got {got}")]
    Root {
        /// The root on chain.
        expected: B256,
        /// The root that the path leads to.
        got: B256,
    },
}

/// The tree over a set of decision hashes.
#[derive(Clone, Debug)]
pub struct Batch {
    nodes: Vec<B256>,
    count: usize,
}

impl Batch {
    /// Builds the tree. The order of the hashes does not matter.
    pub fn new(decisions: &[B256]) -> Result<Self, BatchError> {
        let count = decisions.len();
        if count == 0 || count > MAX_BATCH {
            return Err(BatchError::Count { got: count });
        }
        let mut leaves: Vec<(B256, B256)> = decisions
            .iter()
            .map(|&hash| (hash_leaf(hash), hash))
            .collect();
        leaves.sort_unstable();
        for pair in leaves.windows(2) {
            if let [(a, hash), (b, _)] = pair
                && a == b
            {
                return Err(BatchError::Repeated { got: *hash });
            }
        }
        let total = count.saturating_mul(2).saturating_sub(1);
        let mut nodes = vec![B256::ZERO; total];
        for (node, (leaf, _)) in nodes.iter_mut().rev().zip(&leaves) {
            *node = *leaf;
        }
        for at in (0..total.saturating_sub(count)).rev() {
            let (left, right) = children(at);
            if let (Some(&left), Some(&right)) = (nodes.get(left), nodes.get(right))
                && let Some(node) = nodes.get_mut(at)
            {
                *node = hash_pair(left, right);
            }
        }
        Ok(Self { nodes, count })
    }

    /// What goes on chain.
    pub fn root(&self) -> B256 {
        self.nodes.first().copied().unwrap_or_default()
    }

    /// How many decisions it holds.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The path of a decision, from its leaf up; `None` when it is not in the batch.
    pub fn prove(&self, decision: B256) -> Option<Vec<B256>> {
        let leaf = hash_leaf(decision);
        let first = self.nodes.len().checked_sub(self.count)?;
        let mut at = self
            .nodes
            .get(first..)?
            .iter()
            .position(|&node| node == leaf)?
            .checked_add(first)?;
        let mut path = Vec::new();
        while at > 0 {
            // Siblings are 2i + 1 and 2i + 2.
            let sibling = if at % 2 == 0 {
                at.checked_sub(1)?
            } else {
                at.checked_add(1)?
            };
            path.push(*self.nodes.get(sibling)?);
            at = at.saturating_sub(1) / 2;
        }
        Some(path)
    }
}

/// The root that a decision and its path lead to.
pub fn compute_root(decision: B256, path: &[B256]) -> Result<B256, BatchError> {
    if path.len() > MAX_BATCH_SIBLINGS {
        return Err(BatchError::Siblings { got: path.len() });
    }
    Ok(path.iter().fold(hash_leaf(decision), |node, &sibling| {
        hash_pair(node, sibling)
    }))
}

/// Whether a decision stands in the batch of this root.
pub fn verify_inclusion(root: B256, decision: B256, path: &[B256]) -> Result<(), BatchError> {
    match compute_root(decision, path)? {
        got if got == root => Ok(()),
        got => Err(BatchError::Root {
            expected: root,
            got,
        }),
    }
}

const fn children(at: usize) -> (usize, usize) {
    let double = at.saturating_mul(2);
    (double.saturating_add(1), double.saturating_add(2))
}

/// `abi.encode` of a `bytes32` is the word itself.
fn hash_leaf(decision: B256) -> B256 {
    keccak256(keccak256(decision))
}

fn hash_pair(a: B256, b: B256) -> B256 {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    let mut hasher = Keccak256::new();
    hasher.update(low);
    hasher.update(high);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(count: u64) -> Vec<B256> {
        (0..count).map(|at| keccak256(at.to_be_bytes())).collect()
    }

    #[test]
    fn every_decision_of_every_size_is_proven_and_no_other() {
        for count in 1..40 {
            let decisions = hashes(count);
            let batch = Batch::new(&decisions).unwrap();
            for &decision in &decisions {
                let path = batch.prove(decision).unwrap();
                assert_eq!(verify_inclusion(batch.root(), decision, &path), Ok(()));
                assert!(verify_inclusion(batch.root(), keccak256(decision), &path).is_err());
                for at in 0..path.len() {
                    let mut changed = path.clone();
                    changed[at].0[31] ^= 1;
                    assert!(verify_inclusion(batch.root(), decision, &changed).is_err());
                }
            }
            assert_eq!(batch.prove(B256::ZERO), None);
        }
    }

    #[test]
    fn the_order_does_not_matter_and_a_repetition_is_refused() {
        let mut decisions = hashes(9);
        let root = Batch::new(&decisions).unwrap().root();
        decisions.reverse();
        assert_eq!(Batch::new(&decisions).unwrap().root(), root);
        decisions.push(decisions[3]);
        assert_eq!(
            Batch::new(&decisions).unwrap_err(),
            BatchError::Repeated { got: decisions[3] }
        );
        assert_eq!(Batch::new(&[]).unwrap_err(), BatchError::Count { got: 0 });
    }

    #[test]
    fn an_inner_node_is_no_decision() {
        let decisions = hashes(4);
        let batch = Batch::new(&decisions).unwrap();
        let path = batch.prove(decisions[0]).unwrap();
        let inner = hash_pair(hash_leaf(decisions[0]), path[0]);
        assert!(verify_inclusion(batch.root(), inner, &path[1..]).is_err());
    }

    #[test]
    fn a_path_longer_than_any_batch_is_refused() {
        let path = [B256::ZERO; MAX_BATCH_SIBLINGS + 1];
        assert_eq!(
            compute_root(B256::ZERO, &path),
            Err(BatchError::Siblings { got: path.len() })
        );
    }
}
