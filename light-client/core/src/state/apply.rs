//! A block access list, applied: the last post-value of every change (EIP-7928), and empty accounts removed (EIP-161).
//!
//! The order is part of the result only in that every node it needs must be known: in each trie all writes come before all deletions, storage tries before the accounts trie.
//!
//! Since EIP-6780 an account cannot be created again after it has had storage: only a contract made in the same transaction is destroyed, and its storage writes are reads in
//! the access list. So a change list never has to clear a storage trie that it does not name slot by slot. Earlier rules are for whoever executes old blocks: [`AccountRules`].

use alloc::vec::Vec;

use alloy_consensus::constants::EMPTY_ROOT_HASH;
use alloy_eip7928::{AccountChanges, BlockAccessIndex};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};

use super::{
    Account, PartialState, StateError, hash_slot, read_account,
    record::{Recorder, StateResolve},
};
use crate::{
    proof::{encode_storage_value, hash_code},
    trie::KnownOnly,
};

/// What a block's changes make of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountAfter {
    /// The account, with the storage root from before the block; none if it is not there any more.
    pub account: Option<Account>,
    /// The storage was thrown away at this index: only later writes are in it.
    pub wiped_at: Option<BlockAccessIndex>,
}

/// When an account goes, and what becomes of its storage: this changed with EIP-161 and EIP-6780.
pub trait AccountRules {
    /// The account after the block.
    fn after(&self, old: Option<&Account>, change: &AccountChanges) -> AccountAfter;
}

/// The rules since Cancun: an account that ends empty is removed, and storage only changes slot by slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CurrentRules;

impl AccountRules for CurrentRules {
    fn after(&self, old: Option<&Account>, change: &AccountChanges) -> AccountAfter {
        let account = with_changes(old, change);
        AccountAfter {
            account: (!is_empty(&account)).then_some(account),
            wiped_at: None,
        }
    }
}

impl PartialState {
    /// Applies a block's changes. Call [`root`](Self::root) for the new root.
    ///
    /// Accounts that are only read stay as they are, known or not. An account that ends without nonce, balance and code is removed, and not created.
    ///
    /// **On an error the state is half changed and must be discarded.** An error means that a node which the changes need is not known, or that a leaf is malformed.
    pub fn apply(&mut self, changes: &[AccountChanges]) -> Result<(), StateError> {
        self.apply_under(changes, &CurrentRules)
    }

    /// As [`apply`](Self::apply), by the rules of an earlier fork.
    pub fn apply_under(
        &mut self,
        changes: &[AccountChanges],
        rules: &impl AccountRules,
    ) -> Result<(), StateError> {
        self.apply_resolving(changes, rules, &mut KnownOnly)
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
        self.apply_with_under(lookup, changes, &CurrentRules)
    }

