//! Which nodes a change or a read needed from a store, in the order in which a witness lists them.

use alloc::{vec, vec::Vec};

use alloy_primitives::{B256, Bytes, map::B256Set};

use crate::trie::{KnownOnly, Resolve, nibbles::Path};

/// A resolver for each trie of a state.
pub(super) trait StateResolve {
    /// For the accounts trie.
    fn accounts(&mut self) -> impl Resolve;
    /// For the storage trie of the account with this hashed address.
    fn storage(&mut self, account: B256) -> impl Resolve;
}

impl StateResolve for KnownOnly {
    fn accounts(&mut self) -> impl Resolve {
        Self
    }

    fn storage(&mut self, _: B256) -> impl Resolve {
        Self
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

    pub(super) fn storage_resolver(&mut self, account: B256) -> impl Resolve {
        At {
            recorder: self,
            account: Some(account),
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
        let mut seen = B256Set::default();
        self.found.retain(|found| seen.insert(found.hash));
        let found = self.found.into_iter();
        found.map(|found| (found.hash, found.rlp)).collect()
    }
}

impl<F: FnMut(&B256) -> Option<Bytes>> StateResolve for Recorder<F> {
    fn accounts(&mut self) -> impl Resolve {
        At {
            recorder: self,
            account: None,
        }
    }

    fn storage(&mut self, account: B256) -> impl Resolve {
        self.storage_resolver(account)
    }
}

/// A recorder at work in one trie.
struct At<'a, F> {
    recorder: &'a mut Recorder<F>,
    account: Option<B256>,
}

impl<F: FnMut(&B256) -> Option<Bytes>> Resolve for At<'_, F> {
    fn resolve(&mut self, hash: &B256, key: &[u8], depth: usize) -> Option<Bytes> {
        let rlp = (self.recorder.lookup)(hash)?;
        let path: Vec<u8> = Path::of_key(key).take(depth).iter().collect();
        let place = match self.account {
            None => (path, vec![]),
            Some(account) => (Path::of_key(account.as_slice()).iter().collect(), path),
        };
        self.recorder.found.push(Found {
            place,
            hash: *hash,
            rlp: rlp.clone(),
        });
        Some(rlp)
    }
}
