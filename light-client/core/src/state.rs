//! The part of the world state that a client knows, and the application of a block access list (EIP-7928) to it.
//!
//! ```text
//! state root -> accounts trie -> leaf: [nonce, balance, storage_root, code_hash]
//!                                                            |
//!                                                            v
//!                                            one storage trie per account, keyed by keccak(address)
//! ```
//!
//! A client reveals a witness against the parent's state root, applies the block's access list, and compares the new root with the header's. A node does the same over its
//! store, and gets the witness as a by-product.

mod apply;
mod record;

use alloc::vec::Vec;

pub use alloy_consensus::TrieAccount as Account;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256, map::B256Map};
pub use apply::{AccountAfter, AccountRules, CurrentRules, is_empty, with_changes};

use crate::{
    proof::{ProofError, decode_account, decode_storage_value},
    trie::{Reach, SparseTrie, TrieError, TrieSize, Witness},
};

/// Why a state could not be read, extended or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// In the accounts trie.
    #[error("accounts trie: {0}")]
    Accounts(#[from] TrieError),
    /// In an account's storage trie.
    #[error("storage trie of {account}: {error}")]
    Storage {
        /// Keccak of the account's address.
        account: B256,
        /// What went wrong there.
        error: TrieError,
    },
    /// A leaf does not hold what its trie should hold.
    #[error("value at {key}: {error}")]
    Value {
        /// The hashed address or slot.
        key: B256,
        /// What is wrong with it.
        error: ProofError,
    },
    /// The account's storage has changed and the root was not computed since.
    #[error("storage of {account} has changes whose root is not computed")]
    RootPending {
        /// Keccak of the account's address.
        account: B256,
    },
}

impl StateError {
    /// A stable word for the kind of error.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Accounts(error) | Self::Storage { error, .. } => error.kind(),
            Self::Value { .. } => "invalid_value",
            Self::RootPending { .. } => "root_pending",
        }
    }

    /// Whether something was only *unknown*: more nodes would answer it.
    pub const fn is_incomplete(&self) -> bool {
        matches!(
            self,
            Self::Accounts(TrieError::Blinded { .. })
                | Self::Storage {
                    error: TrieError::Blinded { .. },
                    ..
                }
        )
    }
}

/// A world state of which any part may be unknown.
///
/// Whatever it answers follows from the root that it was made with; that this root is the chain's is the caller's to know.
#[derive(Clone, Debug, Default)]
pub struct PartialState {
    accounts: SparseTrie,
    /// By keccak of the address. A trie is here once a node of it was needed.
    storages: B256Map<SparseTrie>,
    /// Accounts whose storage root in the accounts trie is behind their storage trie.
    pending: Vec<B256>,
    epoch: u64,
}

impl PartialState {
    /// The state without accounts, which is wholly known.
    pub fn empty() -> Self {
        Self::default()
    }

    /// A state of which nothing but the root is known.
    pub fn from_root(state_root: B256) -> Self {
        Self {
            accounts: SparseTrie::from_root(state_root),
            ..Self::default()
        }
    }

    /// Learns the nodes of a witness: of the accounts trie, and of the storage tries of accounts that it reaches.
    ///
    /// Nodes that are known already are fine, so a witness may leave out or repeat what the receiver has. A node twice, or one that no path reaches, is refused.
    /// What an error leaves behind is still true, because each node was checked against its parent's reference.
    pub fn reveal(&mut self, nodes: &[Bytes]) -> Result<(), StateError> {
        self.root();
        let mut witness = Witness::new(nodes)?;
        for reach in [Reach::Witness, Reach::Known] {
            self.reveal_reach(&mut witness, reach)?;
            if witness.is_used_up() {
                break;
            }
        }
        Ok(witness.finish()?)
    }

    fn reveal_reach(&mut self, witness: &mut Witness<'_>, reach: Reach) -> Result<(), StateError> {
        let mut storages: Vec<(B256, B256)> = Vec::new();
        self.accounts.reveal_leaves(witness, reach, |key, value| {
            let root = read_account(key, value)?.storage_root;
            storages.push((key, root));
            Ok::<_, StateError>(())
        })?;
        for (account, root) in storages {
            let in_witness = witness.contains(&root);
            let known = reach == Reach::Known && self.storages.contains_key(&account);
            if in_witness || known {
                self.storage_trie(account, root)
                    .reveal_leaves(witness, reach, |_, _| Ok(()))
                    .map_err(|error| StateError::Storage { account, error })?;
            }
        }
        Ok(())
    }

