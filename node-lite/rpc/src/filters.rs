//! Polled filters: `eth_newFilter`, `eth_newBlockFilter`, `eth_newPendingTransactionFilter`. A filter is a cursor into the retained history, so it holds nothing that grows; one that
//! nobody asks expires.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy_primitives::{B128, B256};
use alloy_rpc_types_eth::Filter;
use node_lite_exec::PooledTransaction;
use parking_lot::Mutex;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

use crate::api::RpcResult;
use crate::error::RpcError;

/// Most transaction hashes in one answer of a pending transaction filter.
const MAX_PENDING: usize = 4_096;

/// What a filter reports.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Hashes of blocks from `next` on.
    Blocks { next: u64 },
    /// Logs of blocks from `next` on.
    Logs { filter: Box<Filter>, next: u64 },
    /// Hashes of transactions as they enter the pool.
    Pending(Receiver<Arc<PooledTransaction>>),
}

/// What to look up for a filter that was polled.
#[derive(Debug)]
pub(crate) enum Poll {
    /// Hashes of these blocks, `first..=last`.
    Blocks { first: u64, last: u64 },
    /// Logs in these blocks.
    Logs {
        filter: Box<Filter>,
        first: u64,
        last: u64,
    },
    /// These hashes.
    Hashes(Vec<B256>),
}

#[derive(Debug)]
struct Entry {
    kind: Kind,
    asked: Instant,
}

/// Every filter of every caller.
#[derive(Debug)]
pub(crate) struct Filters {
    entries: Mutex<HashMap<B128, Entry>>,
    most: usize,
    life: Duration,
}

impl Filters {
    pub(crate) fn new(most: usize, life: Duration) -> Self {
        Self {
            entries: Mutex::new(HashMap::new()),
            most,
            life,
        }
    }

    /// Adds a filter and returns its id.
    pub(crate) fn add(&self, kind: Kind, now: Instant) -> RpcResult<B128> {
        let mut entries = self.entries.lock();
        entries.retain(|_, entry| now.duration_since(entry.asked) < self.life);
        if entries.len() >= self.most {
            return Err(RpcError::Overloaded(format!(
                "too many filters: limit {}",
                self.most
            )));
        }
        let id = B128::random();
        entries.insert(id, Entry { kind, asked: now });
        Ok(id)
    }

    /// Moves a filter's cursor past `head` and says what lies between.
    pub(crate) fn poll(&self, id: &B128, head: u64, now: Instant) -> RpcResult<Poll> {
        let mut entries = self.entries.lock();
        let entry = entries
            .get_mut(id)
            .filter(|entry| now.duration_since(entry.asked) < self.life)
            .ok_or(RpcError::NotFound("filter"))?;
        entry.asked = now;
        Ok(match &mut entry.kind {
            Kind::Blocks { next } => {
                let first = std::mem::replace(next, head.saturating_add(1).max(*next));
                Poll::Blocks { first, last: head }
            }
            Kind::Logs { filter, next } => {
                let first = std::mem::replace(next, head.saturating_add(1).max(*next));
                Poll::Logs {
                    filter: filter.clone(),
                    first,
                    last: head,
                }
            }
            Kind::Pending(receiver) => Poll::Hashes(drain(receiver)?),
        })
    }

    /// The log filter with this id.
    pub(crate) fn log_filter(&self, id: &B128, now: Instant) -> RpcResult<Filter> {
        let mut entries = self.entries.lock();
        let entry = entries.get_mut(id).ok_or(RpcError::NotFound("filter"))?;
        entry.asked = now;
        match &entry.kind {
            Kind::Logs { filter, .. } => Ok((**filter).clone()),
            _ => Err(RpcError::NotFound("filter")),
        }
    }

    /// Removes a filter; `false` if there was none.
    pub(crate) fn remove(&self, id: &B128) -> bool {
        self.entries.lock().remove(id).is_some()
    }
}

fn drain(receiver: &mut Receiver<Arc<PooledTransaction>>) -> RpcResult<Vec<B256>> {
    let mut hashes = Vec::new();
    while hashes.len() < MAX_PENDING {
        match receiver.try_recv() {
            Ok(transaction) => hashes.push(transaction.hash),
            Err(TryRecvError::Lagged(missed)) if hashes.is_empty() => {
                return Err(RpcError::Overloaded(format!(
                    "the filter fell behind and lost {missed} transactions; poll again for the newer ones"
                )));
            }
            Err(_) => break,
        }
    }
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_reports_each_block_once() {
        let (filters, now) = (Filters::new(1, Duration::from_secs(1)), Instant::now());
        let id = filters.add(Kind::Blocks { next: 5 }, now).unwrap();
        assert!(matches!(
            filters.poll(&id, 7, now),
            Ok(Poll::Blocks { first: 5, last: 7 })
        ));
        assert!(matches!(
            filters.poll(&id, 7, now),
            Ok(Poll::Blocks { first: 8, last: 7 })
        ));
        assert!(matches!(
            filters.poll(&id, 3, now),
            Ok(Poll::Blocks { first: 8, last: 3 })
        ));
        assert!(matches!(
            filters.poll(&id, 8, now),
            Ok(Poll::Blocks { first: 8, last: 8 })
        ));
    }

    #[test]
    fn an_unasked_filter_expires_and_makes_room() {
        let (filters, now) = (Filters::new(1, Duration::from_secs(1)), Instant::now());
        let id = filters.add(Kind::Blocks { next: 0 }, now).unwrap();
        assert!(matches!(
            filters.add(Kind::Blocks { next: 0 }, now),
            Err(RpcError::Overloaded(_))
        ));
        let later = now + Duration::from_secs(1);
        assert_eq!(
            filters.poll(&id, 1, later).unwrap_err(),
            RpcError::NotFound("filter")
        );
        filters.add(Kind::Blocks { next: 0 }, later).unwrap();
        assert!(!filters.remove(&id));
    }
}
