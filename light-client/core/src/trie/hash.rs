//! The root hash: every dirty node is encoded and hashed once, children before parents.

use alloc::vec::Vec;

use alloy_primitives::B256;

use super::{
    SparseTrie, TrieError,
    arena::Edge,
    keccak::hash_node,
    node::{Child, Node, NodeId, Reference},
};

impl SparseTrie {
    /// The root hash, after hashing what has changed.
    pub fn root(&mut self) -> B256 {
        self.root_with(|_, _| {})
    }

    /// As [`root`](Self::root), and hands every newly hashed node to `on_node`, children before parents: with these and the nodes of the state before, a store has
    /// every node of the state after. Nodes that are inlined in their parents are not handed out; the root always is.
    pub fn root_with(&mut self, mut on_node: impl FnMut(B256, &[u8])) -> B256 {
        // An arena that contradicts itself has no root; zero equals no hash that anyone can sign.
        self.hash_dirty(&mut on_node).unwrap_or(B256::ZERO)
    }

    fn hash_dirty(&mut self, on_node: &mut dyn FnMut(B256, &[u8])) -> Result<B256, TrieError> {
        if let Some(root) = self.clean_root() {
            return Ok(root);
        }
        let root = self.child(Edge::Root)?.node.ok_or(TrieError::Corrupt)?;
        let mut rlp = Vec::with_capacity(1024);
        // Each node on the way down with the nibble at which to go on.
        let mut stack: Vec<(NodeId, u8)> = Vec::with_capacity(16);
        stack.push((root, 0));
        while let Some(&mut (id, ref mut next)) = stack.last_mut() {
            let node = self.arena.get(id)?;
            if let Some((nibble, child)) = next_dirty(node, *next) {
                *next = nibble.saturating_add(1);
                stack.push((child.ok_or(TrieError::Corrupt)?, 0));
                continue;
            }
            rlp.clear();
            node.encode(&mut rlp);
            stack.pop();
            let edge = match stack.last() {
                Some((parent, next)) => Edge::Down(*parent, next.saturating_sub(1)),
                None => Edge::Root,
            };
            let inline = if edge == Edge::Root {
                None
            } else {
                Reference::inline(&rlp)
            };
            let reference = match inline {
                Some(reference) => reference,
                None => {
                    let hash = hash_node(&rlp);
                    on_node(hash, &rlp);
                    Reference::Hash(hash)
                }
            };
            self.child_mut(edge)?.reference = reference;
        }
        self.clean_root().ok_or(TrieError::Corrupt)
    }
}

fn next_dirty(node: &Node, from: u8) -> Option<(u8, Option<NodeId>)> {
    match node {
        Node::Leaf { .. } => None,
        Node::Extension { child, .. } => {
            let Child { reference, node } = child;
            (from == 0 && reference.is_dirty()).then_some((0, *node))
        }
        Node::Branch { children, .. } => children.next_dirty(from),
    }
}
