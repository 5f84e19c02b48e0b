//! Reference-counted nodes and codes.
//!
//! A node's count is the number of stored nodes that name it, plus the number of times it is pinned as a root. A code's count is the number of account leaves that name it.

use std::collections::hash_map::Entry;

use alloy_primitives::{B256, Bytes, keccak256, map::B256Map};

use crate::{
    db::{EMPTY_CODE_HASH, StateError, StateStats},
    node::{EMPTY_ROOT, Step, follow, for_each_link},
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
    node_bytes: usize,
}

/// A node that a block may add, read before the store is locked.
#[derive(Debug)]
pub(crate) struct NewNode {
    hash: B256,
    bytes: Bytes,
    links: Links,
}

/// A code that a block may add.
#[derive(Debug)]
pub(crate) struct NewCode {
    hash: B256,
    bytes: Bytes,
}

/// What a node names.
#[derive(Debug)]
struct Links {
    nodes: Vec<B256>,
    code: Option<B256>,
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
            node_bytes: self.node_bytes,
            codes: self.codes.len(),
            roots: self.pins.len(),
        }
    }

    /// Takes what a block adds and pins its root. On an error nothing has changed.
    pub(crate) fn insert(
        &mut self,
        root: B256,
        nodes: Vec<NewNode>,
        codes: Vec<NewCode>,
    ) -> Result<(), StateError> {
        let mut fresh = Vec::with_capacity(nodes.len());
        for NewNode { hash, bytes, links } in nodes {
            if let Entry::Vacant(place) = self.nodes.entry(hash) {
                self.node_bytes += bytes.len();
                place.insert(Counted {
                    bytes,
                    references: 0,
                });
                fresh.push((hash, links));
            }
        }
        let mut fresh_codes = Vec::with_capacity(codes.len());
        for NewCode { hash, bytes } in codes {
            if let Entry::Vacant(place) = self.codes.entry(hash) {
                place.insert(Counted {
                    bytes,
                    references: 0,
                });
                fresh_codes.push(hash);
            }
        }
        if let Err(error) = self.check_links(root, &fresh) {
            for (hash, _) in fresh {
                self.forget(&hash);
            }
            for hash in fresh_codes {
                self.codes.remove(&hash);
            }
            return Err(error);
        }
        for (_, links) in &fresh {
            self.count(links, 1)?;
        }
        *self.pins.entry(root).or_default() += 1;
        if let Some(node) = self.nodes.get_mut(&root) {
            node.references += 1;
        }
        // Nodes and codes that only an intermediate state had.
        let unreferenced = |hash: &B256| {
            self.nodes
                .get(hash)
                .is_some_and(|node| node.references == 0)
        };
        let orphans = fresh
            .into_iter()
            .map(|(hash, _)| hash)
            .filter(unreferenced)
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

    fn check_links(&self, root: B256, fresh: &[(B256, Links)]) -> Result<(), StateError> {
        if root != EMPTY_ROOT && !self.nodes.contains_key(&root) {
            return Err(StateError::MissingNode { hash: root });
        }
        for (_, links) in fresh {
            if let Some(hash) = links
                .nodes
                .iter()
                .find(|hash| !self.nodes.contains_key(*hash))
            {
                return Err(StateError::MissingNode { hash: *hash });
            }
            if let Some(hash) = links.code.filter(|hash| !self.codes.contains_key(hash)) {
                return Err(StateError::MissingCode { hash });
            }
        }
        Ok(())
    }

    /// Adds `by` (1 or -1) to the counts of what a node names, drops a code that is at zero after that, and returns the nodes that are.
    fn count(&mut self, links: &Links, by: i32) -> Result<Vec<B256>, StateError> {
        let mut unreferenced = Vec::new();
        for hash in &links.nodes {
            let node = self
                .nodes
                .get_mut(hash)
                .ok_or(StateError::MissingNode { hash: *hash })?;
            if node.count(by)? == 0 {
                unreferenced.push(*hash);
            }
        }
        if let Some(hash) = links.code {
            let code = self
                .codes
                .get_mut(&hash)
                .ok_or(StateError::MissingCode { hash })?;
            if code.count(by)? == 0 {
                self.codes.remove(&hash);
            }
        }
        Ok(unreferenced)
    }

    fn remove(&mut self, mut orphans: Vec<B256>) -> Result<(), StateError> {
        while let Some(hash) = orphans.pop() {
            let bytes = self.forget(&hash).ok_or(StateError::MissingNode { hash })?;
            orphans.extend(self.count(&Links::of(&bytes)?, -1)?);
        }
        Ok(())
    }

    fn forget(&mut self, hash: &B256) -> Option<Bytes> {
        let bytes = self.nodes.remove(hash)?.bytes;
        self.node_bytes -= bytes.len();
        Some(bytes)
    }
}

impl Counted {
    fn count(&mut self, by: i32) -> Result<u32, StateError> {
        self.references = self
            .references
            .checked_add_signed(by)
            .ok_or(StateError::Corrupt)?;
        Ok(self.references)
    }
}

impl NewNode {
    pub(crate) fn new(hash: B256, rlp: &[u8]) -> Result<Self, StateError> {
        Ok(Self {
            hash,
            links: Links::of(rlp)?,
            bytes: Bytes::copy_from_slice(rlp),
        })
    }

    pub(crate) const fn hash(&self) -> B256 {
        self.hash
    }
}

impl NewCode {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self {
            hash: keccak256(&bytes),
            bytes,
        }
    }
}

impl Links {
    fn of(rlp: &[u8]) -> Result<Self, StateError> {
        let (mut nodes, mut code) = (Vec::new(), None);
        for_each_link(rlp, |hash| nodes.push(hash), |hash| code = Some(hash))?;
        let code = code.filter(|hash| *hash != EMPTY_CODE_HASH);
        Ok(Self { nodes, code })
    }
}
