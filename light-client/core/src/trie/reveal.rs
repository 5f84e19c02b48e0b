//! Nodes of a witness take the place of blinded ones, wherever a known reference has their hash.

use alloc::vec::Vec;

use alloy_primitives::B256;

use super::{
    KEY_NIBBLES, SparseTrie, TrieError, Witness,
    arena::Edge,
    nibbles::Path,
    node::{Child, Node, NodeId, Reference},
};

/// How far a walk goes below nodes that the trie knows and the witness does not repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Not at all: enough for a witness that starts at the root.
    Witness,
    /// Everywhere, for a witness that leaves out what the receiver has.
    Known,
}

impl SparseTrie {
    /// Learns the nodes of `witness` that some reference reaches.
    ///
    /// Nodes that are known already count as used. Whatever an error leaves behind is still true, because each node was checked against its parent's reference.
    /// Call [`Witness::finish`] at the end to refuse nodes that nothing reaches.
    pub fn reveal(&mut self, witness: &mut Witness<'_>) -> Result<(), TrieError> {
        for reach in [Reach::Witness, Reach::Known] {
            self.reveal_leaves(witness, reach, |_, _| Ok(()))?;
            if witness.is_used_up() {
                break;
            }
        }
        Ok(())
    }

    /// As [`reveal`](Self::reveal) in one round, and reports each leaf on the way.
    pub(crate) fn reveal_leaves<E: From<TrieError>>(
        &mut self,
        witness: &mut Witness<'_>,
        reach: Reach,
        mut on_leaf: impl FnMut(B256, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        // The nibbles from the root to the node at hand. Going depth-first, an edge on the stack still finds its own above it.
        let mut key = [0_u8; KEY_NIBBLES];
        let mut stack: Vec<(Edge, usize)> = Vec::with_capacity(64);
        if self
            .root
            .is_some_and(|root| is_wanted(&root, witness, reach))
        {
            stack.push((Edge::Root, 0));
        }
        while let Some((edge, depth)) = stack.pop() {
            if let Edge::Down(parent, nibble) = edge
                && let Node::Branch { .. } = self.arena.get(parent)?
            {
                set(&mut key, depth.saturating_sub(1), nibble);
            }
            let id = self.reveal_one(edge, depth, witness)?;
            match self.arena.touch(id, self.epoch)? {
                Node::Leaf { path, value } => {
                    write(&mut key, depth, path.as_path());
                    on_leaf(pack(&key), value)?;
                }
                Node::Extension { path, child } => {
                    write(&mut key, depth, path.as_path());
                    if is_wanted(child, witness, reach) {
                        stack.push((
                            Edge::Down(id, 0),
                            depth.saturating_add(path.as_path().len()),
                        ));
                    }
                }
                Node::Branch { children, .. } => {
                    for (nibble, child) in children.iter().rev() {
                        if is_wanted(child, witness, reach) {
                            stack.push((Edge::Down(id, nibble), depth.saturating_add(1)));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The node at `edge`, put there from the witness if need be.
    fn reveal_one(
        &mut self,
        edge: Edge,
        depth: usize,
        witness: &mut Witness<'_>,
    ) -> Result<NodeId, TrieError> {
        let child = *self.child(edge)?;
        let Reference::Hash(hash) = child.reference else {
            return child.node.ok_or(TrieError::Corrupt);
        };
        match (witness.take(&hash), child.node) {
            (_, Some(id)) => Ok(id),
            (Some(rlp), None) => self.graft(edge, depth, hash, rlp),
            (None, None) => Err(TrieError::Blinded { hash, depth }),
        }
    }
}

/// Whether a walk goes down this edge.
fn is_wanted(child: &Child, witness: &Witness<'_>, reach: Reach) -> bool {
    match child.reference {
        Reference::Hash(hash) => {
            (reach == Reach::Known && child.node.is_some()) || witness.contains(&hash)
        }
        Reference::Inline { .. } | Reference::Dirty => child.node.is_some(),
    }
}

fn set(key: &mut [u8; KEY_NIBBLES], index: usize, nibble: u8) {
    if let Some(place) = key.get_mut(index) {
        *place = nibble;
    }
}

fn write(key: &mut [u8; KEY_NIBBLES], depth: usize, path: Path<'_>) {
    for (place, nibble) in key.iter_mut().skip(depth).zip(path.iter()) {
        *place = nibble;
    }
}

fn pack(key: &[u8; KEY_NIBBLES]) -> B256 {
    let mut packed = B256::ZERO;
    let (pairs, _) = key.as_chunks::<2>();
    for (byte, [high, low]) in packed.iter_mut().zip(pairs) {
        *byte = (high << 4) | low;
    }
    packed
}
