//! A block access list, applied: the last post-value of every change (EIP-7928), and empty accounts removed (EIP-161).
//!
//! The order is part of the result only in that every node it needs must be known: in each trie all writes come before all deletions, storage tries before the accounts trie.
//!
//! An account cannot be created again after it has had storage: since EIP-6780 only a contract made in the same transaction is destroyed, and its storage writes are reads in
//! the access list. So a change list never has to clear a storage trie that it does not name slot by slot.

use alloc::vec::Vec;

use alloy_consensus::constants::EMPTY_ROOT_HASH;
use alloy_eip7928::AccountChanges;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};

use super::{
    Account, PartialState, StateError, hash_slot, read_account,
    record::{Recorder, StateResolve},
};
use crate::{
    proof::{encode_storage_value, hash_code},
    trie::KnownOnly,
};

impl PartialState {
    /// Applies a block's changes. Call [`root`](Self::root) for the new root.
    ///
    /// Accounts that are only read stay as they are, known or not. An account that ends without nonce, balance and code is removed, and not created.
    ///
    /// **On an error the state is half changed and must be discarded.** An error means that a node which the changes need is not known, or that a leaf is malformed.
    pub fn apply(&mut self, changes: &[AccountChanges]) -> Result<(), StateError> {
        self.apply_resolving(changes, &mut KnownOnly)
    }

    /// As [`apply`](Self::apply), asking `lookup` for nodes that are not known. Returns those that it gave: the witness for these changes against the root from before,
    /// in depth-first order, complete if nothing was known.
    ///
    /// This is how a node executes a block's state change over its store: `from_root`, `apply_with`, `root_with`.
    pub fn apply_with(
        &mut self,
        lookup: impl FnMut(&B256) -> Option<Bytes>,
        changes: &[AccountChanges],
    ) -> Result<Vec<Bytes>, StateError> {
        let mut recorder = Recorder::new(lookup);
        self.apply_resolving(changes, &mut recorder)?;
        Ok(recorder.into_witness())
    }

    /// Finds in `lookup` the nodes that [`apply`](Self::apply) will need for `changes` and reveals them, but changes nothing. Returns them as a witness, as
    /// [`apply_with`](Self::apply_with) does.
    pub fn reveal_with(
        &mut self,
        lookup: impl FnMut(&B256) -> Option<Bytes>,
        changes: &[AccountChanges],
    ) -> Result<Vec<Bytes>, StateError> {
        self.root();
        let witness = self.clone().apply_with(lookup, changes)?;
        self.reveal(&witness)?;
        Ok(witness)
    }

    /// Finds in `lookup` the nodes that prove accounts and slots, present or not, and reveals them. Returns them as a multiproof in depth-first order, complete if nothing was
    /// known.
    pub fn reveal_reads_with(
        &mut self,
        lookup: impl FnMut(&B256) -> Option<Bytes>,
        reads: &[(Address, Vec<U256>)],
    ) -> Result<Vec<Bytes>, StateError> {
        self.root();
        let mut recorder = Recorder::new(lookup);
        for (address, slots) in reads {
            let key = keccak256(address);
            let Some(account) = self.account_with(key, &mut recorder)? else {
                continue;
            };
            if account.storage_root == EMPTY_ROOT_HASH {
                continue;
            }
            let trie = self.storage_trie(key, account.storage_root);
            for slot in slots {
                trie.get_with(
                    hash_slot(*slot).as_slice(),
                    &mut recorder.storage_resolver(key),
                )
                .map_err(|error| StateError::Storage {
                    account: key,
                    error,
                })?;
            }
        }
        Ok(recorder.into_witness())
    }

    /// Puts an account into the state as it is, even an empty one, with storage: how a genesis block makes its accounts. Storage that the account has stays, but for the slots
    /// named; zero removes one. `account.storage_root` is not looked at.
    pub fn put_account(
        &mut self,
        address: Address,
        account: &Account,
        storage: &[(U256, U256)],
    ) -> Result<(), StateError> {
        let key = keccak256(address);
        let old = self.account_with(key, &mut KnownOnly)?;
        let mut account = account.clone();
        account.storage_root = old.map_or(EMPTY_ROOT_HASH, |old| old.storage_root);
        self.write_storage(
            key,
            account.storage_root,
            storage.iter().copied(),
            &mut KnownOnly,
        )?;
        self.accounts
            .update(&[(key, Some(alloy_rlp::encode(account)))])?;
        Ok(())
    }

