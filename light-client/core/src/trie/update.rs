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
        resolver: &mut dyn Resolve,
    ) -> Result<(), TrieError> {
        let new_value = |value| Option::as_ref(value).map_or(&[][..], V::as_ref);
        for (key, value) in changes {
            let value = new_value(value);
            if !value.is_empty() {
                self.upsert(key.as_ref(), value, resolver)?;
            }
        }
        for (key, value) in changes {
            if new_value(value).is_empty() {
                self.delete(key.as_ref(), resolver)?;
            }
        }
        Ok(())
    }

    fn upsert(
        &mut self,
        key: &[u8],
        value: &[u8],
        resolver: &mut dyn Resolve,
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

    fn delete(&mut self, key: &[u8], resolver: &mut dyn Resolve) -> Result<(), TrieError> {
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
        resolver: &mut dyn Resolve,
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

#[cfg(test)]
mod tests {
    use super::super::testing::{build, key, partial, root_of, value};
    use super::*;
    use alloy_consensus::constants::EMPTY_ROOT_HASH;
    use alloy_primitives::B256;

    const REMOVED: Option<Vec<u8>> = None;

    #[test]
    fn insertions_come_first_so_that_a_full_branch_needs_no_sibling() {
        let (full, ..) = build(&["3", "8"]);
        let mut client = partial(&full, &["3"]);
        // In the order of keys the deletion would come first.
        client
            .update(&[(key("3"), REMOVED), (key("5"), value(9))])
            .unwrap();
        assert_eq!(client.root(), root_of(&[("5", 9), ("8", 2)]));
    }

    #[test]
    fn collapse_with_an_unknown_sibling_is_incomplete_and_names_it() {
        let (full, ..) = build(&["31", "38", "9"]);
        let sibling = full.prove(key("38")).unwrap().pop().unwrap();
        let mut client = partial(&full, &["31"]);
        let error = client.update(&[(key("31"), REMOVED)]).unwrap_err();
        let hash = alloy_primitives::keccak256(sibling);
        assert_eq!(error, TrieError::Blinded { hash, depth: 2 });
    }

    #[test]
    fn branch_that_collapses_merges_with_leaf_extension_or_branch() {
        for (before, after) in [
            // A leaf takes the nibble in.
            (&["3", "8", "9"][..], &[("3", 1)][..]),
            // So does an extension,
            (&["3aa1", "3aa2", "8", "9"], &[("3aa1", 1), ("3aa2", 2)]),
            // and a branch gets one above it,
            (&["31", "32", "8", "9"], &[("31", 1), ("32", 2)]),
            // which joins the one that led to the collapsed branch.
            (&["aa31", "aa32", "aa8", "aa9"], &[("aa31", 1), ("aa32", 2)]),
            (&["aa3", "aa8", "aa9"], &[("aa3", 1)]),
        ] {
            let (mut trie, ..) = build(before);
            let removed: Vec<_> = before
                .iter()
                .filter(|k| after.iter().all(|(kept, _)| kept != *k))
                .map(|k| (key(k), REMOVED))
                .collect();
            let nodes = trie.size().nodes;
            trie.update(&removed).unwrap();
            assert_eq!(trie.root(), root_of(after), "{before:?}");
            assert!(trie.size().nodes < nodes);
        }
    }

    #[test]
    fn last_deletion_leaves_the_empty_trie() {
        let (mut trie, ..) = build(&["1", "2", "21", "213"]);
        let removed = ["1", "2", "21", "213"].map(|k| (key(k), REMOVED));
        trie.update(&removed).unwrap();
        assert_eq!(trie.root(), EMPTY_ROOT_HASH);
        assert_eq!(trie.size().nodes, 0);
    }

    #[test]
    fn change_without_effect_leaves_nothing_to_hash() {
        let (mut trie, root, _) = build(&["1", "2"]);
        trie.update(&[(key("1"), value(1)), (key("3"), REMOVED)])
            .unwrap();
        assert_eq!(trie.clean_root(), Some(root));
        trie.update(&[(key("1"), value(3))]).unwrap();
        assert_eq!(trie.clean_root(), None);
        assert_eq!(trie.prove(key("1")), Err(TrieError::Dirty));
    }

    #[test]
    fn only_what_changed_is_hashed_again() {
        let (mut trie, ..) = build(&["11", "12", "21", "22"]);
        trie.update(&[(key("11"), value(9))]).unwrap();
        let mut hashed = Vec::new();
        let root = trie.root_with(|hash, _| hashed.push(hash));
        // The leaf, its branch and the root.
        assert_eq!(hashed.len(), 3);
        assert_eq!(hashed.last(), Some(&root));
        trie.root_with(|_, _| panic!("hashed again"));
    }

    #[test]
    fn extension_is_split_above_a_node_that_is_not_known() {
        let (full, ..) = build(&["aa1", "aa2"]);
        let mut client = partial(&full, &["b"]);
        client.update(&[(key("b"), value(3))]).unwrap();
        let mut hashed = 0;
        let root = client.root_with(|_, _| hashed += 1);
        assert_eq!(root, root_of(&[("aa1", 1), ("aa2", 2), ("b", 3)]));
        // The leaf, what is left of the extension, and the root.
        assert_eq!(hashed, 3);
    }

    #[test]
    fn changing_below_a_blinded_node_is_incomplete() {
        let (full, root, _) = build(&["31", "38", "9"]);
        for change in [value(1), REMOVED] {
            let mut blind = SparseTrie::from_root(root);
            let depth = 0;
            assert_eq!(
                blind.update(&[(key("31"), change.clone())]),
                Err(TrieError::Blinded { hash: root, depth })
            );
            let mut client = partial(&full, &["9"]);
            let error = client.update(&[(key("31"), change)]).unwrap_err();
            assert!(matches!(error, TrieError::Blinded { depth: 1, .. }));
        }
    }

    #[test]
    fn keys_may_end_inside_others_in_tries_built_here() {
        let mut trie = SparseTrie::empty();
        let words = ["do", "dog", "doge", "horse"];
        let long = "a key of more than thirty-two bytes, which no Ethereum state has";
        for word in words.iter().chain([&long]) {
            trie.update(&[(word, Some(word))]).unwrap();
        }
        trie.root();
        for word in words.iter().chain([&long]) {
            assert_eq!(trie.get(word).unwrap(), Some(word.as_bytes()));
        }
        trie.update(&[(&"dog", None::<&str>), (&"do", None), (&long, None)])
            .unwrap();
        let mut other = SparseTrie::empty();
        other
            .update(&[("doge", Some("doge")), ("horse", Some("horse"))])
            .unwrap();
        assert_eq!(trie.root(), other.root());
        // What hangs below the end of another key goes, and that key stays.
        trie.update(&[("horses", Some("horses"))]).unwrap();
        trie.update(&[("horses", None::<&str>)]).unwrap();
        assert_eq!(trie.root(), other.root());
    }

    #[test]
    fn keys_that_end_inside_others_give_the_root_of_the_official_test() {
        // ethereum/tests, TrieTests/trieanyorder.json, "dogs".
        let mut trie = SparseTrie::empty();
        trie.update(&[
            ("doe", Some("reindeer")),
            ("dog", Some("puppy")),
            ("dogglesworth", Some("cat")),
        ])
        .unwrap();
        let root = "8aad789dff2f538bca5d8ea56e8abe10f4c7ba3a5dea95fea4cd6e7c3a1168d3";
        assert_eq!(trie.root(), root.parse::<B256>().unwrap());
    }

    #[test]
    fn sibling_keys_differ_in_one_nibble() {
        let key = B256::repeat_byte(0x77);
        for depth in 0..64 {
            let sibling = with_nibble(key.as_slice(), depth, 3);
            let (a, b) = (Path::of_key(key.as_slice()), Path::of_key(&sibling));
            assert_eq!(a.common_prefix(b), depth);
            assert_eq!((b.at(depth), b.len()), (3, 64));
        }
        // A key that ends there gets longer.
        assert_eq!(with_nibble(&[0x77], 2, 3), [0x77, 0x30]);
    }
}
