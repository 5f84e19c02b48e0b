//! Logs over a range of blocks, complete (check 13), or with what is missing.
//!
//! ```text
//!  to <--hash-- . <--hash-- . <--hash-- . <--hash-- from      every header of the range, linked by hash from a verified one
//!  |            |           |           |            |
//!  bloom says no            bloom says maybe         no       no: the header excludes such a log
//!                           |
//!                           all receipts, against the receipts root -> logs with index and position -> their transactions, against the transactions root
//! ```
//!
//! A bloom is the sequencer's word as long as the block was not executed here. Where receipts are fetched, the bloom is held against them.

use std::{sync::Arc, task::Poll};

use alloy_primitives::{Address, B256, Bloom, BloomInput, keccak256};
use sidelight_core::{
    fault::{Fault, FaultKind, Mismatch},
    limits::MAX_HEADERS,
    trust::TrustLevel as Level,
};

use super::{BlockId, Commitments, Known, Origin, Receipt};
use crate::{
    driver::{Client, Inner, view_level},
    dto::{LogEntry, LogGap, LogsView, Trust},
    error::ClientError,
    platform::BoxFuture,
};

/// Most blocks of one query: their headers are 5 MB.
const MAX_BLOCKS: u64 = 32_768;
/// Most logs of one answer, and most bytes of data in them.
const MAX_LOGS: usize = 10_000;
const MAX_DATA: usize = 8 << 20;
/// Most addresses, and most topics of one place.
const MAX_OPTIONS: usize = 256;
/// Most topics of a log.
const MAX_TOPICS: usize = 4;
/// Blocks whose receipts are fetched side by side.
const PARALLEL: usize = 8;
/// For the logs of up to so many transactions of a block, each is asked for by itself if the block is large.
const FEW: usize = 8;

/// Which logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery {
    /// First block.
    pub from: BlockId,
    /// Last block.
    pub to: BlockId,
    /// Emitters; any if empty.
    pub addresses: Vec<Address>,
    /// For each place the topics that may stand there; any if empty.
    pub topics: Vec<Vec<B256>>,
}

/// A part of the range that is not proven to be complete.
#[derive(Clone, Debug)]
struct Gap {
    from: u64,
    to: u64,
    error: ClientError,
}

/// What became of a query.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) entries: Vec<LogEntry>,
    from: u64,
    to: u64,
    gaps: Vec<Gap>,
    pub(crate) trust: Trust,
}

/// Goes down a chain of headers and keeps the blocks that may hold a log.
struct Walk {
    blooms: Vec<Vec<Bloom>>,
    hits: Vec<Commitments>,
    headers: u64,
    level: Level,
    origin: Origin,
}

impl Client {
    /// Logs over a range, and over which part of it they are complete.
    pub async fn logs(&self, query: &LogQuery) -> Result<LogsView, ClientError> {
        let found = self.inner.logs(query).await?;
        Ok(LogsView {
            from: found.from,
            to: found.to,
            complete: found.gaps.is_empty(),
            missing: found.missing(),
            logs: found.entries,
            trust: found.trust,
        })
    }
}

impl Found {
    fn missing(&self) -> Vec<LogGap> {
        let view = |gap: &Gap| LogGap {
            from: gap.from,
            to: gap.to,
            reason: gap.error.to_string(),
        };
        self.gaps.iter().map(view).collect()
    }

    /// The logs, if nothing is missing.
    pub(crate) fn complete(self) -> Result<Self, ClientError> {
        let is_lie = |gap: &&Gap| matches!(gap.error, ClientError::Verification { .. });
        let lie = self.gaps.iter().find(is_lie);
        let Some(first) = lie.or(self.gaps.first()) else {
            return Ok(self);
        };
        Err(ClientError::IncompleteLogs {
            cause: Box::new(first.error.clone()),
            from: self.from,
            to: self.to,
            missing: self.missing(),
        })
    }
}

impl LogQuery {
    fn check(&self) -> Result<(), ClientError> {
        let is_long = |list: usize| list > MAX_OPTIONS;
        let topics = self.topics.iter().map(Vec::len);
        if self.topics.len() > MAX_TOPICS
            || is_long(self.addresses.len())
            || topics.clone().any(is_long)
        {
            return Err(ClientError::Params(format!(
                "filter: expected at most {MAX_TOPICS} topics, and {MAX_OPTIONS} addresses or topics of one place"
            )));
        }
        Ok(())
    }