    /// As [`apply_with`](Self::apply_with), by the rules of an earlier fork.
    pub fn apply_with_under(
        &mut self,
        lookup: impl FnMut(&B256) -> Option<Bytes>,
        changes: &[AccountChanges],
        rules: &impl AccountRules,
    ) -> Result<Vec<Bytes>, StateError> {
        let mut recorder = Recorder::new(lookup);
        self.apply_resolving(changes, rules, &mut recorder)?;
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
            self.read_resolving(*address, slots.iter().copied(), &mut recorder)?;
        }
        Ok(recorder.into_witness())
    }

    /// As [`apply_with`](Self::apply_with), and the witness proves everything that executing the block reads too: each account and slot that `changes` names, changed or not, and
    /// the accounts of `looked_at`. Each node comes with its hash.
    pub fn apply_executed_with(
        &mut self,
        lookup: impl FnMut(&B256) -> Option<Bytes>,
        changes: &[AccountChanges],
        looked_at: &[Address],
        rules: &impl AccountRules,
    ) -> Result<Vec<(B256, Bytes)>, StateError> {
        let mut recorder = Recorder::new(lookup);
        self.apply_executed(changes, looked_at, rules, &mut recorder)?;
        Ok(recorder.into_hashed())
    }

    /// As [`apply_executed_with`](Self::apply_executed_with), with the nodes in the order in which they are asked for: it costs a browser less, and is as good to execute with.
    pub(crate) fn find_executed_with(
        &mut self,
        lookup: impl FnMut(&B256) -> Option<Bytes>,
        changes: &[AccountChanges],
        looked_at: &[Address],
    ) -> Result<Vec<(B256, Bytes)>, StateError> {
        let mut recorder = Recorder::new(lookup);
        self.apply_executed(changes, looked_at, &CurrentRules, &mut recorder)?;
        Ok(recorder.into_found())
    }

    fn apply_executed(
        &mut self,
        changes: &[AccountChanges],
        looked_at: &[Address],
        rules: &impl AccountRules,
        resolver: &mut dyn StateResolve,
    ) -> Result<(), StateError> {
        self.root();
        for address in looked_at {
            self.read_resolving(*address, core::iter::empty(), resolver)?;
        }
        for change in changes {
            let written = change.storage_changes.iter().map(|slot| slot.slot);
            let slots = written.chain(change.storage_reads.iter().copied());
            self.read_resolving(change.address, slots, resolver)?;
        }
        self.apply_resolving(changes, rules, resolver)
    }

    /// Finds the nodes that prove an account and some of its slots, present or not.
    fn read_resolving(
        &mut self,
        address: Address,
        slots: impl Iterator<Item = U256>,
        resolver: &mut dyn StateResolve,
    ) -> Result<(), StateError> {
        let key = keccak256(address);
        let Some(account) = self.account_with(key, resolver)? else {
            return Ok(());
        };
        if account.storage_root == EMPTY_ROOT_HASH {
            return Ok(());
        }
        let trie = self.storage_trie(key, account.storage_root);
        for slot in slots {
            trie.get_with(hash_slot(slot).as_slice(), &mut resolver.storage(key))
                .map_err(|error| StateError::Storage {
                    account: key,
                    error,
                })?;
        }
        Ok(())
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
        let mut account = *account;
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
        rules: &impl AccountRules,
        resolver: &mut dyn StateResolve,
    ) -> Result<(), StateError> {
        let mut accounts: Vec<Change> = Vec::with_capacity(changes.len());
        for change in changes.iter().filter(|change| change.has_changes()) {
            let key = keccak256(change.address);
            let old = self.account_with(key, resolver)?;
            let AccountAfter { account, wiped_at } = rules.after(old.as_ref(), change);
            let Some(mut new) = account else {
                self.forget_storage(key);
                if old.is_some() {
                    accounts.push((key, None));
                }
                continue;
            };
            if wiped_at.is_some() {
                self.forget_storage(key);
                new.storage_root = EMPTY_ROOT_HASH;
            }
            let slots = change.storage_changes.iter().filter_map(|slot| {
                let last = slot.changes.last()?;
                let counts = wiped_at.is_none_or(|wiped| last.block_access_index > wiped);
                counts.then_some((slot.slot, last.new_value))
            });
            self.write_storage(key, new.storage_root, slots, resolver)?;
            if old != Some(new) {
                accounts.push((key, Some(alloy_rlp::encode(new))));
            }
        }
        sort_changes(&mut accounts);
        self.accounts
            .update_with(&accounts, &mut resolver.accounts())?;
        Ok(())
    }

    fn account_with(
        &mut self,
        key: B256,
        resolver: &mut dyn StateResolve,
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
        resolver: &mut dyn StateResolve,
    ) -> Result<(), StateError> {
        let mut changes: Vec<Change> = slots
            .map(|(slot, value)| {
                let value = (!value.is_zero()).then(|| encode_storage_value(&value));
                (hash_slot(slot), value)
            })
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        sort_changes(&mut changes);
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
        on_node: &mut dyn FnMut(B256, &[u8]),
    ) -> Result<(), StateError> {
        let pending = core::mem::take(&mut self.pending);
        let mut changes: Vec<Change> = Vec::with_capacity(pending.len());
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
        sort_changes(&mut changes);
        // An account that was written to twice is here twice, with the same new root.
        changes.dedup_by_key(|(key, _)| *key);
        Ok(self.accounts.update(&changes)?)
    }
}

/// A key's new value; none removes it.
type Change = (B256, Option<Vec<u8>>);

/// One sort for all: a sort is kilobytes in the browser's module.
fn sort_changes(changes: &mut [Change]) {
    changes.sort_unstable_by_key(|(key, _)| *key);
}

