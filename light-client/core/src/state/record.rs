//! Which nodes a change or a read needed from a store, in the order in which a witness lists them.

use alloc::{vec, vec::Vec};

use alloy_primitives::{B256, Bytes, map::B256Set};

use crate::trie::{KnownOnly, Resolve, nibbles::Path};

/// Where nodes of any trie of a state come from. One compiled copy of a walk serves every source: a second one is kilobytes in the browser's module.
pub(super) trait StateResolve {
    /// As [`Resolve::resolve`]: in the accounts trie, or in the storage trie of the account with this hashed address.
    fn resolve_in(
        &mut self,
        account: Option<B256>,
        hash: &B256,
        key: &[u8],
        depth: usize,
    ) -> Option<Bytes>;
}

impl dyn StateResolve + '_ {
    /// For the accounts trie.
    pub(super) const fn accounts(&mut self) -> In<'_> {
        self.within(None)
    }

    /// For the storage trie of the account with this hashed address.
    pub(super) const fn storage(&mut self, account: B256) -> In<'_> {
        self.within(Some(account))
    }

    const fn within(&mut self, account: Option<B256>) -> In<'_> {
        In {
            state: self,
            account,
        }
    }
}

/// A source of nodes at work in one trie.
pub(super) struct In<'a> {
    state: &'a mut (dyn StateResolve + 'a),
    account: Option<B256>,
}

impl Resolve for In<'_> {
    fn resolve(&mut self, hash: &B256, key: &[u8], depth: usize) -> Option<Bytes> {
        self.state.resolve_in(self.account, hash, key, depth)
    }
}

impl StateResolve for KnownOnly {
    fn resolve_in(&mut self, _: Option<B256>, _: &B256, _: &[u8], _: usize) -> Option<Bytes> {
        None
    }
}

/// Fetches nodes from a store and remembers where each belongs.
pub(super) struct Recorder<F> {
    lookup: F,
    found: Vec<Found>,
}

/// A node and its place in a witness.
struct Found {
    /// Nibbles of the path in the accounts trie, and, for a storage node, of the one in the storage trie. Sorting by it walks the state depth-first: a node's path is a prefix
    /// of those below it, and the whole key of an account stands behind its leaf and before the next node.
    place: (Vec<u8>, Vec<u8>),
    hash: B256,
    rlp: Bytes,
}

impl<F: FnMut(&B256) -> Option<Bytes>> Recorder<F> {
    pub(super) const fn new(lookup: F) -> Self {
        Self {
            lookup,
            found: Vec::new(),
        }
    }

    /// The nodes in depth-first order, each once: equal subtries are one node at several places.
    pub(super) fn into_witness(self) -> Vec<Bytes> {
        let hashed = self.into_hashed().into_iter();
        hashed.map(|(_, rlp)| rlp).collect()
    }

    /// As [`into_witness`](Self::into_witness), each with its hash.
    pub(super) fn into_hashed(mut self) -> Vec<(B256, Bytes)> {
        self.found.sort_unstable_by(|a, b| a.place.cmp(&b.place));
        self.into_found()
    }

    /// The nodes in the order in which they were asked for, parents before children, each once.
    pub(super) fn into_found(mut self) -> Vec<(B256, Bytes)> {
        let mut seen = B256Set::default();
        self.found.retain(|found| seen.insert(found.hash));
        let found = self.found.into_iter();
        found.map(|found| (found.hash, found.rlp)).collect()
    }
}

impl<F: FnMut(&B256) -> Option<Bytes>> StateResolve for Recorder<F> {
    fn resolve_in(
        &mut self,
        account: Option<B256>,
        hash: &B256,
        key: &[u8],
        depth: usize,
    ) -> Option<Bytes> {
        let rlp = (self.lookup)(hash)?;
        let path: Vec<u8> = Path::of_key(key).take(depth).iter().collect();
        let place = match account {
            None => (path, vec![]),
            Some(account) => (Path::of_key(account.as_slice()).iter().collect(), path),
        };
        self.found.push(Found {
            place,
            hash: *hash,
            rlp: rlp.clone(),
        });
        Some(rlp)
    }
}