    fn matches(&self, address: Address, topics: &[B256]) -> bool {
        let is_one_of =
            |(options, topic): (&Vec<B256>, &B256)| options.is_empty() || options.contains(topic);
        (self.addresses.is_empty() || self.addresses.contains(&address))
            && self.topics.len() <= topics.len()
            && self.topics.iter().zip(topics).all(is_one_of)
    }

    /// For each place with a choice, the blooms of its options.
    fn blooms(&self) -> Vec<Vec<Bloom>> {
        let bloom = |bytes: &[u8]| Bloom::from(BloomInput::Raw(bytes));
        let addresses = self
            .addresses
            .iter()
            .map(|address| bloom(address.as_slice()));
        let topics = self.topics.iter().map(|options| {
            options
                .iter()
                .map(|topic| bloom(topic.as_slice()))
                .collect()
        });
        let mut all: Vec<Vec<Bloom>> = vec![addresses.collect()];
        all.extend(topics);
        all.retain(|options| !options.is_empty());
        all
    }
}

impl Walk {
    fn visit(&mut self, block: Commitments, level: Level) {
        self.headers = self.headers.saturating_add(1);
        self.level = self.level.min(level);
        let may_hold =
            |options: &Vec<Bloom>| options.iter().any(|bloom| block.logs_bloom.contains(bloom));
        if !block.logs_bloom.is_zero() && self.blooms.iter().all(may_hold) {
            self.hits.push(block);
        }
    }
}

impl Inner {
    /// Searches a range, newest block first.
    pub(crate) async fn logs(self: &Arc<Self>, query: &LogQuery) -> Result<Found, ClientError> {
        query.check()?;
        let (top, from) = self.range(query).await?;
        let to = top.header.number();
        let mut walk = Walk {
            blooms: query.blooms(),
            hits: Vec::new(),
            headers: 0,
            level: Level::Proven,
            origin: Origin::default(),
        };
        let mut below: Vec<Gap> = Vec::new();
        let lowest = from.max(to.saturating_sub(MAX_BLOCKS - 1));
        if lowest > from {
            below.push(Gap {
                from,
                to: lowest.saturating_sub(1),
                error: ClientError::Params(format!("a query is over at most {MAX_BLOCKS} blocks")),
            });
        }
        if let Err((to, error)) = self.walk(&top, lowest, &mut walk).await {
            below.push(Gap {
                from: lowest,
                to,
                error,
            });
        }
        let hits = std::mem::take(&mut walk.hits);
        let mut searched = 0_usize;
        let mut gaps: Vec<Gap> = Vec::new();
        let mut found: Vec<Vec<LogEntry>> = Vec::new();
        let (mut count, mut data) = (0_usize, 0_usize);
        for (round, some) in hits.chunks(PARALLEL).enumerate() {
            let logs = some
                .iter()
                .map(|block| Task::Running(Box::pin(self.logs_of(block, query))));
            for (block, logs) in some.iter().zip(join(logs.collect()).await) {
                match logs {
                    Ok((logs, origin)) => {
                        searched = searched.saturating_add(1);
                        walk.origin.add(origin);
                        count = count.saturating_add(logs.len());
                        data = data
                            .saturating_add(logs.iter().map(|entry| entry.log.data.len()).sum());
                        found.push(logs);
                    }
                    Err(error) => gaps.push(Gap {
                        from: block.number,
                        to: block.number,
                        error,
                    }),
                }
            }
            let next = hits.get(round.saturating_add(1).saturating_mul(PARALLEL));
            if let Some(next) = next
                && (count > MAX_LOGS || data > MAX_DATA)
            {
                let error = ClientError::Params(format!(
                    "an answer holds at most {MAX_LOGS} logs and {MAX_DATA} bytes of data; ask for fewer blocks"
                ));
                gaps.push(Gap {
                    from: lowest,
                    to: next.number,
                    error,
                });
                break;
            }
        }
        let entries = found.into_iter().rev().flatten().collect();
        below.extend(gaps.into_iter().rev());
        let trust = self.label_logs(top, &walk, hits.len(), searched);
        Ok(Found {
            entries,
            from,
            to,
            gaps: below,
            trust,
        })
    }

    /// The verified last block, and the number of the first.
    async fn range(self: &Arc<Self>, query: &LogQuery) -> Result<(Known, u64), ClientError> {
        let head = self.resolve(BlockId::Latest)?;
        let newest = head.header.number();
        let to = match query.to {
            BlockId::Number(number) if number >= newest => head,
            id => self.find(id).await?,
        };
        let from = match query.from {
            BlockId::Number(number) => number,
            id => self.find(id).await?.header.number(),
        };
        if from > newest {
            return Err(ClientError::UnknownBlock(format!(
                "block {from} is above the verified head {newest}"
            )));
        }
        let last = to.header.number();
        if from > last {
            return Err(ClientError::Params(format!(
                "block range: expected fromBlock up to {last}, got {from}"
            )));
        }
        Ok((to, from))
    }

