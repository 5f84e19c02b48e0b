//! A set of trie nodes from a peer: hashed once, indexed by hash, and every one has to be used.

use alloc::{vec, vec::Vec};

use alloy_primitives::{B256, Bytes, map::B256Map};

use super::{NodeError, TrieError, keccak::hash_node};
use crate::limits::{MAX_LEAF_BYTES, MAX_WITNESS_NODES, MAX_WITNESS_USES};

/// Nodes by hash, with a mark on those that some path has reached.
///
/// Nothing is trusted for being here: a node counts only where a known reference has its hash.
#[derive(Debug)]
pub struct Witness<'a> {
    nodes: &'a [Bytes],
    by_hash: B256Map<usize>,
    used: Vec<bool>,
    unused: usize,
    /// Places filled so far.
    uses: usize,
}

impl<'a> Witness<'a> {
    /// Hashes and indexes `nodes`. Too many, too large, too short and repeated ones are refused.
    pub fn new(nodes: &'a [Bytes]) -> Result<Self, TrieError> {
        if nodes.len() > MAX_WITNESS_NODES {
            return Err(TrieError::TooManyNodes {
                limit: MAX_WITNESS_NODES,
                got: nodes.len(),
            });
        }
        let mut by_hash = B256Map::with_capacity_and_hasher(nodes.len(), Default::default());
        for (index, node) in nodes.iter().enumerate() {
            let error = match node.len() {
                got @ ..32 => Some(NodeError::TooShort { got }),
                got if got > MAX_LEAF_BYTES => Some(NodeError::TooLarge {
                    limit: MAX_LEAF_BYTES,
                    got,
                }),
                _ => None,
            };
            let hash = hash_node(node);
            if let Some(error) = error {
                return Err(TrieError::Node { hash, error });
            }
            if by_hash.insert(hash, index).is_some() {
                return Err(TrieError::DuplicateNode { hash });
            }
        }
        Ok(Self {
            nodes,
            by_hash,
            used: vec![false; nodes.len()],
            unused: nodes.len(),
            uses: 0,
        })
    }

    /// Whether a node with this hash is here.
    pub fn contains(&self, hash: &B256) -> bool {
        self.by_hash.contains_key(hash)
    }

    /// Whether every node was used.
    pub const fn is_used_up(&self) -> bool {
        self.unused == 0
    }

    /// The node with this hash, which counts as used from now on.
    pub(crate) fn take(&mut self, hash: &B256) -> Result<Option<&'a [u8]>, TrieError> {
        let Some(&index) = self.by_hash.get(hash) else {
            return Ok(None);
        };
        self.uses = self.uses.saturating_add(1);
        if self.uses > MAX_WITNESS_USES {
            return Err(TrieError::TooManyUses {
                limit: MAX_WITNESS_USES,
            });
        }
        let used = self.used.get_mut(index).ok_or(TrieError::Corrupt)?;
        if !*used {
            *used = true;
            self.unused = self.unused.saturating_sub(1);
        }
        Ok(self.nodes.get(index).map(|node| node.as_ref()))
    }

    /// Refuses a witness of which a node was not used.
    pub fn finish(self) -> Result<(), TrieError> {
        let unused = self
            .nodes
            .iter()
            .zip(&self.used)
            .find(|(_, used)| !**used)
            .map(|(node, _)| hash_node(node));
        match unused {
            Some(hash) => Err(TrieError::UnreachableNode { hash }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_fills_as_many_places_as_the_limit_says_and_no_more() {
        let nodes = [Bytes::from_static(&[7; 32])];
        let hash = hash_node(&nodes[0]);
        let mut witness = Witness::new(&nodes).unwrap();
        for _ in 0..MAX_WITNESS_USES {
            assert!(witness.take(&hash).unwrap().is_some());
        }
        let limit = MAX_WITNESS_USES;
        assert_eq!(witness.take(&hash), Err(TrieError::TooManyUses { limit }));
    }
}
