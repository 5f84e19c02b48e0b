//! The handle on the store: reads, proofs and witnesses at any retained root, and commits.

use std::sync::Arc;

use alloy_eip7928::AccountChanges;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256};
use parking_lot::RwLock;
pub use sidelight_core::state::Account;
use sidelight_core::state::PartialState;

use crate::{
    node::EMPTY_ROOT,
    proof::{self, AccountProof},
    store::Store,
};

/// Keccak of no bytes.
pub(crate) const EMPTY_CODE_HASH: B256 = KECCAK256_EMPTY;

/// Why the state cannot be read or extended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// No retained block has this state root.
    #[error("state {root} is not retained")]
    UnknownRoot {
        /// The root.
        root: B256,
    },
    /// A node that a retained node references is gone.
    #[error("trie node {hash} is missing")]
    MissingNode {
        /// Its hash.
        hash: B256,
    },
    /// No retained account has code with this hash.
    #[error("code {hash} is missing")]
    MissingCode {
        /// Its hash.
        hash: B256,
    },
    /// A stored node does not decode.
    #[error("the node store is corrupt")]
    Corrupt,
    /// The trie refused the changes.
    #[error(transparent)]
    Trie(sidelight_core::state::StateError),
}

/// How much the store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateStats {
    /// Trie nodes.
    pub nodes: usize,
    /// Their bytes.
    pub node_bytes: usize,
    /// Contract codes.
    pub codes: usize,
    /// Distinct retained roots.
    pub roots: usize,
}

/// What a commit gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The new state root, retained once.
    pub root: B256,
    /// The pre-state nodes that applying the changes needed, in wire order.
    pub witness: Vec<Bytes>,
}

/// A store of trie nodes shared by all retained states. Cheap to clone.
///
/// Reads at a root that is not retained fail with [`StateError::UnknownRoot`]; they never answer "absent".
#[derive(Clone, Debug, Default)]
pub struct StateDb {
    store: Arc<RwLock<Store>>,
}

impl StateDb {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An account, or `None` if the trie proves that there is none.
    pub fn account_at(&self, root: B256, address: Address) -> Result<Option<Account>, StateError> {
        let store = self.store.read();
        check_retained(&store, root)?;
        proof::read_account(&store, root, address, |_, _| {})
    }

    /// A storage slot; zero if the trie proves that it is not there.
    pub fn storage_at(&self, root: B256, address: Address, slot: U256) -> Result<U256, StateError> {
        let store = self.store.read();
        check_retained(&store, root)?;
        match proof::read_account(&store, root, address, |_, _| {})? {
            Some(account) => proof::read_slot(&store, account.storage_root, slot, |_, _| {}),
            None => Ok(U256::ZERO),
        }
    }

    /// A contract's code by its hash.
    pub fn code(&self, hash: B256) -> Result<Bytes, StateError> {
        if hash == EMPTY_CODE_HASH {
            return Ok(Bytes::new());
        }
        self.store
            .read()
            .code(&hash)
            .cloned()
            .ok_or(StateError::MissingCode { hash })
    }

    /// EIP-1186 proof of an account and some of its slots.
    pub fn prove(
        &self,
        root: B256,
        address: Address,
        slots: &[U256],
    ) -> Result<AccountProof, StateError> {
        let store = self.store.read();
        check_retained(&store, root)?;
        proof::prove(&store, root, address, slots)
    }

    /// The nodes that prove all of these accounts and slots, or their absence, together: depth first from the root, each once, an account's storage nodes
    /// directly after its leaf (`docs/wire-format.md` section 2).
    pub fn multiproof(
        &self,
        root: B256,
        keys: &[(Address, Vec<U256>)],
    ) -> Result<Vec<Bytes>, StateError> {
        self.check_retained(root)?;
        let mut state = PartialState::from_root(root);
        state
            .reveal_reads_with(|hash| self.node(hash), keys)
            .map_err(StateError::Trie)
    }

    /// The pre-state nodes that applying these changes needs, in wire order.
    pub fn witness(
        &self,
        pre_root: B256,
        changes: &[AccountChanges],
    ) -> Result<Vec<Bytes>, StateError> {
        Ok(self.apply(pre_root, changes)?.witness)
    }

    /// Applies a block access list to a retained state, stores what is new and retains the new root once.
    pub fn commit(
        &self,
        pre_root: B256,
        changes: &[AccountChanges],
    ) -> Result<Committed, StateError> {
        let applied = self.apply(pre_root, changes)?;
        let codes = changes
            .iter()
            .filter_map(|account| account.code_post_state())
            .filter(|code| !code.is_empty())
            .cloned()
            .collect();
        self.store
            .write()
            .insert(applied.root, applied.nodes, codes)?;
        Ok(Committed {
            root: applied.root,
            witness: applied.witness,
        })
    }

    /// Retains a retained root once more.
    pub fn retain(&self, root: B256) -> Result<(), StateError> {
        self.store.write().retain(root)
    }

    /// Takes one retention off a root. With the last one, every node that no other retained state shares is dropped.
    pub fn release(&self, root: B256) -> Result<(), StateError> {
        self.store.write().release(root)
    }

    /// Sizes of the store.
    pub fn stats(&self) -> StateStats {
        self.store.read().stats()
    }

    /// Runs the same trie code that every client runs, with nodes from the store.
    fn apply(&self, pre_root: B256, changes: &[AccountChanges]) -> Result<Applied, StateError> {
        if pre_root != EMPTY_ROOT {
            self.check_retained(pre_root)?;
        }
        let mut state = PartialState::from_root(pre_root);
        let witness = state
            .apply_with(|hash| self.node(hash), changes)
            .map_err(StateError::Trie)?;
        let mut nodes = Vec::new();
        let root = state.root_with(|hash, rlp| nodes.push((hash, Bytes::copy_from_slice(rlp))));
        Ok(Applied {
            root,
            nodes,
            witness,
        })
    }

    /// Locks per node, so that neither a long proof nor a large commit keeps others waiting.
    fn node(&self, hash: &B256) -> Option<Bytes> {
        self.store.read().node(hash).cloned()
    }

    fn check_retained(&self, root: B256) -> Result<(), StateError> {
        check_retained(&self.store.read(), root)
    }
}

struct Applied {
    root: B256,
    nodes: Vec<(B256, Bytes)>,
    witness: Vec<Bytes>,
}

fn check_retained(store: &Store, root: B256) -> Result<(), StateError> {
    if store.is_retained(&root) {
        Ok(())
    } else {
        Err(StateError::UnknownRoot { root })
    }
}
