//! The retained blocks, by number, hash and transaction. There is one sequencer and no reorganisation, so a number names one block.
//!
//! ```text
//!  hashes (BLOCKHASH)   [................................................]
//!  blocks                            [oldest .................... head]
//!  states              [oldest - 1]  [oldest .................... head]     the oldest block's pre-state stays provable
//! ```

use std::{collections::VecDeque, sync::Arc};

use alloy_primitives::{B256, map::B256Map};

use crate::{block::SealedBlock, error::ChainError};

/// Ancestors that the BLOCKHASH opcode can name.
const BLOCKHASH_WINDOW: usize = 256;

#[derive(Debug)]
pub(crate) struct History {
    head: Arc<SealedBlock>,
    blocks: VecDeque<Arc<SealedBlock>>,
    retain: usize,
    by_hash: B256Map<u64>,
    by_transaction: B256Map<(u64, usize)>,
    /// Hashes of the newest blocks, the head's last.
    hashes: VecDeque<B256>,
    /// Root of the state before the oldest block.
    oldest_pre_state: Option<B256>,
}

impl History {
    pub(crate) fn new(genesis: Arc<SealedBlock>, retain: usize) -> Self {
        Self {
            by_hash: [(genesis.hash, genesis.number())].into_iter().collect(),
            by_transaction: B256Map::default(),
            hashes: VecDeque::from([genesis.hash]),
            blocks: VecDeque::from([Arc::clone(&genesis)]),
            head: genesis,
            retain: retain.max(1),
            oldest_pre_state: None,
        }
    }

    pub(crate) fn head(&self) -> Arc<SealedBlock> {
        Arc::clone(&self.head)
    }

    pub(crate) fn oldest(&self) -> u64 {
        self.blocks
            .front()
            .map_or_else(|| self.head.number(), |block| block.number())
    }

    /// The newest retained blocks, the head first.
    pub(crate) fn newest(&self, count: usize) -> Vec<Arc<SealedBlock>> {
        self.blocks.iter().rev().take(count).cloned().collect()
    }

    pub(crate) fn by_number(&self, number: u64) -> Result<Arc<SealedBlock>, ChainError> {
        let oldest = self.oldest();
        let Some(index) = number.checked_sub(oldest) else {
            return Err(ChainError::Pruned { number, oldest });
        };
        let index = usize::try_from(index).map_err(|_| ChainError::UnknownBlock)?;
        self.blocks
            .get(index)
            .map(Arc::clone)
            .ok_or(ChainError::UnknownBlock)
    }

    pub(crate) fn by_hash(&self, hash: &B256) -> Option<Arc<SealedBlock>> {
        self.by_number(*self.by_hash.get(hash)?).ok()
    }

    pub(crate) fn locate(&self, transaction: &B256) -> Option<(Arc<SealedBlock>, usize)> {
        let (number, index) = *self.by_transaction.get(transaction)?;
        Some((self.by_number(number).ok()?, index))
    }

    /// Hash of a block, for the BLOCKHASH opcode: known for at least 256 ancestors, however few blocks are retained.
    pub(crate) fn hash_of(&self, number: u64) -> Option<B256> {
        let back = usize::try_from(self.head.number().checked_sub(number)?).ok()?;
        let index = self.hashes.len().checked_sub(back.checked_add(1)?)?;
        self.hashes.get(index).copied()
    }

    /// Makes `block` the head. Returns the root of a state that is not needed any more.
    pub(crate) fn push(&mut self, block: Arc<SealedBlock>) -> Option<B256> {
        self.by_hash.insert(block.hash, block.number());
        for (index, transaction) in block.transactions.iter().enumerate() {
            self.by_transaction
                .insert(*transaction.tx_hash(), (block.number(), index));
        }
        self.hashes.push_back(block.hash);
        if self.hashes.len() > self.retain.saturating_add(BLOCKHASH_WINDOW) {
            self.hashes.pop_front();
        }
        self.head = Arc::clone(&block);
        self.blocks.push_back(block);
        if self.blocks.len() <= self.retain {
            return None;
        }
        let evicted = self.blocks.pop_front()?;
        self.by_hash.remove(&evicted.hash);
        for transaction in &evicted.transactions {
            self.by_transaction.remove(transaction.tx_hash());
        }
        self.oldest_pre_state.replace(evicted.state_root())
    }
}
