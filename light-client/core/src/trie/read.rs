//! Reading keys and proving them.

use alloc::vec::Vec;

use alloy_primitives::Bytes;

use super::{
    Resolve, SparseTrie, TrieError,
    arena::Edge,
    keccak::hash_node,
    nibbles::Path,
    node::{Node, NodeId, Reference},
};

/// Where a key's path goes on below a node.
pub(super) enum Step {
    /// Down this edge, having used so many nibbles.
    Down(Edge, usize),
    /// The key's value is here.
    Found,
    /// The key is not in the trie.
    Absent,
}

impl SparseTrie {
    /// The value of `key`; `None` is proven absence.
    ///
    /// A path that ends at a blinded node is an error: the value is unknown.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<&[u8]>, TrieError> {
        let key = Path::of_key(key.as_ref());
        let (mut edge, mut depth) = (Edge::Root, 0_usize);
        if self.root.is_none() {
            return Ok(None);
        }
        loop {
            let id = self.known(edge, depth)?;
            let node = self.arena.get(id)?;
            match step(id, node, key.skip(depth)) {
                Step::Absent => return Ok(None),
                Step::Found => return Ok(value_of(node)),
                Step::Down(next, used) => {
                    edge = next;
                    depth = depth.saturating_add(used);
                }
            }
        }
    }

    /// As [`get`](Self::get), asking `resolver` for what is blinded, and touching the path.
    pub(crate) fn get_with(
        &mut self,
        key: &[u8],
        resolver: &mut dyn Resolve,
    ) -> Result<Option<&[u8]>, TrieError> {
        let path = Path::of_key(key);
        let (mut edge, mut depth) = (Edge::Root, 0_usize);
        if self.root.is_none() {
            return Ok(None);
        }
        loop {
            let id = self.resolved(edge, key, depth, resolver)?;
            let node = self.arena.touch(id, self.epoch)?;
            match step(id, node, path.skip(depth)) {
                Step::Absent => return Ok(None),
                Step::Found => return Ok(value_of(self.arena.get(id)?)),
                Step::Down(next, used) => {
                    edge = next;
                    depth = depth.saturating_add(used);
                }
            }
        }
    }

    /// The nodes from the root to where the path of `key` ends, for a value or its absence. Empty for the empty trie.
    pub fn prove(&self, key: impl AsRef<[u8]>) -> Result<Vec<Bytes>, TrieError> {
        let key = Path::of_key(key.as_ref());
        let mut proof = Vec::new();
        if self.root.is_none() {
            return Ok(proof);
        }
        let (mut edge, mut depth) = (Edge::Root, 0_usize);
        loop {
            let id = self.known(edge, depth)?;
            let node = self.arena.get(id)?;
            match self.child(edge)?.reference {
                Reference::Dirty => return Err(TrieError::Dirty),
                Reference::Hash(_) => {
                    let mut rlp = Vec::new();
                    node.encode(&mut rlp);
                    proof.push(Bytes::from(rlp));
                }
                // Its bytes stand in its parent already.
                Reference::Inline { .. } => {}
            }
            match step(id, node, key.skip(depth)) {
                Step::Absent | Step::Found => return Ok(proof),
                Step::Down(next, used) => {
                    edge = next;
                    depth = depth.saturating_add(used);
                }
            }
        }
    }

    /// Calls `visit` with every key and value, in order. Blinded nodes are an error, so that nothing is left out silently.
    pub fn for_each(&self, mut visit: impl FnMut(&[u8], &[u8])) -> Result<(), TrieError> {
        let mut key: Vec<u8> = Vec::new();
        let mut stack: Vec<(Edge, usize)> = Vec::new();
        if self.root.is_some() {
            stack.push((Edge::Root, 0));
        }
        while let Some((edge, depth)) = stack.pop() {
            if let Edge::Down(parent, nibble) = edge
                && let Node::Branch { .. } = self.arena.get(parent)?
            {
                key.truncate(depth.saturating_sub(1));
                key.push(nibble);
            }
            let id = self.known(edge, depth)?;
            match self.arena.get(id)? {
                Node::Leaf { path, value } => {
                    key.truncate(depth);
                    key.extend(path.as_path().iter());
                    visit(&pack(&key), value);
                }
                Node::Extension { path, .. } => {
                    key.truncate(depth);
                    key.extend(path.as_path().iter());
                    stack.push((Edge::Down(id, 0), key.len()));
                }
                Node::Branch { children, value } => {
                    if !value.is_empty() {
                        visit(&pack(&key), value);
                    }
                    for (nibble, _) in children.iter().rev() {
                        stack.push((Edge::Down(id, nibble), depth.saturating_add(1)));
                    }
                }
            }
        }
        Ok(())
    }

    /// The node at `edge`, or that it is blinded.
    pub(super) fn known(&self, edge: Edge, depth: usize) -> Result<NodeId, TrieError> {
        let child = self.child(edge)?;
        child.node.ok_or(match child.reference {
            Reference::Hash(hash) => TrieError::Blinded { hash, depth },
            _ => TrieError::Corrupt,
        })
    }

    /// The node at `edge`, fetched from `resolver` where it is blinded.
    pub(super) fn resolved(
        &mut self,
        edge: Edge,
        key: &[u8],
        depth: usize,
        resolver: &mut dyn Resolve,
    ) -> Result<NodeId, TrieError> {
        // Nearly every step ends here, so the error type stays out of it.
        let child = self.child(edge)?;
        if let Some(id) = child.node {
            return Ok(id);
        }
        let Reference::Hash(blinded) = child.reference else {
            return Err(TrieError::Corrupt);
        };
        match resolver.resolve(&blinded, key, depth) {
            Some(rlp) => {
                let got = hash_node(&rlp);
                if got != blinded {
                    return Err(TrieError::HashMismatch {
                        expected: blinded,
                        got,
                    });
                }
                self.graft(edge, depth, blinded, &rlp)
            }
            None => Err(TrieError::Blinded {
                hash: blinded,
                depth,
            }),
        }
    }
}

/// One step along `rest`, what is left of the key at this node.
pub(super) fn step(id: NodeId, node: &Node, rest: Path<'_>) -> Step {
    match node {
        Node::Leaf { path, .. } => {
            let path = path.as_path();
            if path.len() == rest.len() && path.is_prefix_of(rest) {
                Step::Found
            } else {
                Step::Absent
            }
        }
        Node::Extension { path, .. } => {
            let path = path.as_path();
            if path.is_prefix_of(rest) {
                Step::Down(Edge::Down(id, 0), path.len())
            } else {
                Step::Absent
            }
        }
        Node::Branch { value, .. } if rest.is_empty() => {
            if value.is_empty() {
                Step::Absent
            } else {
                Step::Found
            }
        }
        Node::Branch { children, .. } => match children.get(rest.at(0)) {
            Some(_) => Step::Down(Edge::Down(id, rest.at(0)), 1),
            None => Step::Absent,
        },
    }
}

fn value_of(node: &Node) -> Option<&[u8]> {
    match node {
        Node::Leaf { value, .. } | Node::Branch { value, .. } => Some(value),
        Node::Extension { .. } => None,
    }
}

/// Two nibbles a byte; keys have whole bytes.
fn pack(nibbles: &[u8]) -> Vec<u8> {
    let (pairs, _) = nibbles.as_chunks::<2>();
    pairs.iter().map(|[high, low]| (high << 4) | low).collect()
}
