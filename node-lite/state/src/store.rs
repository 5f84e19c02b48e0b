//! Reference-counted nodes and codes.
//!
//! A node's count is the number of stored nodes that name it, plus the number of times it is pinned as a root. A code's count is the number of account leaves that name it.

use alloy_primitives::{B256, Bytes, keccak256, map::B256Map};

use crate::{
    db::{StateError, StateStats},
    node::{EMPTY_ROOT, Node, Step, follow, to_nibbles},
};

#[derive(Debug)]
struct Counted {
    bytes: Bytes,
    references: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Store {
    nodes: B256Map<Counted>,
    codes: B256Map<Counted>,
    pins: B256Map<u32>,
}

impl Store {
    pub(crate) fn node(&self, hash: &B256) -> Option<&Bytes> {
        self.nodes.get(hash).map(|node| &node.bytes)
    }

    pub(crate) fn code(&self, hash: &B256) -> Option<&Bytes> {
        self.codes.get(hash).map(|code| &code.bytes)
    }

    pub(crate) fn is_retained(&self, root: &B256) -> bool {
        self.pins.contains_key(root)
    }

    pub(crate) fn stats(&self) -> StateStats {
        StateStats {
            nodes: self.nodes.len(),
            node_bytes: self.nodes.values().map(|node| node.bytes.len()).sum(),
            codes: self.codes.len(),
            roots: self.pins.len(),
        }
    }

    /// Takes the nodes and codes that a block adds and pins its root. On an error nothing has changed.
    pub(crate) fn insert(
        &mut self,
        root: B256,
        nodes: Vec<(B256, Bytes)>,
        codes: Vec<Bytes>,
    ) -> Result<(), StateError> {
        let mut fresh = Vec::with_capacity(nodes.len());
        for (hash, bytes) in nodes {
            self.nodes.entry(hash).or_insert_with(|| {
                fresh.push(hash);
                Counted {
                    bytes,
                    references: 0,
                }
            });
        }
        let mut fresh_codes = Vec::new();
        for bytes in codes {
            let hash = keccak256(&bytes);
            self.codes.entry(hash).or_insert_with(|| {
                fresh_codes.push(hash);
                Counted {
                    bytes,
                    references: 0,
                }
            });
        }
        if let Err(error) = self.check_references(root, &fresh) {
            for hash in fresh {
                self.nodes.remove(&hash);
            }
            for hash in fresh_codes {
                self.codes.remove(&hash);
            }
            return Err(error);
        }
        for hash in &fresh {
            self.count_references(hash, 1)?;
        }
        *self.pins.entry(root).or_default() += 1;
        if let Some(node) = self.nodes.get_mut(&root) {
            node.references += 1;
        }
        // Nodes and codes of intermediate states that the root does not reach.
        let orphans = fresh
            .into_iter()
            .filter(|hash| {
                self.nodes
                    .get(hash)
                    .is_some_and(|node| node.references == 0)
            })
            .collect();
        self.remove(orphans)?;
        for hash in fresh_codes {
            if self
                .codes
                .get(&hash)
                .is_some_and(|code| code.references == 0)
            {
                self.codes.remove(&hash);
            }
        }
        Ok(())
    }

    /// Pins a root once more.
    pub(crate) fn retain(&mut self, root: B256) -> Result<(), StateError> {
        let pins = self
            .pins
            .get_mut(&root)
            .ok_or(StateError::UnknownRoot { root })?;
        *pins += 1;
        if let Some(node) = self.nodes.get_mut(&root) {
            node.references += 1;
        }
        Ok(())
    }

    /// Takes one pin off a root, and removes what nothing references any more.
    pub(crate) fn release(&mut self, root: B256) -> Result<(), StateError> {
        let pins = self
            .pins
            .get_mut(&root)
            .ok_or(StateError::UnknownRoot { root })?;
        *pins -= 1;
        if *pins == 0 {
            self.pins.remove(&root);
        }
        if root == EMPTY_ROOT {
            return Ok(());
        }
        let node = self
            .nodes
            .get_mut(&root)
            .ok_or(StateError::MissingNode { hash: root })?;
        node.references -= 1;
        let orphans = if node.references == 0 {
            vec![root]
        } else {
            Vec::new()
        };
        self.remove(orphans)
    }

    /// Follows a hashed key from a root, showing every stored node on the way to `visit`. Returns the value's RLP.
    pub(crate) fn walk(
        &self,
        root: B256,
        key: B256,
        mut visit: impl FnMut(&B256, &Bytes),
    ) -> Result<Option<&[u8]>, StateError> {
        if root == EMPTY_ROOT {
            return Ok(None);
        }
        let key = to_nibbles(key);
        let (mut hash, mut used) = (root, 0);
        loop {
            let rlp = self.node(&hash).ok_or(StateError::MissingNode { hash })?;
            visit(&hash, rlp);
            match follow(rlp, &key, used)? {
                Step::Value(value) => return Ok(Some(value)),
                Step::Absent => return Ok(None),
                // Every step down uses at least one nibble, so the walk ends.
                Step::Down(next, deeper) => (hash, used) = (next, deeper),
            }
        }
    }

    fn check_references(&self, root: B256, fresh: &[B256]) -> Result<(), StateError> {
        if root != EMPTY_ROOT && !self.nodes.contains_key(&root) {
            return Err(StateError::MissingNode { hash: root });
        }
        for hash in fresh {
            let rlp = self.node(hash).ok_or(StateError::Corrupt)?;
            let node = Node::decode(rlp)?;
            let mut missing = None;
            node.for_each_reference(|child| {
                if !self.nodes.contains_key(&child) {
                    missing = Some(child);
                }
            });
            if let Some(hash) = missing {
                return Err(StateError::MissingNode { hash });
            }
            if let Some(hash) = node.code_hash()
                && hash != crate::db::EMPTY_CODE_HASH
                && !self.codes.contains_key(&hash)
            {
                return Err(StateError::MissingCode { hash });
            }
        }
        Ok(())
    }

    /// Adds `by` (1 or -1) to the counts of what a node references, and returns the nodes that are at zero after that.
    fn count_references(&mut self, hash: &B256, by: i32) -> Result<Vec<B256>, StateError> {
        let rlp = self
            .node(hash)
            .ok_or(StateError::MissingNode { hash: *hash })?
            .clone();
        let node = Node::decode(&rlp)?;
        let mut unreferenced = Vec::new();
        let mut broken = false;
        node.for_each_reference(|child| {
            match self.nodes.get_mut(&child).and_then(|node| node.count(by)) {
                Some(0) => unreferenced.push(child),
                Some(_) => {}
                None => broken = true,
            }
        });
        if let Some(code_hash) = node.code_hash()
            && let Some(code) = self.codes.get_mut(&code_hash)
            && code.count(by) == Some(0)
        {
            self.codes.remove(&code_hash);
        }
        if broken {
            Err(StateError::Corrupt)
        } else {
            Ok(unreferenced)
        }
    }

    fn remove(&mut self, mut orphans: Vec<B256>) -> Result<(), StateError> {
        while let Some(hash) = orphans.pop() {
            orphans.extend(self.count_references(&hash, -1)?);
            self.nodes.remove(&hash);
        }
        Ok(())
    }
}

impl Counted {
    fn count(&mut self, by: i32) -> Option<u32> {
        self.references = self.references.checked_add_signed(by)?;
        Some(self.references)
    }
}
