//! The mempool: executable and queued transactions by sender and nonce.
//!
//! ```text
//!  sender A (state nonce 7)   7  8  9      12          7..9 are pending, 12 is queued behind the gap
//!  sender B (state nonce 0)            1               queued
//!                             |
//!                             v  best first: effective tip, then arrival; each sender in nonce order
//! ```

mod best;
mod blobs;
pub(crate) mod validate;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use alloy_consensus::{Transaction, TxEnvelope};
use alloy_primitives::{
    Address, B256, U256,
    map::{AddressMap, B256Map},
};

pub(crate) use self::best::Best;
use crate::{block::SealedBlock, config::PoolLimits, error::PoolError};

/// A replacement must raise both fee caps by this many percent; geth's default.
const PRICE_BUMP_PERCENT: u128 = 10;

/// A transaction in the pool.
#[derive(Debug)]
#[non_exhaustive]
pub struct PooledTransaction {
    /// The transaction.
    pub transaction: TxEnvelope,
    /// Its hash.
    pub hash: B256,
    /// Recovered from its signature.
    pub sender: Address,
    /// Encoded size in bytes.
    pub size: usize,
    /// Most that it can cost: gas limit times fee cap, plus value.
    pub max_cost: U256,
    /// Position in the order of arrival.
    pub arrival: u64,
}

impl PooledTransaction {
    fn nonce(&self) -> u64 {
        self.transaction.nonce()
    }

    /// What the sequencer gets per gas at this base fee; `None` if the fee cap is below it.
    pub(crate) fn tip(&self, base_fee: u64) -> Option<u128> {
        self.transaction.effective_tip_per_gas(base_fee)
    }
}

/// Sizes of the pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStatus {
    /// Transactions that can be included now.
    pub pending: usize,
    /// Transactions that wait for a nonce.
    pub queued: usize,
    /// Encoded bytes.
    pub bytes: usize,
}

/// One sender's transactions. Never empty.
#[derive(Debug)]
struct Sender {
    /// The account's nonce at the head.
    nonce: u64,
    by_nonce: BTreeMap<u64, Arc<PooledTransaction>>,
}

