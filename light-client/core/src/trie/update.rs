//! Changing keys: all insertions first, then all deletions.
//!
//! A deletion that leaves a branch with one child merges the two, and for that the child must be known. Were deletions done first, a branch could lose its second child only
//! for the moment, and ask for a sibling that the final trie leaves alone:
//!
//! ```text
//! branch { 3: a, 8: (blinded) }   delete a, insert b at 5
//!   deletions first    branch { 8 } collapses: needs the blinded node
//!   insertions first   branch { 3: a, 5: b, 8 } -> branch { 5: b, 8 }: does not
//! ```

use alloc::vec::Vec;

use super::{
    KnownOnly, Resolve, SparseTrie, TrieError,
    arena::Edge,
    nibbles::{Nibbles, Path},
    node::{Child, Children, Node, NodeId, Reference},
    read::{Step, step},
};

impl SparseTrie {
    /// Sets keys to values, or removes them where there is none. An empty value removes, too. Keys must be unique; sorted ones touch memory in order.
    ///
    /// **On an error the trie is half changed and must be discarded.** An error means that a node which the change needs is not known.
    pub fn update<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        changes: &[(K, Option<V>)],
    ) -> Result<(), TrieError> {
        self.update_with(changes, &mut KnownOnly)
    }

    /// As [`update`](Self::update), asking `resolver` for what is blinded.
    pub(crate) fn update_with<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        changes: &[(K, Option<V>)],
        resolver: &mut impl Resolve,
    ) -> Result<(), TrieError> {
        let value_of = |value: &Option<V>| match value {
            Some(value) if !value.as_ref().is_empty() => true,
            _ => false,
        };
        for (key, value) in changes.iter().filter(|(_, value)| value_of(value)) {
            if let Some(value) = value {
                self.upsert(key.as_ref(), value.as_ref(), resolver)?;
            }
        }
        for (key, _) in changes.iter().filter(|(_, value)| !value_of(value)) {
            self.delete(key.as_ref(), resolver)?;
        }
        Ok(())
    }

    fn upsert(
        &mut self,
        key: &[u8],
        value: &[u8],
        resolver: &mut impl Resolve,
    ) -> Result<(), TrieError> {
        let path = Path::of_key(key);
        self.trail.clear();
        if self.root.is_none() {
            let leaf = self.new_leaf(path, value)?;
            self.root = Some(leaf);
            return Ok(());
        }
        let (mut edge, mut depth) = (Edge::Root, 0_usize);
        loop {
            let id = self.resolved(edge, key, depth, resolver)?;
            self.trail.push((edge, depth));
            let rest = path.skip(depth);
            let node = self.arena.touch(id, self.epoch)?;
            match step(id, node, rest) {
                Step::Down(next, used) => {
                    edge = next;
                    depth = depth.saturating_add(used);
                }
                Step::Found => {
                    match node {
                        Node::Leaf { value: old, .. } | Node::Branch { value: old, .. } => {
                            if old == value {
                                return Ok(());
                            }
                            old.clear();
                            old.extend_from_slice(value);
                        }
                        Node::Extension { .. } => return Err(TrieError::Corrupt),
                    }
                    break;
                }
                Step::Absent => {
                    self.insert_at(id, rest, value)?;
                    break;
                }
            }
        }
        self.mark_trail()
    }

    /// Adds the key that leaves the trie at this node.
    fn insert_at(&mut self, id: NodeId, rest: Path<'_>, value: &[u8]) -> Result<(), TrieError> {
        if let Node::Branch { value: own, .. } = self.arena.get_mut(id)? {
            if rest.is_empty() {
                own.extend_from_slice(value);
                return Ok(());
            }
            let leaf = self.new_leaf(rest.skip(1), value)?;
            if let Node::Branch { children, .. } = self.arena.get_mut(id)? {
                children.insert(rest.at(0), leaf);
            }
            return Ok(());
        }
        // A leaf or an extension, whose path the key leaves: a branch comes between.
        //
        //   leaf "a7 1135"  +  key "a7 19.."   ->   extension "a71" -> branch { 1: leaf "35", 9: leaf ".." }
        let old = core::mem::replace(self.arena.get_mut(id)?, Node::placeholder());
        let mut children = Children::with_capacity(2);
        let mut branch_value = Vec::new();
        let (old_path, common) = match old {
            Node::Leaf { path, value } => {
                let common = path.as_path().common_prefix(rest);
                let tail = path.as_path().skip(common);
                if tail.is_empty() {
                    branch_value = value;
                } else {
                    let nibble = tail.at(0);
                    let path = Nibbles::join(&[tail.skip(1)]);
                    children.insert(nibble, self.new_child(Node::Leaf { path, value })?);
                }
                (path, common)
            }
            Node::Extension { path, child } => {
                let common = path.as_path().common_prefix(rest);
                let tail = path.as_path().skip(common);
                let below = if tail.len() > 1 {
                    let path = Nibbles::join(&[tail.skip(1)]);
                    self.new_child(Node::Extension { path, child })?
                } else {
                    child
                };
                children.insert(tail.at(0), below);
                (path, common)
            }
            Node::Branch { .. } => return Err(TrieError::Corrupt),
        };
        let new_tail = rest.skip(common);
        if new_tail.is_empty() {
            branch_value.extend_from_slice(value);
        } else {
            let leaf = self.new_leaf(new_tail.skip(1), value)?;
            children.insert(new_tail.at(0), leaf);
        }
        let branch = Node::Branch {
            children,
            value: branch_value,
        };
        let top = if common == 0 {
            branch
        } else {
            Node::Extension {
                path: Nibbles::join(&[old_path.as_path().take(common)]),
                child: self.new_child(branch)?,
            }
        };
        *self.arena.get_mut(id)? = top;
        Ok(())
    }

    fn delete(&mut self, key: &[u8], resolver: &mut impl Resolve) -> Result<(), TrieError> {
        let path = Path::of_key(key);
        self.trail.clear();
        if self.root.is_none() {
            return Ok(());
        }
        let (mut edge, mut depth) = (Edge::Root, 0_usize);
        let found = loop {
            let id = self.resolved(edge, key, depth, resolver)?;
            self.trail.push((edge, depth));
            let node = self.arena.touch(id, self.epoch)?;
            match step(id, node, path.skip(depth)) {
                Step::Absent => return Ok(()),
                Step::Found => break id,
                Step::Down(next, used) => {
                    edge = next;
                    depth = depth.saturating_add(used);
                }
            }
        };
        if let Node::Branch { value, .. } = self.arena.get_mut(found)? {
            value.clear();
            self.collapse(found, key, depth, resolver)?;
            return self.mark_trail();
        }
        self.arena.remove(found)?;
        self.trail.pop();
        let Edge::Down(parent, nibble) = edge else {
            self.root = None;
            return Ok(());
        };
        match self.arena.get_mut(parent)? {
            Node::Branch { children, .. } => children.remove(nibble),
            _ => return Err(TrieError::Corrupt),
        };
        self.collapse(parent, key, depth.saturating_sub(1), resolver)?;
        self.mark_trail()
    }

    /// Gives a branch that has lost an entry its canonical form. The trail ends at the branch, and afterwards at what has taken its place.
    fn collapse(
        &mut self,
        branch: NodeId,
        key: &[u8],
        depth: usize,
        resolver: &mut impl Resolve,
    ) -> Result<(), TrieError> {
        let Node::Branch { children, value } = self.arena.get_mut(branch)? else {
            return Err(TrieError::Corrupt);
        };
        let merged = match (children.len(), value.is_empty()) {
            (0, false) => Node::Leaf {
                path: Nibbles::join(&[]),
                value: core::mem::take(value),
            },
            (1, true) => {
                let (nibble, child) = children.iter().next().ok_or(TrieError::Corrupt)?;
                let mut survivor = *child;
                let edge = Edge::Down(branch, nibble);
                let id = match survivor.node {
                    Some(id) => id,
                    None => {
                        let key = with_nibble(key, depth, nibble);
                        self.resolved(edge, &key, depth.saturating_add(1), resolver)?
                    }
                };
                let first = [nibble];
                let first = Path::of_key(&first).skip(1);
                match self.arena.get(id)? {
                    Node::Branch { .. } => {
                        survivor.node = Some(id);
                        Node::Extension {
                            path: Nibbles::join(&[first]),
                            child: survivor,
                        }
                    }
                    _ => prefixed(self.arena.remove(id)?, first),
                }
            }
            _ => return Ok(()),
        };
        // An extension above takes in what is no branch any more.
        let above = match self.trail.last() {
            Some((Edge::Down(parent, _), _)) => Some(*parent),
            _ => None,
        };
        if let Some(parent) = above
            && let Node::Extension { path, .. } = self.arena.get(parent)?
        {
            let merged = prefixed(merged, path.as_path());
            *self.arena.get_mut(parent)? = merged;
            self.arena.remove(branch)?;
            self.trail.pop();
        } else {
            *self.arena.get_mut(branch)? = merged;
        }
        Ok(())
    }

    /// Marks every edge of the trail dirty.
    fn mark_trail(&mut self) -> Result<(), TrieError> {
        while let Some((edge, _)) = self.trail.pop() {
            self.child_mut(edge)?.reference = Reference::Dirty;
        }
        Ok(())
    }

    fn new_leaf(&mut self, path: Path<'_>, value: &[u8]) -> Result<Child, TrieError> {
        self.new_child(Node::Leaf {
            path: Nibbles::join(&[path]),
            value: value.to_vec(),
        })
    }

    fn new_child(&mut self, node: Node) -> Result<Child, TrieError> {
        Ok(Child {
            reference: Reference::Dirty,
            node: Some(self.arena.insert(node, self.epoch)?),
        })
    }
}

impl Node {
    /// What stands in a node's place while it is taken apart.
    const fn placeholder() -> Self {
        Self::Branch {
            children: Children::new(),
            value: Vec::new(),
        }
    }
}

/// A leaf or extension with more nibbles in front of its path.
fn prefixed(node: Node, prefix: Path<'_>) -> Node {
    match node {
        Node::Leaf { path, value } => Node::Leaf {
            path: Nibbles::join(&[prefix, path.as_path()]),
            value,
        },
        Node::Extension { path, child } => Node::Extension {
            path: Nibbles::join(&[prefix, path.as_path()]),
            child,
        },
        branch @ Node::Branch { .. } => branch,
    }
}

/// A key that goes with `key` for `depth` nibbles and then down `nibble`.
fn with_nibble(key: &[u8], depth: usize, nibble: u8) -> Vec<u8> {
    let mut key = key.to_vec();
    if depth / 2 == key.len() {
        key.push(0);
    }
    if let Some(byte) = key.get_mut(depth / 2) {
        *byte = if depth.is_multiple_of(2) {
            (nibble << 4) | (*byte & 0x0f)
        } else {
            (*byte & 0xf0) | nibble
        };
    }
    key
}