    /// The account at `address`; `None` is proven absence.
    pub fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        let key = keccak256(address);
        if self.pending.contains(&key) {
            return Err(StateError::RootPending { account: key });
        }
        self.account_by_hash(key)
    }

    fn account_by_hash(&self, key: B256) -> Result<Option<Account>, StateError> {
        self.accounts
            .get(key)?
            .map(|value| read_account(key, value))
            .transpose()
    }

    /// The value of a storage slot; zero is proven absence.
    pub fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        let account = keccak256(address);
        let Some(known) = self.account_by_hash(account)? else {
            return Ok(U256::ZERO);
        };
        let key = hash_slot(slot);
        let in_storage = |error| StateError::Storage { account, error };
        let value = match self.storages.get(&account) {
            Some(trie) => trie.get(key).map_err(in_storage)?,
            None => {
                // Nothing of it is known: only an empty trie answers.
                SparseTrie::from_root(known.storage_root)
                    .get(key)
                    .map_err(in_storage)?;
                None
            }
        };
        match value {
            Some(value) => read_storage_value(key, value),
            None => Ok(U256::ZERO),
        }
    }

    /// The account's proof, root first: what `eth_getProof` calls `accountProof`.
    pub fn prove_account(&self, address: Address) -> Result<Vec<Bytes>, StateError> {
        Ok(self.accounts.prove(keccak256(address))?)
    }

    /// The proof of a slot, root first: what `eth_getProof` calls `proof` under `storageProof`. Empty where there is no storage.
    pub fn prove_storage(&self, address: Address, slot: U256) -> Result<Vec<Bytes>, StateError> {
        let account = keccak256(address);
        let Some(known) = self.account_by_hash(account)? else {
            return Ok(Vec::new());
        };
        let in_storage = |error| StateError::Storage { account, error };
        let key = hash_slot(slot);
        match self.storages.get(&account) {
            Some(trie) => trie.prove(key).map_err(in_storage),
            None => SparseTrie::from_root(known.storage_root)
                .prove(key)
                .map_err(in_storage),
        }
    }

    /// The state root, after hashing what has changed.
    pub fn root(&mut self) -> B256 {
        self.root_with(|_, _| {})
    }

    /// As [`root`](Self::root), and hands every newly hashed node to `on_node`: storage tries first, children before parents. With these and the nodes of the state before,
    /// a store has every node of the state after.
    pub fn root_with(&mut self, mut on_node: impl FnMut(B256, &[u8])) -> B256 {
        // A state that contradicts itself has no root; zero equals no hash that anyone can sign.
        if self.settle(&mut on_node).is_err() {
            return B256::ZERO;
        }
        self.accounts.root_with(on_node)
    }

    /// The state root, if nothing has changed since it was computed.
    pub fn clean_root(&self) -> Option<B256> {
        self.accounts
            .clean_root()
            .filter(|_| self.pending.is_empty())
    }

    /// Sets the stamp of nodes that are changed or revealed from now on: the block's number.
    pub fn set_epoch(&mut self, epoch: u64) {
        self.epoch = epoch;
        self.accounts.set_epoch(epoch);
    }

    /// Forgets every subtrie that was not touched since `keep_since`, and says what is left. What is forgotten can be revealed again.
    pub fn prune(&mut self, keep_since: u64) -> TrieSize {
        self.root();
        let accounts = &mut self.accounts;
        // A trie that cannot be pruned is forgotten altogether.
        if accounts.prune(keep_since).is_err() {
            *self = Self {
                epoch: self.epoch,
                ..Self::from_root(accounts.clean_root().unwrap_or_default())
            };
            return TrieSize::default();
        }
        self.storages.retain(|account, trie| {
            // A storage trie lives as long as the leaf that vouches for it.
            accounts.get(account).is_ok() && trie.prune(keep_since).is_ok() && !trie.is_blinded()
        });
        self.storages.shrink_to_fit();
        self.size()
    }

    /// How much is known.
    pub fn size(&self) -> TrieSize {
        self.storages
            .values()
            .fold(self.accounts.size(), |size, trie| size.plus(trie.size()))
    }

    /// The storage trie of an account whose leaf has this storage root.
    fn storage_trie(&mut self, account: B256, root: B256) -> &mut SparseTrie {
        let trie = self
            .storages
            .entry(account)
            .or_insert_with(|| SparseTrie::from_root(root));
        // What is known of an older storage does not help with another one.
        if trie.clean_root().is_some_and(|known| known != root) {
            *trie = SparseTrie::from_root(root);
        }
        trie.set_epoch(self.epoch);
        trie
    }
}

