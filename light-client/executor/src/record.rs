//! What an execution reads beyond accounts and slots, noted while it runs.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256};
use revm::{
    Database,
    state::{AccountInfo, Bytecode},
};

/// A database that remembers which codes and which block hashes it was asked for. Accounts and slots are in the access list.
#[derive(Clone, Debug)]
pub struct Recorded<DB> {
    db: DB,
    codes: BTreeSet<B256>,
    oldest: Option<u64>,
}

impl<DB> Recorded<DB> {
    /// Nothing was asked yet.
    pub const fn new(db: DB) -> Self {
        Self {
            db,
            codes: BTreeSet::new(),
            oldest: None,
        }
    }

    /// Hashes of the codes that were read.
    pub const fn codes(&self) -> &BTreeSet<B256> {
        &self.codes
    }

    /// The oldest block whose hash was read.
    pub const fn oldest_block(&self) -> Option<u64> {
        self.oldest
    }
}

impl<DB: Database> Database for Recorded<DB> {
    type Error = DB::Error;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, DB::Error> {
        self.db.basic(address)
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, DB::Error> {
        // Of an account without code there is none to be sent.
        if hash != KECCAK256_EMPTY && !hash.is_zero() {
            self.codes.insert(hash);
        }
        self.db.code_by_hash(hash)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, DB::Error> {
        self.db.storage(address, slot)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, DB::Error> {
        self.oldest = Some(self.oldest.map_or(number, |oldest| oldest.min(number)));
        self.db.block_hash(number)
    }
}
