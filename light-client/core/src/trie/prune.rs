//! Forgetting what was not touched for long, so that a client that follows forever stays small.

use alloc::vec::Vec;

use super::{
    SparseTrie, TrieError,
    arena::Edge,
    node::{Node, NodeId, Reference},
};

/// What a trie holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrieSize {
    /// Known nodes.
    pub nodes: usize,
    /// About how many bytes of memory they take.
    pub bytes: usize,
}

impl TrieSize {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            nodes: self.nodes.saturating_add(other.nodes),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

impl SparseTrie {
    /// Sets the stamp of nodes that are changed or revealed from now on: a block number, for example.
    pub const fn set_epoch(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    /// Blinds every subtrie that was not touched since `keep_since`. Nodes with changes that are not hashed yet stay.
    pub fn prune(&mut self, keep_since: u64) -> Result<(), TrieError> {
        let mut stack: Vec<Edge> = Vec::new();
        if self.root.is_some() {
            stack.push(Edge::Root);
        }
        while let Some(edge) = stack.pop() {
            let child = *self.child(edge)?;
            let Some(id) = child.node else { continue };
            let is_old = self.arena.epoch(id) < keep_since;
            if is_old && matches!(child.reference, Reference::Hash(_)) {
                self.child_mut(edge)?.node = None;
                self.remove_below(id)?;
            } else {
                push_edges(id, self.arena.get(id)?, &mut stack);
            }
        }
        self.arena.compact(&mut self.root)
    }

    /// How much is known.
    pub fn size(&self) -> TrieSize {
        self.arena.nodes().fold(
            TrieSize {
                nodes: 0,
                bytes: self.arena.capacity_bytes(),
            },
            |size, node| {
                size.plus(TrieSize {
                    nodes: 1,
                    bytes: node.heap_bytes(),
                })
            },
        )
    }

    fn remove_below(&mut self, top: NodeId) -> Result<(), TrieError> {
        let mut doomed: Vec<NodeId> = Vec::new();
        doomed.push(top);
        while let Some(id) = doomed.pop() {
            match self.arena.remove(id)? {
                Node::Leaf { .. } => {}
                Node::Extension { child, .. } => doomed.extend(child.node),
                Node::Branch { children, .. } => {
                    doomed.extend(children.iter().filter_map(|(_, child)| child.node));
                }
            }
        }
        Ok(())
    }
}

fn push_edges(id: NodeId, node: &Node, stack: &mut Vec<Edge>) {
    match node {
        Node::Leaf { .. } => {}
        Node::Extension { .. } => stack.push(Edge::Down(id, 0)),
        Node::Branch { children, .. } => {
            stack.extend(children.iter().map(|(nibble, _)| Edge::Down(id, nibble)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Witness,
        testing::{build, key, partial, value},
    };

    #[test]
    fn what_was_not_touched_is_blinded_and_the_root_stays() {
        let (mut trie, root, _) = build(&["11", "12", "21", "22", "3"]);
        trie.set_epoch(5);
        trie.update(&[(key("11"), value(9))]).unwrap();
        trie.root();
        let before = trie.size();
        trie.prune(5).unwrap();
        assert!(!trie.is_blinded());
        assert!(trie.get(key("11")).unwrap().is_some());
        for forgotten in ["12", "21", "3"] {
            assert_eq!(trie.get(key(forgotten)).unwrap_err().kind(), "incomplete");
        }
        let after = trie.size();
        assert_eq!(after.nodes, 3);
        assert!(after.bytes < before.bytes);

        trie.update(&[(key("11"), value(1))]).unwrap();
        assert_eq!(trie.root(), root);
        trie.prune(6).unwrap();
        assert!(trie.is_blinded());
        assert_eq!(trie.size().nodes, 0);
        assert_eq!(trie.clean_root(), Some(root));
    }

    #[test]
    fn witness_from_the_root_keeps_what_it_holds_and_nothing_else() {
        let (full, ..) = build(&["11", "12", "21", "22"]);
        let mut client = partial(&full, &["11", "21"]);
        client.set_epoch(5);
        let nodes = full.prove(key("11")).unwrap();
        let mut witness = Witness::new(&nodes).unwrap();
        client.reveal(&mut witness).unwrap();
        client.prune(5).unwrap();
        assert_eq!(client.size().nodes, nodes.len());
        assert!(client.get(key("11")).unwrap().is_some());
        assert_eq!(client.get(key("21")).unwrap_err().kind(), "incomplete");
    }

    #[test]
    fn changes_that_are_not_hashed_survive() {
        let (mut trie, ..) = build(&["11", "12"]);
        trie.update(&[(key("11"), value(9))]).unwrap();
        trie.prune(u64::MAX).unwrap();
        assert_eq!(trie.get(key("11")).unwrap(), value(9).as_deref());
        let (mut other, ..) = build(&["11", "12"]);
        other.update(&[(key("11"), value(9))]).unwrap();
        assert_eq!(trie.root(), other.root());
    }
}
