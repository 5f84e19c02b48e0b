//! A world state as plain maps: the oracle for the partial state, with roots built from scratch by `alloy-trie`'s HashBuilder.

use std::collections::BTreeMap;

use alloy_eip7928::{
    AccountChanges, BalanceChange, BlockAccessIndex, CodeChange, NonceChange, SlotChanges,
    StorageChange,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256, map::B256Map};
use alloy_trie::{KECCAK_EMPTY, TrieAccount, root};
use sidelight_core::state::PartialState;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelAccount {
    pub nonce: u64,
    pub balance: U256,
    pub code: Bytes,
    pub storage: BTreeMap<U256, U256>,
}

impl ModelAccount {
    pub fn trie_account(&self) -> TrieAccount {
        let storage = self.storage.iter();
        let storage = storage.map(|(slot, value)| (B256::from(*slot), *value));
        let code_hash = if self.code.is_empty() {
            KECCAK_EMPTY
        } else {
            keccak256(&self.code)
        };
        let storage_root = root::storage_root_unhashed(storage);
        TrieAccount::new(self.nonce, self.balance, storage_root, code_hash)
    }

    fn is_empty(&self) -> bool {
        self.nonce == 0 && self.balance.is_zero() && self.code.is_empty()
    }
}

#[derive(Clone, Debug, Default)]
pub struct Model(pub BTreeMap<Address, ModelAccount>);

impl Model {
    pub fn root(&self) -> B256 {
        let accounts = self.0.iter();
        root::state_root_unhashed(accounts.map(|(address, a)| (*address, a.trie_account())))
    }

    /// What EIP-7928 and EIP-161 say about a change list.
    pub fn apply(&mut self, changes: &[AccountChanges]) {
        for change in changes.iter().filter(|change| change.has_changes()) {
            let account = self.0.entry(change.address).or_default();
            for slot in &change.storage_changes {
                let value = slot.changes.last().unwrap().new_value;
                account.storage.insert(slot.slot, value);
            }
            account.storage.retain(|_, value| !value.is_zero());
            if let Some(last) = change.balance_changes.last() {
                account.balance = last.post_balance;
            }
            if let Some(last) = change.nonce_changes.last() {
                account.nonce = last.new_nonce;
            }
            if let Some(last) = change.code_changes.last() {
                account.code = last.new_code.clone();
            }
            if account.is_empty() {
                self.0.remove(&change.address);
            }
        }
    }
}

/// One account's changes, as a strategy makes them: every field may change more than once in a block.
#[derive(Clone, Debug, Default)]
pub struct Touch {
    pub address: Address,
    pub balances: Vec<u64>,
    pub nonces: Vec<u64>,
    pub codes: Vec<Vec<u8>>,
    pub slots: BTreeMap<u64, Vec<u64>>,
    pub reads: Vec<u64>,
}

impl Touch {
    pub fn changes(&self) -> AccountChanges {
        let mut out = AccountChanges::new(self.address);
        let index = |index: usize| BlockAccessIndex::new(index as u64);
        for (i, value) in self.balances.iter().enumerate() {
            let change = BalanceChange::new(index(i), U256::from(*value));
            out.balance_changes.push(change);
        }
        for (i, value) in self.nonces.iter().enumerate() {
            out.nonce_changes.push(NonceChange::new(index(i), *value));
        }
        for (i, code) in self.codes.iter().enumerate() {
            let change = CodeChange::new(index(i), code.clone().into());
            out.code_changes.push(change);
        }
        for (slot, values) in self.slots.iter().filter(|(_, values)| !values.is_empty()) {
            let changes = values.iter().enumerate();
            let changes = changes
                .map(|(i, value)| StorageChange::new(index(i), U256::from(*value)))
                .collect();
            out.storage_changes
                .push(SlotChanges::new(U256::from(*slot), changes));
        }
        out.storage_reads
            .extend(self.reads.iter().map(|slot| U256::from(*slot)));
        out
    }
}

/// Every node of every state so far, as a full node keeps them.
#[derive(Debug, Default)]
pub struct NodeStore(pub B256Map<Bytes>);

impl NodeStore {
    pub fn keep(&mut self, state: &mut PartialState) -> B256 {
        state.root_with(|hash, rlp| {
            assert_eq!(keccak256(rlp), hash);
            self.0.insert(hash, Bytes::copy_from_slice(rlp));
        })
    }

    pub fn lookup(&self) -> impl FnMut(&B256) -> Option<Bytes> {
        |hash| self.0.get(hash).cloned()
    }
}