    /// Visits the headers from `top` down to `lowest`. Fails with the first block, from above, that cannot be reached.
    async fn walk(
        self: &Arc<Self>,
        top: &Known,
        lowest: u64,
        walk: &mut Walk,
    ) -> Result<(), (u64, ClientError)> {
        walk.visit(top.commitments(), top.level);
        let mut number = top.header.number();
        let mut hash = top.header.header().parent_hash;
        while number > lowest {
            number = number.saturating_sub(1);
            let kept = {
                let state = self.state();
                let entry = state
                    .archive
                    .at(number)
                    .filter(|entry| entry.header.hash() == hash);
                entry.map(|entry| {
                    (
                        Commitments::of(entry.header.header(), hash),
                        entry.level,
                        entry.header.header().parent_hash,
                    )
                })
            };
            if let Some((block, level, parent)) = kept {
                walk.visit(block, level);
                hash = parent;
                continue;
            }
            let first = number.saturating_sub(MAX_HEADERS as u64 - 1).max(lowest);
            let (run, origin) = self
                .ancestors(number, hash, first)
                .await
                .map_err(|error| (number, error))?;
            for ancestor in run.iter().rev() {
                walk.visit(
                    Commitments::of(ancestor.header(), ancestor.hash()),
                    Level::Signed,
                );
            }
            if let Some(lowest) = run.first() {
                hash = lowest.header().parent_hash;
            }
            number = first;
            walk.origin.add(origin);
        }
        Ok(())
    }

    /// The logs of one block that match, and what they cost.
    async fn logs_of(
        self: &Arc<Self>,
        block: &Commitments,
        query: &LogQuery,
    ) -> Result<(Vec<LogEntry>, Origin), ClientError> {
        let (receipts, mut cost) = self.receipts(block).await?;
        let mut found: Vec<LogEntry> = Vec::new();
        let (mut bloom, mut position) = (Bloom::ZERO, 0);
        for (index, raw) in (0..).zip(receipts.iter()) {
            let receipt = Receipt::decode(raw)
                .ok_or_else(|| ClientError::NotSupported("decoding this receipt".into()))?;
            for log in receipt.logs() {
                bloom.accrue(BloomInput::Raw(log.address.as_slice()));
                log.topics
                    .iter()
                    .for_each(|topic| bloom.accrue(BloomInput::Raw(topic.as_slice())));
                if query.matches(log.address, &log.topics) {
                    found.push(LogEntry::new(block, index, position, log));
                }
                position += 1;
            }
        }
        if bloom != block.logs_bloom {
            return Err(false_bloom(block));
        }
        let mut indices: Vec<u64> = found.iter().map(|entry| entry.transaction_index).collect();
        indices.dedup();
        if indices.len() > FEW {
            // All of them at once; what follows finds the list in the cache.
            cost.add(self.body(block).await?.1);
        }
        for index in indices {
            let placed = self.transaction_in(block, index).await?;
            let (raw, _, origin) = placed.ok_or_else(|| missing_transaction(block, index))?;
            cost.add(origin);
            let hash = keccak256(raw);
            let of_it = found
                .iter_mut()
                .filter(|entry| entry.transaction_index == index);
            of_it.for_each(|entry| entry.transaction_hash = hash);
        }
        Ok((found, cost))
    }

    fn label_logs(&self, mut top: Known, walk: &Walk, hits: usize, searched: usize) -> Trust {
        top.level = top.level.min(walk.level);
        let number = top.header.number();
        let lowest = number.saturating_sub(walk.headers.saturating_sub(1));
        let checks = vec![
            format!("the headers of blocks {lowest} to {number} are linked by their hashes"),
            format!(
                "the bloom filters of {} of them exclude such a log",
                walk.headers.saturating_sub(hits as u64)
            ),
            format!(
                "the receipts of {searched} of the other {hits} give their receipts roots and bloom filters"
            ),
        ];
        self.label(&top, view_level(Level::Signed), checks, None, &walk.origin)
    }
}

type Logs = Result<(Vec<LogEntry>, Origin), ClientError>;

/// A block's logs on their way.
enum Task<'a> {
    Running(BoxFuture<'a, Logs>),
    Done(Logs),
}