    fn apply_resolving(
        &mut self,
        changes: &[AccountChanges],
        resolver: &mut impl StateResolve,
    ) -> Result<(), StateError> {
        let mut accounts: Vec<(B256, Option<Vec<u8>>)> = Vec::with_capacity(changes.len());
        for change in changes.iter().filter(|change| change.has_changes()) {
            let key = keccak256(change.address);
            let old = self.account_with(key, resolver)?;
            let storage_root = old.as_ref().map_or(EMPTY_ROOT_HASH, |old| old.storage_root);
            let new = with_changes(old.as_ref(), change);
            if is_empty(&new) {
                self.forget_storage(key);
                if old.is_some() {
                    accounts.push((key, None));
                }
                continue;
            }
            self.write_storage(key, storage_root, change.storage_post_states(), resolver)?;
            if old.as_ref() != Some(&new) {
                accounts.push((key, Some(alloy_rlp::encode(new))));
            }
        }
        accounts.sort_unstable_by_key(|(key, _)| *key);
        self.accounts
            .update_with(&accounts, &mut resolver.accounts())?;
        Ok(())
    }

    fn account_with(
        &mut self,
        key: B256,
        resolver: &mut impl StateResolve,
    ) -> Result<Option<Account>, StateError> {
        let value = self
            .accounts
            .get_with(key.as_slice(), &mut resolver.accounts())?;
        value.map(|value| read_account(key, value)).transpose()
    }

    /// Changes an account's slots; the account's leaf gets its new storage root in [`settle`](Self::settle).
    fn write_storage(
        &mut self,
        account: B256,
        root: B256,
        slots: impl Iterator<Item = (U256, U256)>,
        resolver: &mut impl StateResolve,
    ) -> Result<(), StateError> {
        let mut changes: Vec<(B256, Option<Vec<u8>>)> = slots
            .map(|(slot, value)| {
                let value = (!value.is_zero()).then(|| encode_storage_value(&value));
                (hash_slot(slot), value)
            })
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        changes.sort_unstable_by_key(|(key, _)| *key);
        let trie = self.storage_trie(account, root);
        trie.update_with(&changes, &mut resolver.storage(account))
            .map_err(|error| StateError::Storage { account, error })?;
        if trie.clean_root() != Some(root) {
            self.pending.push(account);
        }
        Ok(())
    }

    fn forget_storage(&mut self, account: B256) {
        self.storages.remove(&account);
        self.pending.retain(|pending| *pending != account);
    }

    /// Hashes the storage tries that have changed and writes their roots into the accounts.
    pub(super) fn settle(
        &mut self,
        on_node: &mut impl FnMut(B256, &[u8]),
    ) -> Result<(), StateError> {
        let mut pending = core::mem::take(&mut self.pending);
        pending.sort_unstable();
        pending.dedup();
        let mut changes: Vec<(B256, Option<Vec<u8>>)> = Vec::with_capacity(pending.len());
        for key in pending {
            let Some(trie) = self.storages.get_mut(&key) else {
                continue;
            };
            let storage_root = trie.root_with(&mut *on_node);
            if let Some(mut account) = self.account_by_hash(key)? {
                account.storage_root = storage_root;
                changes.push((key, Some(alloy_rlp::encode(account))));
            }
        }
        Ok(self.accounts.update(&changes)?)
    }
}

/// The account after the block, with the storage root from before it.
fn with_changes(old: Option<&Account>, change: &AccountChanges) -> Account {
    let mut account = old.cloned().unwrap_or_default();
    if let Some(balance) = change.balance_post_state() {
        account.balance = balance;
    }
    if let Some(nonce) = change.nonce_post_state() {
        account.nonce = nonce;
    }
    if let Some(code) = change.code_post_state() {
        account.code_hash = hash_code(code);
    }
    account
}

/// EIP-161: no nonce, no balance, no code.
fn is_empty(account: &Account) -> bool {
    account.nonce == 0 && account.balance.is_zero() && account.code_hash == hash_code(&[])
}
