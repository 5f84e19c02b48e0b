//! What the benches measure, as functions, so that the same cases run natively and in wasm. Only with the feature `bench`.
//!
//! The state: 100,000 accounts, and ten token contracts with 10,000 slots each. A block changes half of its keys in accounts (balance and nonce) and half in token slots,
//! spread evenly by hash, which is the most expensive spread there is.

use alloc::vec::Vec;

use alloy_eip7928::{
    AccountChanges, BalanceChange, BlockAccessIndex, NonceChange, SlotChanges, StorageChange,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256, map::B256Map};

use crate::{
    proof::{verify_account_proof, verify_storage_proof},
    state::PartialState,
};

const ACCOUNTS: u64 = 100_000;
const TOKENS: u64 = 10;
const SLOTS: u64 = 10_000;

/// A state with every node of it.
#[derive(Debug)]
pub struct World {
    root: B256,
    nodes: B256Map<Bytes>,
}

/// A block over a [`World`], as a client gets it.
#[derive(Debug)]
pub struct Block {
    /// The state root before it.
    pub pre_root: B256,
    /// The state root after it.
    pub post_root: B256,
    /// The access list.
    pub changes: Vec<AccountChanges>,
    /// The nodes that applying it needs.
    pub witness: Vec<Bytes>,
}

/// A proof of an account and one slot.
#[derive(Debug)]
pub struct Read {
    state_root: B256,
    address: Address,
    slot: B256,
    account_proof: Vec<Bytes>,
    storage_proof: Vec<Bytes>,
}

impl World {
    /// Builds the state, which takes about half a second. `None` if it could not be built.
    pub fn build() -> Option<Self> {
        let mut changes: Vec<AccountChanges> = (0..ACCOUNTS)
            .map(|seed| touch(account(seed), seed))
            .collect();
        for seed in 0..TOKENS {
            let mut token = touch(token(seed), seed);
            for slot in 0..SLOTS {
                token.storage_changes.push(write(slot, amount(seed, slot)));
            }
            changes.push(token);
        }
        let mut state = PartialState::empty();
        state.apply(&changes).ok()?;
        let mut nodes = B256Map::default();
        let root = state.root_with(|hash, rlp| {
            nodes.insert(hash, Bytes::copy_from_slice(rlp));
        });
        Some(Self { root, nodes })
    }

    /// A block that changes so many keys.
    pub fn block(&self, keys: u64) -> Option<Block> {
        let half = keys / 2;
        let mut changes: Vec<AccountChanges> = (0..half)
            .map(|index| {
                let seed = index.wrapping_mul(ACCOUNTS.checked_div(half).unwrap_or(1));
                touch(account(seed), seed.wrapping_add(7))
            })
            .collect();
        for seed in 0..TOKENS {
            let mut token = AccountChanges::new(token(seed));
            for slot in 0..half / TOKENS {
                token
                    .storage_changes
                    .push(write(slot, amount(seed, slot.wrapping_add(7))));
            }
            changes.push(token);
        }
        changes.sort_unstable_by_key(|change| change.address);
        let mut node = PartialState::from_root(self.root);
        let witness = node
            .apply_with(|hash| self.nodes.get(hash).cloned(), &changes)
            .ok()?;
        Some(Block {
            pre_root: self.root,
            post_root: node.root(),
            changes,
            witness,
        })
    }

    /// A token and one of its slots, proven.
    pub fn read(&self) -> Option<Read> {
        let (address, slot) = (token(0), U256::ONE);
        let mut node = PartialState::from_root(self.root);
        let lookup = |hash: &B256| self.nodes.get(hash).cloned();
        node.reveal_reads_with(lookup, &[(address, [slot].into())])
            .ok()?;
        Some(Read {
            state_root: self.root,
            address,
            slot: slot.into(),
            account_proof: node.prove_account(address).ok()?,
            storage_proof: node.prove_storage(address, slot).ok()?,
        })
    }
}

impl Block {
    /// The state before the block as far as its witness tells it.
    pub fn reveal(&self) -> Option<PartialState> {
        let mut state = PartialState::from_root(self.pre_root);
        state.reveal(&self.witness).ok()?;
        Some(state)
    }

    /// Applies the block to what [`reveal`](Self::reveal) gave: whether the root is right.
    pub fn apply(&self, mut state: PartialState) -> bool {
        state.apply(&self.changes).is_ok() && state.root() == self.post_root
    }

    /// All of it: what a client does with a block that it has never seen anything of.
    pub fn verify(&self) -> bool {
        self.reveal().is_some_and(|state| self.apply(state))
    }
}

impl Read {
    /// Verifies the account and the slot: whether both are proven and present.
    pub fn verify(&self) -> bool {
        let account = verify_account_proof(self.state_root, self.address, &self.account_proof);
        let Ok(Some(account)) = account else {
            return false;
        };
        verify_storage_proof(account.storage_root, self.slot, &self.storage_proof)
            .is_ok_and(|value| !value.is_zero())
    }
}

fn account(seed: u64) -> Address {
    Address::from_word(keccak256(seed.to_be_bytes()))
}

fn token(seed: u64) -> Address {
    account(ACCOUNTS.wrapping_add(seed))
}

/// What a slot of a token holds: no two tokens have equal storage.
fn amount(token: u64, slot: u64) -> u64 {
    token.wrapping_mul(SLOTS).wrapping_add(slot)
}

fn touch(address: Address, seed: u64) -> AccountChanges {
    let index = BlockAccessIndex::new(1);
    let balance = U256::from(seed)
        .wrapping_add(U256::ONE)
        .wrapping_mul(U256::from(1_000_000_000_000_000_000_u64));
    AccountChanges::new(address)
        .with_balance_change(BalanceChange::new(index, balance))
        .with_nonce_change(NonceChange::new(index, seed.wrapping_add(1)))
}

fn write(slot: u64, value: u64) -> SlotChanges {
    let value = U256::from(value)
        .wrapping_add(U256::ONE)
        .wrapping_mul(U256::from(1_000_000_007_u64));
    let change = StorageChange::new(BlockAccessIndex::new(1), value);
    SlotChanges::new(U256::from(slot), [change].into())
}
