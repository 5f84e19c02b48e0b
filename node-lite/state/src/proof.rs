//! EIP-1186 proofs of one account and some of its slots.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::Decodable;

use crate::{
    db::{Account, StateError},
    node::decode_account,
    store::Store,
};

/// An account, or its absence, with the trie nodes that prove it, root first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountProof {
    /// Which account.
    pub address: Address,
    /// Its fields; `None` if the trie has no such account.
    pub account: Option<Account>,
    /// Nodes from the state root to the account, or to where it would be.
    pub nodes: Vec<Bytes>,
    /// One for each slot asked for, in the order asked.
    pub storage: Vec<StorageProof>,
}

/// A slot's value, or its absence (zero), with the trie nodes that prove it, root first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageProof {
    /// Which slot.
    pub slot: U256,
    /// Its value; zero if the storage trie has no such key.
    pub value: U256,
    /// Nodes from the account's storage root. Empty if the account has no storage at all.
    pub nodes: Vec<Bytes>,
}

pub(crate) fn prove(
    store: &Store,
    root: B256,
    address: Address,
    slots: &[U256],
) -> Result<AccountProof, StateError> {
    let mut nodes = Vec::new();
    let account = read_account(store, root, address, |_, rlp| nodes.push(rlp.clone()))?;
    let mut storage = Vec::with_capacity(slots.len());
    for slot in slots {
        let mut nodes = Vec::new();
        let value = match &account {
            Some(account) => read_slot(store, account.storage_root, *slot, |_, rlp| {
                nodes.push(rlp.clone())
            })?,
            None => U256::ZERO,
        };
        storage.push(StorageProof {
            slot: *slot,
            value,
            nodes,
        });
    }
    Ok(AccountProof {
        address,
        account,
        nodes,
        storage,
    })
}

pub(crate) fn read_account(
    store: &Store,
    root: B256,
    address: Address,
    visit: impl FnMut(&B256, &Bytes),
) -> Result<Option<Account>, StateError> {
    match store.walk(root, keccak256(address), visit)? {
        Some(value) => decode_account(value)?.map(Some).ok_or(StateError::Corrupt),
        None => Ok(None),
    }
}

pub(crate) fn read_slot(
    store: &Store,
    storage_root: B256,
    slot: U256,
    visit: impl FnMut(&B256, &Bytes),
) -> Result<U256, StateError> {
    match store.walk(storage_root, keccak256(slot.to_be_bytes::<32>()), visit)? {
        Some(mut value) => U256::decode(&mut value).map_err(|_| StateError::Corrupt),
        None => Ok(U256::ZERO),
    }
}
