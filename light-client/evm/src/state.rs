//! The state that has been proven so far for one block. Three outcomes for each key: a value, proven absent, or unknown.

use revm::{
    bytecode::Bytecode,
    primitives::{Address, B256, Bytes, HashMap, KECCAK_EMPTY, U256, keccak256},
};

use crate::limits::{MAX_CODE_BYTES, MAX_STATE_ITEMS};

/// Why something was not taken into the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The request reads more than it may.
    #[error("the request reads more than {max} state items")]
    TooManyItems {
        /// The limit.
        max: usize,
    },
    /// A contract's code is larger than any chain rule allows.
    #[error("code has {got} bytes, at most {max} are allowed")]
    CodeTooLarge {
        /// The limit in bytes.
        max: usize,
        /// The code's length in bytes.
        got: usize,
    },
}

/// An account whose fields were proven against the block's state root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProvenAccount {
    /// Balance in wei.
    pub balance: U256,
    /// Nonce.
    pub nonce: u64,
    /// Hash of the code; that of the empty string for an account without code.
    pub code_hash: B256,
    /// True when the storage root is the empty trie's: every slot is then proven zero.
    pub storage_empty: bool,
}

impl ProvenAccount {
    /// Whether the account has code (or an EIP-7702 delegation).
    pub fn has_code(&self) -> bool {
        self.code_hash != KECCAK_EMPTY && self.code_hash != B256::ZERO
    }
}

/// Accounts, slots, codes and ancestor hashes of one block, all of them proven by the caller.
#[derive(Clone, Debug, Default)]
pub struct ProvenState {
    accounts: HashMap<Address, Option<ProvenAccount>>,
    slots: HashMap<(Address, U256), U256>,
    codes: HashMap<B256, Bytecode>,
    block_hashes: HashMap<u64, B256>,
}

impl ProvenState {
    /// Adds an account, or with `None` the proof that there is none.
    pub fn insert_account(
        &mut self,
        address: Address,
        account: Option<ProvenAccount>,
    ) -> Result<(), StateError> {
        self.check_room()?;
        self.accounts.insert(address, account);
        Ok(())
    }

    /// Adds a storage slot; zero is a proven absence.
    pub fn insert_slot(
        &mut self,
        address: Address,
        slot: U256,
        value: U256,
    ) -> Result<(), StateError> {
        self.check_room()?;
        self.slots.insert((address, slot), value);
        Ok(())
    }

    /// Adds code under its own hash, which is returned. Code that nobody asked for does no harm: no account refers to it.
    pub fn insert_code(&mut self, code: Bytes) -> Result<B256, StateError> {
        self.check_room()?;
        if code.len() > MAX_CODE_BYTES {
            return Err(StateError::CodeTooLarge {
                max: MAX_CODE_BYTES,
                got: code.len(),
            });
        }
        let hash = keccak256(&code);
        // Bytes that begin like an EIP-7702 designation but are none can only be code from before that rule.
        let code =
            Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code));
        self.codes.insert(hash, code);
        Ok(hash)
    }

    /// Adds the hash of an ancestor of the block.
    pub fn insert_block_hash(&mut self, number: u64, hash: B256) -> Result<(), StateError> {
        self.check_room()?;
        self.block_hashes.insert(number, hash);
        Ok(())
    }

    /// The account: `None` unknown, `Some(None)` proven absent.
    pub fn account(&self, address: Address) -> Option<Option<ProvenAccount>> {
        self.accounts.get(&address).copied()
    }

    /// The slot's value, or `None` when it is unknown. A slot of an absent account, or of one without storage, is zero.
    pub fn slot(&self, address: Address, slot: U256) -> Option<U256> {
        match self.account(address) {
            Some(None) => return Some(U256::ZERO),
            Some(Some(account)) if account.storage_empty => return Some(U256::ZERO),
            _ => {}
        }
        self.slots.get(&(address, slot)).copied()
    }

    /// The code with this hash, or `None` when it is unknown.
    pub fn code(&self, hash: B256) -> Option<&Bytecode> {
        self.codes.get(&hash)
    }

    /// The hash of an ancestor, or `None` when it is unknown.
    pub fn block_hash(&self, number: u64) -> Option<B256> {
        self.block_hashes.get(&number).copied()
    }

    /// An account that has this code, so that the code can be asked for by address.
    pub(crate) fn account_with_code(&self, hash: B256) -> Option<Address> {
        let has = |account: &Option<ProvenAccount>| account.is_some_and(|a| a.code_hash == hash);
        self.accounts
            .iter()
            .find_map(|(address, account)| has(account).then_some(*address))
    }

    fn check_room(&self) -> Result<(), StateError> {
        let items =
            self.accounts.len() + self.slots.len() + self.codes.len() + self.block_hashes.len();
        if items >= MAX_STATE_ITEMS {
            return Err(StateError::TooManyItems {
                max: MAX_STATE_ITEMS,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Address = Address::repeat_byte(0xaa);

    fn account(storage_empty: bool) -> ProvenAccount {
        ProvenAccount {
            balance: U256::ZERO,
            nonce: 1,
            code_hash: KECCAK_EMPTY,
            storage_empty,
        }
    }

    #[test]
    fn unknown_is_not_zero() {
        let mut state = ProvenState::default();
        assert_eq!(state.slot(A, U256::ZERO), None);
        state.insert_account(A, Some(account(false))).unwrap();
        assert_eq!(state.slot(A, U256::ZERO), None);
        state.insert_slot(A, U256::ZERO, U256::ZERO).unwrap();
        assert_eq!(state.slot(A, U256::ZERO), Some(U256::ZERO));
    }

    #[test]
    fn slots_of_absent_accounts_and_empty_tries_are_zero() {
        let mut state = ProvenState::default();
        state.insert_account(A, None).unwrap();
        assert_eq!(state.slot(A, U256::from(7)), Some(U256::ZERO));
        state.insert_account(A, Some(account(true))).unwrap();
        assert_eq!(state.slot(A, U256::from(7)), Some(U256::ZERO));
    }

    #[test]
    fn refuses_code_that_no_chain_could_hold() {
        let mut state = ProvenState::default();
        let code = Bytes::from(vec![0; MAX_CODE_BYTES + 1]);
        assert!(matches!(
            state.insert_code(code),
            Err(StateError::CodeTooLarge { .. })
        ));
    }

    #[test]
    fn refuses_more_items_than_the_limit() {
        let mut state = ProvenState::default();
        for slot in 0..MAX_STATE_ITEMS {
            state.insert_slot(A, U256::from(slot), U256::ONE).unwrap();
        }
        assert!(matches!(
            state.insert_block_hash(1, B256::ZERO),
            Err(StateError::TooManyItems { .. })
        ));
    }
}
