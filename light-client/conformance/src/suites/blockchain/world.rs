//! The whole state of every block, as trie nodes by hash, and revm's view of one of them.

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, map::B256Map};
use revm::{
    Database,
    database_interface::DBErrorMarker,
    state::{AccountInfo, Bytecode},
};
use sidelight_core::state::{PartialState, StateError};
use sidelight_executor::account_info;

/// Nodes and codes of all states.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) nodes: B256Map<Bytes>,
    pub(super) codes: B256Map<Bytes>,
}

impl World {
    pub(super) fn node(&self, hash: &B256) -> Option<Bytes> {
        self.nodes.get(hash).cloned()
    }
}

/// A read that the state before the block does not answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error("code {0} is missing")]
    Code(B256),
    #[error("block {0} is not an ancestor")]
    Block(u64),
}

impl DBErrorMarker for ReadError {}

/// The state after one block.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    world: &'a World,
    state: PartialState,
    /// Hashes of the ancestors, the parent's first, and the parent's number.
    hashes: Vec<B256>,
    parent: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(world: &'a World, root: B256, parent: u64, hashes: Vec<B256>) -> Self {
        Self {
            world,
            state: PartialState::from_root(root),
            hashes,
            parent,
        }
    }

    fn reveal(&mut self, address: Address, slots: Vec<U256>) -> Result<(), ReadError> {
        let lookup = |hash: &B256| self.world.node(hash);
        self.state.reveal_reads_with(lookup, &[(address, slots)])?;
        Ok(())
    }
}

impl Database for Reader<'_> {
    type Error = ReadError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, ReadError> {
        self.reveal(address, Vec::new())?;
        let account = self.state.account(address)?;
        Ok(account.as_ref().map(account_info))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, ReadError> {
        if hash == KECCAK256_EMPTY || hash.is_zero() {
            return Ok(Bytecode::default());
        }
        let code = self.world.codes.get(&hash);
        let code = code.cloned().ok_or(ReadError::Code(hash))?;
        Ok(Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code)))
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, ReadError> {
        self.reveal(address, vec![slot])?;
        Ok(self.state.storage(address, slot)?)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, ReadError> {
        let back = self.parent.checked_sub(number);
        let back = back.and_then(|back| usize::try_from(back).ok());
        let hash = back.and_then(|back| self.hashes.get(back));
        hash.copied().ok_or(ReadError::Block(number))
    }
}
