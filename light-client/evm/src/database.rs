//! revm's view of a [`ProvenState`]: what is unknown is written down, never taken for zero.
//!
//! A run that meets an unknown key is lost. It may go on with a guess, because the keys that it asks for afterwards are often
//! the ones that the next run needs, and one round trip can then fetch them together. Its result is never used.

use revm::{
    Database as RevmDatabase,
    database_interface::DBErrorMarker,
    primitives::{Address, B256, U256},
    state::{AccountInfo, Bytecode},
};

use crate::{limits::MAX_MISSES_PER_RUN, state::ProvenState};

/// What a run still needs, in the order in which it asked. Everything is to be proven at the run's own block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Accounts.
    pub accounts: Vec<Address>,
    /// Storage slots.
    pub slots: Vec<(Address, U256)>,
    /// Codes: an account that has the code, and the hash.
    pub codes: Vec<(Address, B256)>,
    /// Numbers of ancestor blocks whose hashes are needed.
    pub block_hashes: Vec<u64>,
}

impl Missing {
    /// True when nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items are missing.
    pub fn len(&self) -> usize {
        self.accounts.len() + self.slots.len() + self.codes.len() + self.block_hashes.len()
    }

    pub(crate) fn add_account(&mut self, address: Address) {
        push_unique(&mut self.accounts, address);
    }

    pub(crate) fn add_slot(&mut self, address: Address, slot: U256) {
        push_unique(&mut self.slots, (address, slot));
    }

    pub(crate) fn add_code(&mut self, address: Address, hash: B256) {
        if !self.codes.iter().any(|(_, known)| *known == hash) {
            self.codes.push((address, hash));
        }
    }
}

fn push_unique<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// Ends a run that has missed enough.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too much state is missing for this run to go on")]
pub(crate) struct Stop;

impl DBErrorMarker for Stop {}

#[derive(Debug)]
pub(crate) struct Database<'a> {
    state: &'a ProvenState,
    missing: &'a mut Missing,
}

impl<'a> Database<'a> {
    pub(crate) const fn new(state: &'a ProvenState, missing: &'a mut Missing) -> Self {
        Self { state, missing }
    }

    fn guess<T>(&self, value: T) -> Result<T, Stop> {
        if self.missing.len() >= MAX_MISSES_PER_RUN {
            return Err(Stop);
        }
        Ok(value)
    }
}

impl RevmDatabase for Database<'_> {
    type Error = Stop;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Stop> {
        let Some(account) = self.state.account(address) else {
            self.missing.add_account(address);
            return self.guess(None);
        };
        Ok(account.map(|account| AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            code: None,
            ..AccountInfo::default()
        }))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Stop> {
        if let Some(code) = self.state.code(hash) {
            return Ok(code.clone());
        }
        // revm asks for the code of accounts that it has read here, so that there is always one.
        let address = self.state.account_with_code(hash).unwrap_or_default();
        self.missing.add_code(address, hash);
        self.guess(Bytecode::default())
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Stop> {
        if let Some(value) = self.state.slot(address, slot) {
            return Ok(value);
        }
        self.missing.add_slot(address, slot);
        self.guess(U256::ZERO)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Stop> {
        if let Some(hash) = self.state.block_hash(number) {
            return Ok(hash);
        }
        push_unique(&mut self.missing.block_hashes, number);
        self.guess(B256::ZERO)
    }
}