/// A storage trie's key.
pub(crate) fn hash_slot(slot: U256) -> B256 {
    keccak256(slot.to_be_bytes::<32>())
}

fn read_account(key: B256, value: &[u8]) -> Result<Account, StateError> {
    decode_account(value).map_err(|error| StateError::Value { key, error })
}

fn read_storage_value(key: B256, value: &[u8]) -> Result<U256, StateError> {
    decode_storage_value(value).map_err(|error| StateError::Value { key, error })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Address = Address::repeat_byte(0xaa);
    const BOB: Address = Address::repeat_byte(0xbb);
    const SLOT: U256 = U256::ONE;

    fn with_balance(balance: u64) -> Account {
        Account {
            balance: U256::from(balance),
            ..Account::default()
        }
    }

    /// Alice and Bob with eight slots each, put there in epoch 1.
    fn world() -> PartialState {
        let slots = [1, 2, 3, 4, 5, 6, 7, 8].map(|slot| (U256::from(slot), U256::from(slot)));
        let mut state = PartialState::empty();
        state.set_epoch(1);
        for address in [ALICE, BOB] {
            state
                .put_account(address, &with_balance(1), &slots)
                .unwrap();
        }
        state.root();
        state
    }

    #[test]
    fn what_was_touched_since_survives_pruning_and_the_rest_does_not() {
        let mut state = world();
        let before = state.size();
        state.set_epoch(2);
        let written = [(SLOT, U256::from(9))];
        state
            .put_account(ALICE, &with_balance(1), &written)
            .unwrap();
        let root = state.root();
        let left = state.prune(2);
        assert!((1..before.nodes).contains(&left.nodes), "{left:?}");
        assert_eq!(left, state.size());
        assert_eq!(state.root(), root);
        assert_eq!(state.storage(ALICE, SLOT).unwrap(), U256::from(9));
        assert!((2..=8).any(|slot| state.storage(ALICE, U256::from(slot)).is_err()));
        assert!(state.account(BOB).unwrap_err().is_incomplete());
    }

    #[test]
    fn storage_that_was_not_touched_is_forgotten_though_its_account_was() {
        let mut state = world();
        state.set_epoch(2);
        state.put_account(ALICE, &with_balance(2), &[]).unwrap();
        state.prune(2);
        assert!(state.account(ALICE).unwrap().is_some());
        assert!(state.storage(ALICE, SLOT).unwrap_err().is_incomplete());
        assert!(state.storages.is_empty(), "an empty shell is left");
    }

    #[test]
    fn a_witness_may_leave_out_storage_nodes_that_are_known() {
        let mut full = world();
        let mut client = PartialState::from_root(full.root());
        client.reveal(&full.prove_account(ALICE).unwrap()).unwrap();
        let known = full.prove_storage(ALICE, SLOT).unwrap();
        client.reveal(&known).unwrap();
        let slots = (2..=8).map(U256::from);
        let mut other = slots.filter(|slot| client.storage(ALICE, *slot).is_err());
        let other = other.next().unwrap();
        let mut missing = full.prove_storage(ALICE, other).unwrap();
        missing.retain(|node| !known.contains(node));
        client.reveal(&missing).unwrap();
        assert_eq!(client.storage(ALICE, other).unwrap(), other);
    }

    #[test]
    fn an_account_alone_makes_no_storage_trie() {
        let mut full = world();
        let mut client = PartialState::from_root(full.root());
        client.reveal(&full.prove_account(ALICE).unwrap()).unwrap();
        // Without the root, so that the walk goes over every leaf that is known.
        let path = full.prove_account(BOB).unwrap();
        client.reveal(&path[1..]).unwrap();
        assert!(client.account(BOB).unwrap().is_some());
        assert!(client.storages.is_empty());
    }
}