/// Waits for a few tasks side by side. All are polled whenever one moves: there are [`PARALLEL`] of them at most.
async fn join(mut tasks: Vec<Task<'_>>) -> Vec<Logs> {
    std::future::poll_fn(|context| {
        let mut is_ready = true;
        for task in &mut tasks {
            let Task::Running(future) = task else {
                continue;
            };
            match future.as_mut().poll(context) {
                Poll::Ready(logs) => *task = Task::Done(logs),
                Poll::Pending => is_ready = false,
            }
        }
        if is_ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    let take = |task| match task {
        Task::Done(logs) => Some(logs),
        Task::Running(_) => None,
    };
    tasks.into_iter().filter_map(take).collect()
}

/// The sequencer commits to receipts, and to a bloom filter that is not theirs.
fn false_bloom(block: &Commitments) -> ClientError {
    let mismatch = Mismatch::new(
        "header.logs_bloom",
        "the bloom filter of its receipts",
        "another",
    );
    sequencer_fault(block, mismatch)
}

/// The sequencer commits to more receipts than transactions.
fn missing_transaction(block: &Commitments, index: u64) -> ClientError {
    sequencer_fault(
        block,
        Mismatch::new("body.transactions", "a transaction for each receipt", index),
    )
}

fn sequencer_fault(block: &Commitments, mismatch: Mismatch) -> ClientError {
    let fault = Fault::new(FaultKind::InvalidExecution, mismatch);
    ClientError::Verification {
        fault: Box::new(fault.at(block.number, block.hash)),
        peer: "sequencer".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Address = Address::repeat_byte(1);
    const B: Address = Address::repeat_byte(2);
    const T: B256 = B256::repeat_byte(3);
    const U: B256 = B256::repeat_byte(4);

    fn query(addresses: &[Address], topics: &[&[B256]]) -> LogQuery {
        LogQuery {
            from: BlockId::Number(0),
            to: BlockId::Latest,
            addresses: addresses.to_vec(),
            topics: topics.iter().map(|options| options.to_vec()).collect(),
        }
    }

    fn bloom(address: Address, topics: &[B256]) -> Bloom {
        let mut bloom = Bloom::ZERO;
        bloom.accrue(BloomInput::Raw(address.as_slice()));
        topics
            .iter()
            .for_each(|topic| bloom.accrue(BloomInput::Raw(topic.as_slice())));
        bloom
    }

    #[test]
    fn topics_are_matched_by_place_and_a_missing_one_matches_nothing() {
        let log = |query: LogQuery, topics: &[B256]| query.matches(A, topics);
        assert!(log(query(&[], &[]), &[]));
        assert!(log(query(&[A, B], &[&[T, U], &[], &[T]]), &[U, U, T]));
        assert!(!log(query(&[B], &[]), &[T]));
        assert!(!log(query(&[], &[&[], &[T]]), &[T]));
        assert!(!log(query(&[], &[&[T]]), &[U, T]));
    }

    #[test]
    fn a_bloom_excludes_a_block_only_if_no_log_of_it_can_match() {
        let visit = |query: LogQuery, bloom: Bloom| {
            let mut walk = Walk {
                blooms: query.blooms(),
                hits: vec![],
                headers: 0,
                level: Level::Proven,
                origin: Origin::default(),
            };
            let header = sidelight_core::header::Header {
                logs_bloom: bloom,
                ..Default::default()
            };
            walk.visit(Commitments::of(&header, B256::ZERO), Level::Signed);
            !walk.hits.is_empty()
        };
        let full = bloom(A, &[T, U]);
        for hit in [
            query(&[], &[]),
            query(&[A], &[]),
            query(&[B, A], &[&[U, T]]),
            query(&[], &[&[], &[T]]),
        ] {
            assert!(visit(hit, full));
        }
        for miss in [
            query(&[B], &[]),
            query(&[A], &[&[B256::ZERO]]),
            query(&[B], &[&[T]]),
        ] {
            assert!(!visit(miss, full));
        }
        assert!(!visit(query(&[], &[]), Bloom::ZERO), "a block without logs");
    }

    #[test]
    fn queries_are_bounded() {
        assert!(query(&[A; 257], &[]).check().is_err());
        assert!(query(&[], &[&[T; 257]]).check().is_err());
        assert!(query(&[], &[&[] as &[B256]; 5]).check().is_err());
        assert!(query(&[A; 256], &[&[T; 256] as &[B256]; 4]).check().is_ok());
    }
}
