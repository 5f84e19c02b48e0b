//! The retained blocks, by number, hash and transaction. There is one sequencer and no reorganisation, so a number names one block.
//!
//! ```text
//!  hashes (BLOCKHASH)                [................................................]
//!  headers, transactions, receipts   [.............................................. head]
//!  access lists and witnesses                         [oldest .................... head]
//!  states              m       m       m  [oldest - 1]  [oldest .................... head]     the oldest block's pre-state stays provable
//! ```
//!
//! At milestones `m`, numbers that are multiples of 8,191, the state stays as long as the block: the history contract (EIP-2935) then proves the hashes of the 8,191 blocks below each.

use std::{collections::VecDeque, sync::Arc};

use alloy_primitives::{B256, map::B256Map};

use crate::{block::SealedBlock, error::ChainError};

/// Ancestors that the BLOCKHASH opcode can name.
const BLOCKHASH_WINDOW: usize = 256;
/// Ancestors that the history contract remembers: the distance between milestones.
const HISTORY_WINDOW: u64 = 8_191;
/// Old blocks that are kept without access list and witness: 11 days of one-second blocks, about 1.5 kB each if they are empty.
const KEPT_OLD: usize = 1_000_000;

#[derive(Debug)]
pub(crate) struct History {
    head: Arc<SealedBlock>,
    /// Blocks before the retained ones, without access lists and witnesses.
    old: VecDeque<Arc<SealedBlock>>,
    blocks: VecDeque<Arc<SealedBlock>>,
    retain: usize,
    by_hash: B256Map<u64>,
    by_transaction: B256Map<(u64, usize)>,
    /// Hashes of the newest blocks, the head's last.
    hashes: VecDeque<B256>,
    /// Number and root of the state before the oldest block.
    oldest_pre_state: Option<(u64, B256)>,
    /// Roots of states that are not needed any more.
    unneeded: VecDeque<B256>,
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
            unneeded: VecDeque::new(),
            old: VecDeque::new(),
        }
    }

    pub(crate) fn head(&self) -> Arc<SealedBlock> {
        Arc::clone(&self.head)
    }

    /// Number of the oldest block with its access list and state.
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
        let first = self.old.front().map_or(self.oldest(), |old| old.number());
        let Some(index) = number.checked_sub(first) else {
            return Err(ChainError::Pruned {
                number,
                oldest: first,
            });
        };
        let index = usize::try_from(index).map_err(|_| ChainError::UnknownBlock)?;
        let block = match index.checked_sub(self.old.len()) {
            Some(index) => self.blocks.get(index),
            None => self.old.get(index),
        };
        block.map(Arc::clone).ok_or(ChainError::UnknownBlock)
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

    /// Makes `block` the head. Returns the root of a state that is not needed any more: at most one falls out of the window with a block.
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
        let pre_state = (evicted.number(), evicted.state_root());
        if let Some((number, root)) = self.oldest_pre_state.replace(pre_state)
            && !is_milestone(number)
        {
            self.unneeded.push_back(root);
        }
        self.old.push_back(Arc::new(evicted.without_witness()));
        if self.old.len() > KEPT_OLD {
            self.forget_oldest();
        }
        self.unneeded.pop_front()
    }

    fn forget_oldest(&mut self) {
        let Some(block) = self.old.pop_front() else {
            return;
        };
        self.by_hash.remove(&block.hash);
        for transaction in &block.transactions {
            self.by_transaction.remove(transaction.tx_hash());
        }
        if is_milestone(block.number()) {
            self.unneeded.push_back(block.state_root());
        }
    }
}

/// Whether the state after this block stays.
const fn is_milestone(number: u64) -> bool {
    number > 0 && number.is_multiple_of(HISTORY_WINDOW)
}