impl Sender {
    /// Executable transactions, in nonce order.
    fn pending(&self) -> impl Iterator<Item = &Arc<PooledTransaction>> {
        (self.nonce..)
            .zip(&self.by_nonce)
            .take_while(|(expected, (nonce, _))| expected == *nonce)
            .map(|(_, (_, transaction))| transaction)
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Pool {
    limits: PoolLimits,
    by_hash: B256Map<Arc<PooledTransaction>>,
    senders: AddressMap<Sender>,
    bytes: usize,
    arrivals: u64,
}

impl Pool {
    pub(crate) fn new(limits: PoolLimits) -> Self {
        Self {
            limits,
            by_hash: B256Map::default(),
            senders: AddressMap::default(),
            bytes: 0,
            arrivals: 0,
        }
    }

    pub(crate) fn get(&self, hash: &B256) -> Option<Arc<PooledTransaction>> {
        self.by_hash.get(hash).cloned()
    }

    pub(crate) fn status(&self) -> PoolStatus {
        let pending = self
            .senders
            .values()
            .map(|sender| sender.pending().count())
            .sum();
        PoolStatus {
            pending,
            queued: self.by_hash.len().saturating_sub(pending),
            bytes: self.bytes,
        }
    }

    /// Whether something could be included at this base fee.
    pub(crate) fn has_executable(&self, base_fee: u64) -> bool {
        self.senders.values().any(|sender| {
            sender
                .pending()
                .next()
                .is_some_and(|transaction| transaction.tip(base_fee).is_some())
        })
    }

    pub(crate) fn content(&self) -> (Vec<Arc<PooledTransaction>>, Vec<Arc<PooledTransaction>>) {
        let mut pending = Vec::new();
        let mut queued = Vec::new();
        for sender in self.senders.values() {
            let executable = sender.pending().count();
            pending.extend(sender.by_nonce.values().take(executable).cloned());
            queued.extend(sender.by_nonce.values().skip(executable).cloned());
        }
        (pending, queued)
    }

    /// The nonce after a sender's executable transactions.
    pub(crate) fn next_nonce(&self, sender: &Address, state_nonce: u64) -> u64 {
        self.senders
            .get(sender)
            .and_then(|sender| sender.pending().last())
            .map_or(state_nonce, |last| {
                last.nonce().saturating_add(1).max(state_nonce)
            })
    }

    /// Executable transactions, best first.
    pub(crate) fn best(&self, base_fee: u64) -> Best {
        Best::new(
            self.senders
                .values()
                .map(|sender| sender.pending().cloned().collect()),
            base_fee,
        )
    }

    /// Takes a transaction whose own fields are valid, for an account with this nonce and balance at the head.
    pub(crate) fn insert(
        &mut self,
        mut transaction: PooledTransaction,
        nonce: u64,
        balance: U256,
        base_fee: u64,
    ) -> Result<Arc<PooledTransaction>, PoolError> {
        if self.by_hash.contains_key(&transaction.hash) {
            return Err(PoolError::AlreadyKnown);
        }
        let (sender, got) = (transaction.sender, transaction.nonce());
        if got < nonce {
            return Err(PoolError::NonceTooLow {
                expected: nonce,
                got,
            });
        }
        if got - nonce > self.limits.nonce_gap {
            return Err(PoolError::NonceTooHigh {
                expected: nonce,
                got,
            });
        }
        let fee_cap = transaction.transaction.max_fee_per_gas();
        if fee_cap < u128::from(base_fee) {
            return Err(PoolError::FeeCapBelowBaseFee {
                expected: base_fee,
                got: fee_cap,
            });
        }
        let replaced = self
            .senders
            .get(&sender)
            .and_then(|pooled| pooled.by_nonce.get(&got))
            .cloned();
        self.check_funds(&transaction, replaced.as_deref(), balance)?;
        match &replaced {
            Some(replaced) => {
                check_bump(replaced, &transaction)?;
                if self
                    .bytes
                    .saturating_sub(replaced.size)
                    .saturating_add(transaction.size)
                    > self.limits.bytes
                {
                    return Err(PoolError::Full);
                }
            }
            None => self.check_room(&transaction, nonce, base_fee)?,
        }
        if let Some(replaced) = replaced {
            self.remove(&replaced.hash);
        }
        transaction.arrival = self.arrivals;
        self.arrivals += 1;
        let transaction = Arc::new(transaction);
        self.bytes += transaction.size;
        self.by_hash
            .insert(transaction.hash, Arc::clone(&transaction));
        let pooled = self.senders.entry(sender).or_insert_with(|| Sender {
            nonce,
            by_nonce: BTreeMap::new(),
        });
        pooled.nonce = nonce;
        pooled.by_nonce.insert(got, Arc::clone(&transaction));
        Ok(transaction)
    }

    /// Takes a transaction out. Those behind it stay, queued.
    pub(crate) fn remove(&mut self, hash: &B256) {
        let Some(transaction) = self.by_hash.remove(hash) else {
            return;
        };
        self.bytes -= transaction.size;
        if let Some(sender) = self.senders.get_mut(&transaction.sender) {
            sender.by_nonce.remove(&transaction.nonce());
            if sender.by_nonce.is_empty() {
                self.senders.remove(&transaction.sender);
            }
        }
    }

    /// Senders in the pool whose account the block may have changed.
    pub(crate) fn senders_to_refresh(&self, block: &SealedBlock) -> Vec<Address> {
        let touched: HashSet<_> = block
            .senders
            .iter()
            .copied()
            .chain(block.bal.iter().map(|changes| changes.address))
            .collect();
        touched
            .into_iter()
            .filter(|address| self.senders.contains_key(address))
            .collect()
    }

    /// Brings a sender up to date with the head: used nonces go, and so does what the balance no longer covers.
    pub(crate) fn refresh(&mut self, address: Address, nonce: u64, balance: U256) {
        let Some(sender) = self.senders.get_mut(&address) else {
            return;
        };
        sender.nonce = nonce;
        let gone: Vec<_> = sender
            .by_nonce
            .values()
            .filter(|tx| tx.nonce() < nonce || tx.max_cost > balance)
            .map(|tx| tx.hash)
            .collect();
        for hash in gone {
            self.remove(&hash);
        }
    }

    /// The balance must cover everything that the sender has pooled, as in geth.
    fn check_funds(
        &self,
        transaction: &PooledTransaction,
        replaced: Option<&PooledTransaction>,
        balance: U256,
    ) -> Result<(), PoolError> {
        let pooled = self
            .senders
            .get(&transaction.sender)
            .into_iter()
            .flat_map(|sender| sender.by_nonce.values());
        let total = pooled.fold(transaction.max_cost, |sum, tx| {
            sum.saturating_add(tx.max_cost)
        });
        let total = total.saturating_sub(replaced.map_or(U256::ZERO, |tx| tx.max_cost));
        if total > balance {
            Err(PoolError::InsufficientFunds {
                expected: total,
                got: balance,
            })
        } else {
            Ok(())
        }
    }

    /// Makes room for a transaction, at the expense of worse ones only: those that wait for a nonce first, then those with lower tips.
    fn check_room(
        &mut self,
        transaction: &PooledTransaction,
        nonce: u64,
        base_fee: u64,
    ) -> Result<(), PoolError> {
        let pooled = self
            .senders
            .get(&transaction.sender)
            .map_or(0, |sender| sender.by_nonce.len());
        if pooled >= self.limits.per_sender {
            return Err(PoolError::AccountLimit {
                expected: self.limits.per_sender,
                got: pooled,
            });
        }
        let is_pending = transaction.nonce() == self.next_nonce(&transaction.sender, nonce);
        let rank = (is_pending, transaction.tip(base_fee).unwrap_or_default());
        while self.by_hash.len() >= self.limits.transactions
            || self.bytes.saturating_add(transaction.size) > self.limits.bytes
        {
            match self.worst(transaction.sender, base_fee) {
                Some((worst, hash)) if worst < rank => self.remove(&hash),
                _ => return Err(PoolError::Full),
            }
        }
        Ok(())
    }

    /// The transaction that goes first when the pool is full. Only a sender's last one can go without stranding others, and nobody pushes out their own.
    fn worst(&self, except: Address, base_fee: u64) -> Option<((bool, u128), B256)> {
        let last = self
            .senders
            .iter()
            .filter(|(address, _)| **address != except)
            .filter_map(|(_, sender)| {
                let last = sender.by_nonce.values().next_back()?;
                let is_pending = sender.pending().count() == sender.by_nonce.len();
                let rank = (is_pending, last.tip(base_fee).unwrap_or_default());
                Some((rank, Reverse(last.arrival), last.hash))
            });
        last.min().map(|(rank, _, hash)| (rank, hash))
    }
}

fn check_bump(old: &PooledTransaction, new: &PooledTransaction) -> Result<(), PoolError> {
    let enough = |old: u128, new: u128| {
        new > old && new.saturating_mul(100) >= old.saturating_mul(100 + PRICE_BUMP_PERCENT)
    };
    let tip = |tx: &PooledTransaction| {
        tx.transaction
            .max_priority_fee_per_gas()
            .unwrap_or_else(|| tx.transaction.max_fee_per_gas())
    };
    let cap = |tx: &PooledTransaction| tx.transaction.max_fee_per_gas();
    if enough(cap(old), cap(new))
        && (enough(tip(old), tip(new)) || (tip(old) == 0 && tip(new) == 0))
    {
        Ok(())
    } else {
        Err(PoolError::ReplacementUnderpriced)
    }
}
