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
        match (witness.take(&hash)?, child.node) {
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

#[cfg(test)]
mod tests {
    use super::super::{
        NodeError, Resolve,
        testing::{build, key, list, partial, string, value},
    };
    use super::*;
    use alloc::{vec, vec::Vec};
    use alloy_primitives::{Bytes, keccak256};

    fn reveal(root: B256, nodes: &[Bytes]) -> Result<SparseTrie, TrieError> {
        let mut trie = SparseTrie::from_root(root);
        let mut witness = Witness::new(nodes)?;
        trie.reveal(&mut witness)?;
        witness.finish()?;
        Ok(trie)
    }

    /// A leaf whose path has this many nibbles.
    fn leaf(nibbles: usize) -> Bytes {
        let mut path = vec![0; nibbles / 2 + 1];
        path[0] = if nibbles % 2 == 1 { 0x30 } else { 0x20 };
        list(&[string(&path), string(&[7; 40])])
    }

    fn branch(children: &[(usize, &Bytes)]) -> Bytes {
        let mut items = vec![vec![0x80]; 17];
        for (nibble, child) in children {
            items[*nibble] = string(keccak256(child).as_slice());
        }
        list(&items)
    }

    fn invalid(error: TrieError) -> NodeError {
        match error {
            TrieError::Node { error, .. } => error,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn node_that_nothing_reaches_is_refused() {
        let (_, root, mut nodes) = build(&["1", "2"]);
        reveal(root, &nodes).unwrap();
        let (_, _, others) = build(&["3", "4"]);
        let other = others.last().unwrap();
        nodes.push(other.clone());
        let hash = keccak256(other);
        assert_eq!(
            reveal(root, &nodes).unwrap_err(),
            TrieError::UnreachableNode { hash }
        );
    }

    #[test]
    fn node_given_twice_is_refused() {
        let (_, root, mut nodes) = build(&["1", "2"]);
        nodes.push(nodes[0].clone());
        let hash = keccak256(&nodes[0]);
        assert_eq!(
            reveal(root, &nodes).unwrap_err(),
            TrieError::DuplicateNode { hash }
        );
    }

    #[test]
    fn too_many_nodes_are_refused_before_any_is_hashed() {
        let nodes = vec![Bytes::from_static(&[0; 40]); 65_537];
        assert_eq!(Witness::new(&nodes).unwrap_err().kind(), "too_many_nodes");
    }

    #[test]
    fn nodes_may_come_in_any_order_and_be_known_already() {
        let (full, root, mut nodes) = build(&["11", "12", "aa1", "aa2"]);
        for _ in 0..nodes.len() {
            nodes.rotate_left(1);
            let trie = reveal(root, &nodes).unwrap();
            assert_eq!(trie.get(key("aa2")), full.get(key("aa2")));
        }
        let mut client = partial(&full, &["11"]);
        for _ in 0..2 {
            let mut witness = Witness::new(&nodes).unwrap();
            client.reveal(&mut witness).unwrap();
            witness.finish().unwrap();
        }
        assert_eq!(client.get(key("aa2")), full.get(key("aa2")));
    }

    #[test]
    fn witness_may_leave_out_what_is_known() {
        let (full, ..) = build(&["11", "12", "aa1", "aa2"]);
        let mut client = partial(&full, &["11"]);
        let path = full.prove(key("aa1")).unwrap();
        let missing: Vec<Bytes> = path[1..].to_vec();
        let mut witness = Witness::new(&missing).unwrap();
        client.reveal(&mut witness).unwrap();
        witness.finish().unwrap();
        assert_eq!(client.get(key("aa1")).unwrap(), value(3).as_deref());
    }

    #[test]
    fn one_node_serves_every_place_that_refers_to_it() {
        // Two subtries with the same keys and values below nibbles 1 and 2.
        let changes = ["1a", "1b", "2a", "2b"].map(|k| (key(k), value(7)));
        let mut full = SparseTrie::empty();
        full.update(&changes).unwrap();
        let mut nodes: Vec<Bytes> = vec![];
        let root = full.root_with(|_, rlp| nodes.push(Bytes::copy_from_slice(rlp)));
        nodes.sort_unstable();
        nodes.dedup();
        let trie = reveal(root, &nodes).unwrap();
        for k in ["1a", "1b", "2a", "2b"] {
            assert_eq!(trie.get(key(k)).unwrap(), value(7).as_deref());
        }
    }

    #[test]
    fn node_in_a_place_that_keys_do_not_have_is_refused() {
        // A leaf whose path is too short or too long for a 32-byte key.
        for nibbles in [63, 62, 65, 66] {
            let node = leaf(nibbles);
            let error = reveal(keccak256(&node), &[node]).unwrap_err();
            assert_eq!(invalid(error), NodeError::Depth { got: nibbles });
        }
        // An extension that leads to a leaf.
        let below = leaf(62);
        let extension = list(&[string(&[0, 0x11]), string(keccak256(&below).as_slice())]);
        let error = reveal(keccak256(&extension), &[extension, below]).unwrap_err();
        assert_eq!(invalid(error), NodeError::ExtensionChild);
        // An extension that is as long as a key.
        let path = [&[0][..], &[0x11; 32]].concat();
        let node = list(&[string(&path), string(&[9; 32])]);
        let error = reveal(keccak256(&node), &[node]).unwrap_err();
        assert_eq!(invalid(error), NodeError::Depth { got: 64 });
        // A branch with a value.
        let (a, b) = (leaf(63), leaf(63));
        let mut items = vec![vec![0x80]; 17];
        items[1] = string(keccak256(&a).as_slice());
        items[2] = string(keccak256(&b).as_slice());
        items[16] = string(&[1]);
        let node = list(&items);
        let error = reveal(keccak256(&node), &[node]).unwrap_err();
        assert_eq!(invalid(error), NodeError::Depth { got: 0 });
    }

    /// Where a node keeps its state.
    struct Store<'a>(&'a [Bytes]);

    impl Resolve for Store<'_> {
        fn resolve(&mut self, hash: &B256, _: &[u8], _: usize) -> Option<Bytes> {
            let mut nodes = self.0.iter();
            nodes.find(|node| keccak256(node) == *hash).cloned()
        }
    }

    #[test]
    fn node_that_belongs_inside_its_parent_is_refused_from_a_store_too() {
        // At nibble 60 a leaf is six bytes longer than its value.
        for (length, expected) in [(25, Err(31)), (26, Ok(26))] {
            let leaf = list(&[string(&[0x20, 0, 0]), string(&vec![7; length])]);
            let branch = branch(&[(0, &leaf), (1, &leaf)]);
            let path = [&[0x10][..], &[0; 29]].concat();
            let top = list(&[string(&path), string(keccak256(&branch).as_slice())]);
            let mut trie = SparseTrie::from_root(keccak256(&top));
            let found = trie.get_with(&[0; 32], &mut Store(&[top, branch, leaf]));
            let found = found.map(|value| value.map_or(0, <[u8]>::len));
            let found = found.map_err(|error| match invalid(error) {
                NodeError::TooShort { got } => got,
                other => panic!("{other}"),
            });
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn chain_of_branches_ends_at_the_depth_of_keys() {
        // A node cannot contain its own hash, but a peer that makes up a state can go deep.
        let mut nodes = vec![leaf(63)];
        for _ in 0..70 {
            let last = nodes.last().unwrap().clone();
            nodes.push(branch(&[(0, &last), (1, &last)]));
        }
        let root = keccak256(nodes.last().unwrap());
        let error = reveal(root, &nodes).unwrap_err();
        assert_eq!(invalid(error), NodeError::Depth { got: 64 });
    }

    #[test]
    fn nodes_that_unfold_exponentially_are_refused() {
        let mut nodes = vec![leaf(0)];
        for _ in 0..64 {
            let last = nodes.last().unwrap().clone();
            nodes.push(branch(&[(0, &last), (1, &last)]));
        }
        let root = keccak256(nodes.last().unwrap());
        assert_eq!(reveal(root, &nodes).unwrap_err().kind(), "too_many_uses");
    }
}
