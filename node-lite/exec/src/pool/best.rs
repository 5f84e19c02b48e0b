//! Executable transactions in the order in which a block takes them.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    sync::Arc,
};

use super::PooledTransaction;

/// By effective tip, then arrival; one sender's transactions in nonce order.
#[derive(Debug)]
pub(crate) struct Best {
    base_fee: u64,
    /// The next transaction of each sender, and what follows it.
    heap: BinaryHeap<Candidate>,
    /// What follows the transaction that was handed out last.
    following: Option<VecDeque<Arc<PooledTransaction>>>,
}

#[derive(Debug)]
struct Candidate {
    key: (u128, Reverse<u64>),
    transaction: Arc<PooledTransaction>,
    following: VecDeque<Arc<PooledTransaction>>,
}

impl Best {
    pub(super) fn new(
        senders: impl Iterator<Item = VecDeque<Arc<PooledTransaction>>>,
        base_fee: u64,
    ) -> Self {
        let mut best = Self {
            base_fee,
            heap: BinaryHeap::new(),
            following: None,
        };
        for transactions in senders {
            best.push(transactions);
        }
        best
    }

    /// The best transaction whose predecessors were all included.
    pub(crate) fn next(&mut self) -> Option<Arc<PooledTransaction>> {
        if let Some(following) = self.following.take() {
            self.push(following);
        }
        let Candidate {
            transaction,
            following,
            ..
        } = self.heap.pop()?;
        self.following = Some(following);
        Some(transaction)
    }

    /// The transaction handed out last was not included, so nothing of its sender can be.
    pub(crate) fn skip_sender(&mut self) {
        self.following = None;
    }

    fn push(&mut self, mut transactions: VecDeque<Arc<PooledTransaction>>) {
        let Some(transaction) = transactions.pop_front() else {
            return;
        };
        // A fee cap below the base fee holds up everything behind it.
        let Some(tip) = transaction.tip(self.base_fee) else {
            return;
        };
        self.heap.push(Candidate {
            key: (tip, Reverse(transaction.arrival)),
            transaction,
            following: transactions,
        });
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}