/// The account after the block, with the storage root from before it, or with none.
pub fn with_changes(old: Option<&Account>, change: &AccountChanges) -> Account {
    let mut account = old.copied().unwrap_or_default();
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
pub fn is_empty(account: &Account) -> bool {
    account.nonce == 0 && account.balance.is_zero() && account.code_hash == hash_code(&[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloy_eip7928::{
        BalanceChange, BlockAccessIndex, CodeChange, NonceChange, SlotChanges, StorageChange,
    };
    use alloy_primitives::map::B256Map;

    const ALICE: Address = Address::repeat_byte(0xaa);
    const BOB: Address = Address::repeat_byte(0xbb);
    const SLOT: U256 = U256::ONE;

    fn balance(address: Address, values: &[u64]) -> AccountChanges {
        let mut change = AccountChanges::new(address);
        for (index, value) in (0..).zip(values) {
            let index = BlockAccessIndex::new(index);
            let balance = U256::from(*value);
            change
                .balance_changes
                .push(BalanceChange::new(index, balance));
        }
        change
    }

    fn slot(mut change: AccountChanges, values: &[u64]) -> AccountChanges {
        let values = (0..).zip(values);
        let writes = values
            .map(|(index, value)| {
                StorageChange::new(BlockAccessIndex::new(index), U256::from(*value))
            })
            .collect();
        change.storage_changes.push(SlotChanges::new(SLOT, writes));
        change
    }

    /// Alice and Bob with a balance each, Alice with a slot; the root and every node.
    fn world() -> (PartialState, B256, B256Map<Bytes>) {
        let mut state = PartialState::empty();
        state
            .apply(&[slot(balance(ALICE, &[5]), &[7]), balance(BOB, &[6])])
            .unwrap();
        let mut nodes = B256Map::default();
        let root = state.root_with(|hash, rlp| {
            nodes.insert(hash, Bytes::copy_from_slice(rlp));
        });
        (state, root, nodes)
    }

    #[test]
    fn last_value_of_a_block_counts() {
        let (mut state, ..) = world();
        let index = BlockAccessIndex::new(3);
        let change = slot(balance(ALICE, &[1, 2, 3]), &[4, 0, 9])
            .with_nonce_change(NonceChange::new(index, 8))
            .with_code_change(CodeChange::new(index, vec![0xfe].into()));
        state.apply(&[change]).unwrap();
        state.root();
        let account = state.account(ALICE).unwrap().unwrap();
        assert_eq!((account.balance, account.nonce), (U256::from(3), 8));
        assert_eq!(account.code_hash, keccak256([0xfe]));
        assert_eq!(state.storage(ALICE, SLOT).unwrap(), U256::from(9));
    }

    #[test]
    fn accounts_that_are_only_read_need_not_be_known() {
        let (_, root, _) = world();
        let mut blind = PartialState::from_root(root);
        let read = AccountChanges::new(ALICE).with_storage_read(SLOT);
        blind.apply(&[read, AccountChanges::new(BOB)]).unwrap();
        assert_eq!(blind.clean_root(), Some(root));
    }

    #[test]
    fn empty_account_is_not_created_by_touching_it() {
        let (mut state, root, _) = world();
        let touched = balance(Address::ZERO, &[4, 0]);
        state.apply(&[slot(touched, &[0])]).unwrap();
        assert_eq!(state.root(), root);
        assert_eq!(state.account(Address::ZERO).unwrap(), None);
    }

    #[test]
    fn account_that_ends_empty_is_removed_with_its_storage() {
        let (mut state, ..) = world();
        state.apply(&[balance(ALICE, &[0])]).unwrap();
        let mut other = PartialState::empty();
        other.apply(&[balance(BOB, &[6])]).unwrap();
        assert_eq!(state.root(), other.root());
        assert_eq!(state.account(ALICE).unwrap(), None);
        assert_eq!(state.storage(ALICE, SLOT).unwrap(), U256::ZERO);
        // Made anew, it starts without storage.
        state.apply(&[balance(ALICE, &[5])]).unwrap();
        other.apply(&[balance(ALICE, &[5])]).unwrap();
        assert_eq!(state.root(), other.root());
    }

    #[test]
    fn storage_changes_without_a_root_yet_go_with_their_account_and_no_other() {
        let (mut state, ..) = world();
        let changes = [ALICE, BOB].map(|address| slot(AccountChanges::new(address), &[8]));
        state.apply(&changes).unwrap();
        state.apply(&[balance(ALICE, &[0])]).unwrap();
        state.apply(&[balance(ALICE, &[5])]).unwrap();
        let mut other = PartialState::empty();
        other
            .apply(&[balance(ALICE, &[5]), slot(balance(BOB, &[6]), &[8])])
            .unwrap();
        assert_eq!(state.root(), other.root());
    }

    /// Every account that changes loses its storage at index 1.
    struct WipedAtOne;

    impl AccountRules for WipedAtOne {
        fn after(&self, old: Option<&Account>, change: &AccountChanges) -> AccountAfter {
            AccountAfter {
                account: Some(with_changes(old, change)),
                wiped_at: Some(BlockAccessIndex::new(1)),
            }
        }
    }

    #[test]
    fn only_writes_after_a_wipe_are_in_the_storage() {
        for (writes, expected) in [(&[4][..], 0), (&[4, 5], 0), (&[4, 5, 6], 6)] {
            let (mut state, ..) = world();
            let change = slot(AccountChanges::new(ALICE), writes);
            state.apply_under(&[change], &WipedAtOne).unwrap();
            state.root();
            let value = state.storage(ALICE, SLOT).unwrap();
            assert_eq!(value, U256::from(expected), "{writes:?}");
        }
    }

    #[test]
    fn removing_the_last_slot_leaves_the_empty_storage_root() {
        let (mut state, ..) = world();
        state
            .apply(&[slot(AccountChanges::new(ALICE), &[0])])
            .unwrap();
        state.root();
        let account = state.account(ALICE).unwrap().unwrap();
        assert_eq!(account.storage_root, EMPTY_ROOT_HASH);
    }

    #[test]
    fn what_is_unknown_is_an_error_and_never_zero() {
        let (_, root, nodes) = world();
        let blind = PartialState::from_root(root);
        assert!(blind.account(ALICE).unwrap_err().is_incomplete());
        assert!(blind.storage(ALICE, SLOT).unwrap_err().is_incomplete());

        // The account is known, its storage is not.
        let mut client = PartialState::from_root(root);
        let lookup = |hash: &B256| nodes.get(hash).cloned();
        client
            .reveal_reads_with(lookup, &[(ALICE, vec![])])
            .unwrap();
        assert!(client.account(ALICE).unwrap().is_some());
        let error = client.storage(ALICE, SLOT).unwrap_err();
        assert!(error.is_incomplete());
        assert!(matches!(error, StateError::Storage { .. }));
        // Bob has none, which his leaf says; but that was not shown.
        assert!(client.storage(BOB, SLOT).unwrap_err().is_incomplete());
        client.reveal_reads_with(lookup, &[(BOB, vec![])]).unwrap();
        assert_eq!(client.storage(BOB, SLOT).unwrap(), U256::ZERO);

        let change = [slot(AccountChanges::new(ALICE), &[1])];
        assert!(client.apply(&change).unwrap_err().is_incomplete());
    }

    #[test]
    fn storage_root_is_not_told_before_it_is_computed() {
        let (mut state, ..) = world();
        let change = [slot(AccountChanges::new(ALICE), &[1])];
        state.apply(&change).unwrap();
        let error = state.account(ALICE).unwrap_err();
        assert_eq!(error.kind(), "root_pending");
        assert_eq!(state.clean_root(), None);
        assert!(state.account(BOB).unwrap().is_some());
        state.root();
        assert!(state.account(ALICE).unwrap().is_some());
    }

    #[test]
    fn genesis_may_hold_empty_accounts_with_storage() {
        let mut state = PartialState::empty();
        let slots = [(SLOT, U256::from(3)), (U256::from(2), U256::ZERO)];
        state
            .put_account(ALICE, &Account::default(), &slots)
            .unwrap();
        state.put_account(BOB, &Account::default(), &[]).unwrap();
        let root = state.root();
        let expected = [
            (ALICE, state.account(ALICE).unwrap().unwrap()),
            (BOB, Account::default()),
        ];
        assert_eq!(root, alloy_trie::root::state_root_unhashed(expected));
        let storage = [(B256::from(SLOT), U256::from(3))];
        let storage_root = alloy_trie::root::storage_root_unhashed(storage);
        assert_eq!(expected[0].1.storage_root, storage_root);
        assert_eq!(state.storage(ALICE, SLOT).unwrap(), U256::from(3));
    }

    #[test]
    fn a_node_that_the_store_has_wrong_is_not_taken() {
        let (_, root, nodes) = world();
        let other = nodes.values().find(|node| keccak256(node) != root).unwrap();
        let mut state = PartialState::from_root(root);
        let error = state
            .apply_with(|_| Some(other.clone()), &[balance(BOB, &[1])])
            .unwrap_err();
        assert_eq!(error.kind(), "node_hash");
    }
}
