//! Which blocks are executed, which wait, and how far the executed head is. No I/O.
//!
//! ```text
//! consistent --chosen?--> waiting --begin--> running --end--> ended: executed | skipped
//!                no          |                                   |
//!                |           +-- too many: the oldest is skipped +-- in order --> executed head
//!            not counted
//! ```
//!
//! Verdicts come in any order, the executed head only moves up: to the newest executed block below which nothing waits or runs. Blocks that were not chosen, or were skipped, do not
//! hold it up; `since` says from where on none was skipped.

use std::collections::VecDeque;

use alloy_primitives::{B256, keccak256};
use sidelight_core::{
    execution::{Held, Target},
    header::VerifiedHeader,
};

use crate::dto::{BlockRef, ExecutedView, Share, SkipReason, SkippedFor};

/// Chosen blocks that may wait; beyond it the oldest is skipped.
const MAX_WAITING: usize = 32;
/// Verdicts above one that is still missing; beyond it nothing new is begun.
const MAX_AHEAD: usize = 256;

/// A block to execute, with both verified headers in RLP.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) number: u64,
    pub(crate) hash: B256,
    pub(crate) target: Target,
    pub(crate) parent: Vec<u8>,
    pub(crate) header: Vec<u8>,
}

/// What became of a chosen block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ended {
    number: u64,
    /// Its hash, if it was executed; otherwise it was skipped.
    hash: Option<B256>,
}

#[derive(Debug)]
pub(crate) struct Audit {
    share: Share,
    secret: [u8; 32],
    /// Most blocks that are fetched or executed at the same time.
    parallel: usize,
    /// What the blocks that were executed have left for the next one; none while somebody has it.
    pub(crate) held: Option<Held>,
    /// Somebody fetches blocks, one after another.
    pub(crate) is_fetching: bool,
    /// Ascending, and above everything that runs.
    waiting: VecDeque<Task>,
    running: Vec<(u64, B256)>,
    /// Above the head, ascending.
    ended: Vec<Ended>,
    head: Option<BlockRef>,
    since: Option<u64>,
    count: u64,
    skipped: SkippedFor,
}

impl Audit {
    /// `secret` is what makes the choice: nobody else may know it.
    pub(crate) fn new(share: Share, secret: [u8; 32], parallel: usize) -> Self {
        Self {
            share,
            secret,
            parallel,
            held: Some(Held::default()),
            is_fetching: false,
            waiting: VecDeque::new(),
            running: Vec::new(),
            ended: Vec::new(),
            head: None,
            since: None,
            count: 0,
            skipped: SkippedFor::default(),
        }
    }

    /// Whether a block is to be executed. Follows from the secret and the hash, so that nobody can tell before it is asked for.
    pub(crate) fn chooses(&self, hash: B256) -> bool {
        let drawn = keccak256([self.secret, hash.0].concat());
        let [first, second, third, fourth, ..] = drawn.0;
        u32::from_be_bytes([first, second, third, fourth]) % 100 < u32::from(self.share.percent())
    }

    /// Takes a block that has become consistent.
    pub(crate) fn offer(&mut self, parent: &VerifiedHeader, header: &VerifiedHeader) {
        if !self.chooses(header.hash()) {
            return;
        }
        self.waiting.push_back(Task {
            number: header.number(),
            hash: header.hash(),
            target: Target::new(parent.header(), header.header()),
            parent: alloy_rlp::encode(parent.header()),
            header: alloy_rlp::encode(header.header()),
        });
        if self.waiting.len() > MAX_WAITING
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.skip(oldest.number, SkipReason::Behind);
        }
    }

    /// A block that the head went past with its header alone: it cannot be executed. Before the first block that could be, this is no news.
    pub(crate) fn pass_over(&mut self, number: u64, hash: B256) {
        let has_begun = self.count > 0 || !self.running.is_empty() || !self.waiting.is_empty();
        if has_begun && self.chooses(hash) {
            self.skip(number, SkipReason::NotConsistent);
        }
    }

    /// The next block to work on, if there is room for it.
    pub(crate) fn begin(&mut self) -> Option<Task> {
        if self.running.len() >= self.parallel || self.ended.len() >= MAX_AHEAD {
            return None;
        }
        let task = self.waiting.pop_front()?;
        self.running.push((task.number, task.hash));
        Some(task)
    }

    /// A block that was begun came to nothing.
    pub(crate) fn end_skipped(&mut self, hash: B256, reason: SkipReason) {
        if let Some(number) = self.take_running(hash) {
            self.skip(number, reason);
        }
    }

    /// A block that was begun is executed.
    pub(crate) fn end_executed(&mut self, hash: B256) {
        if let Some(number) = self.take_running(hash) {
            self.count = self.count.saturating_add(1);
            self.insert(Ended {
                number,
                hash: Some(hash),
            });
        }
    }

    /// A block that was begun is not valid: it keeps its place, so that the executed head never gets there.
    pub(crate) fn end_invalid(&mut self) {
        self.waiting.clear();
    }

    /// These blocks are gone: what runs comes to nothing, and the head is `head`, if that was executed.
    pub(crate) fn truncate_from(&mut self, number: u64, head: Option<BlockRef>) {
        // What is held stays true, but is not what a node thinks is held after these.
        if let Some(held) = &mut self.held {
            *held = Held::default();
        }
        self.waiting.retain(|task| task.number < number);
        self.running.retain(|(running, _)| *running < number);
        self.ended.retain(|ended| ended.number < number);
        if self.head.is_some_and(|head| head.number >= number) {
            self.head = head;
            self.since = self
                .since
                .filter(|since| head.is_some_and(|head| *since <= head.number));
        }
        self.advance();
    }

    pub(crate) fn view(&self) -> ExecutedView {
        ExecutedView {
            head: self.head,
            since: self.since,
            count: self.count,
            skipped: self.skipped.total(),
            skipped_for: self.skipped,
            waiting: (self.waiting.len() + self.running.len()) as u64,
            share: self.share,
        }
    }

    fn take_running(&mut self, hash: B256) -> Option<u64> {
        let place = self
            .running
            .iter()
            .position(|(_, running)| *running == hash)?;
        Some(self.running.swap_remove(place).0)
    }

    fn skip(&mut self, number: u64, reason: SkipReason) {
        self.skipped.add(reason);
        // A row of skipped blocks says no more than its last one, so that a verdict that takes long costs no memory.
        let is_open = |last: u64| {
            let waiting = self.waiting.iter().map(|task| task.number);
            let running = self.running.iter().map(|(number, _)| *number);
            waiting
                .chain(running)
                .any(|open| (last..number).contains(&open))
        };
        if let Some(last) = self.ended.last()
            && last.hash.is_none()
            && last.number < number
            && !is_open(last.number)
        {
            self.ended.pop();
        }
        self.insert(Ended { number, hash: None });
    }

    fn insert(&mut self, ended: Ended) {
        let place = self
            .ended
            .partition_point(|known| known.number < ended.number);
        self.ended.insert(place, ended);
        self.advance();
    }

    /// Moves the head over what has ended and has nothing open below it.
    fn advance(&mut self) {
        let running = self.running.iter().map(|(number, _)| *number);
        let waiting = self.waiting.front().map(|task| task.number);
        let open = running.chain(waiting).min().unwrap_or(u64::MAX);
        let passed = self.ended.partition_point(|ended| ended.number < open);
        for Ended { number, hash } in self.ended.drain(..passed) {
            match hash {
                Some(hash) => {
                    self.head = Some(BlockRef { number, hash });
                    self.since.get_or_insert(number);
                }
                None => self.since = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::chain;

    /// Genesis and this many blocks.
    fn headers(length: u64) -> Vec<VerifiedHeader> {
        chain(length, &[]).1
    }

    fn offer(audit: &mut Audit, headers: &[VerifiedHeader]) {
        for pair in headers.windows(2) {
            audit.offer(&pair[0], &pair[1]);
        }
    }

    fn audit(percent: u8, secret: u8, parallel: usize) -> Audit {
        Audit::new(Share::new(percent).unwrap(), [secret; 32], parallel)
    }

    fn head(audit: &Audit) -> Option<u64> {
        audit.view().head.map(|head| head.number)
    }

    #[test]
    fn the_head_advances_in_order_whatever_the_order_of_verdicts() {
        let headers = headers(4);
        let mut audit = audit(100, 1, 3);
        offer(&mut audit, &headers);
        let begun: Vec<Task> = std::iter::from_fn(|| audit.begin()).collect();
        assert_eq!(begun.len(), 3, "no more than there is room for");
        for (place, expected) in [(2, None), (1, None), (0, Some(3))] {
            audit.end_executed(begun[place].hash);
            assert_eq!(head(&audit), expected);
        }
        let last = audit.begin().unwrap();
        audit.end_executed(last.hash);
        let view = audit.view();
        assert_eq!(
            (head(&audit), view.since, view.count),
            (Some(4), Some(1), 4)
        );
        assert_eq!((view.skipped, view.waiting), (0, 0));
    }

    #[test]
    fn a_client_that_cannot_keep_up_skips_the_oldest_and_counts_them() {
        let headers = headers(50);
        let mut audit = audit(100, 1, 1);
        offer(&mut audit, &headers[..2]);
        let slow = audit.begin().unwrap();
        offer(&mut audit, &headers[1..]);
        assert_eq!(audit.waiting.len(), MAX_WAITING);
        assert_eq!(audit.view().skipped, 49 - MAX_WAITING as u64);
        assert_eq!(audit.ended.len(), 1, "a row of skipped blocks is one entry");
        audit.end_executed(slow.hash);
        assert_eq!(head(&audit), Some(1));
        while let Some(task) = audit.begin() {
            audit.end_executed(task.hash);
        }
        let view = audit.view();
        assert_eq!(head(&audit), Some(50));
        assert_eq!(
            view.since,
            Some(51 - MAX_WAITING as u64),
            "the run begins after the last that was skipped"
        );
        assert_eq!(view.count + view.skipped, 50);
    }

    #[test]
    fn a_block_that_nobody_has_breaks_the_run_but_not_the_head() {
        let headers = headers(3);
        let mut audit = audit(100, 1, 8);
        offer(&mut audit, &headers);
        while audit.begin().is_some() {}
        audit.end_executed(headers[3].hash());
        audit.end_skipped(headers[2].hash(), SkipReason::Unavailable);
        audit.end_executed(headers[1].hash());
        let view = audit.view();
        assert_eq!((head(&audit), view.since), (Some(3), Some(3)));
        assert_eq!((view.count, view.skipped), (2, 1));
        assert_eq!(view.skipped_for.unavailable, 1);
        audit.end_executed(headers[1].hash());
        assert_eq!(audit.view().count, 2, "a verdict counts once");
    }

    #[test]
    fn the_head_never_reaches_an_invalid_block() {
        let headers = headers(3);
        let mut audit = audit(100, 1, 8);
        offer(&mut audit, &headers);
        while audit.begin().is_some() {}
        audit.end_executed(headers[1].hash());
        audit.end_invalid();
        audit.end_executed(headers[3].hash());
        assert_eq!(head(&audit), Some(1));
    }

    #[test]
    fn the_choice_follows_the_share_and_differs_between_secrets() {
        let hashes: Vec<B256> = (0..4_000_u64)
            .map(|number| keccak256(number.to_be_bytes()))
            .collect();
        let chosen = |percent, secret| -> Vec<bool> {
            let audit = audit(percent, secret, 1);
            hashes.iter().map(|hash| audit.chooses(*hash)).collect()
        };
        let count = |chosen: &[bool]| chosen.iter().filter(|chosen| **chosen).count();
        assert_eq!(count(&chosen(100, 1)), hashes.len());
        let (one, two) = (chosen(25, 1), chosen(25, 2));
        assert_eq!(one, chosen(25, 1));
        for chosen in [&one, &two] {
            assert!((800..1_200).contains(&count(chosen)), "{}", count(chosen));
        }
        let both = one.iter().zip(&two).filter(|(one, two)| **one && **two);
        assert!(
            both.count() < 500,
            "one client's choice says nothing of another's"
        );
    }

    #[test]
    fn blocks_that_were_not_chosen_hold_nothing_up() {
        let headers = headers(40);
        let mut audit = audit(20, 3, 8);
        let chosen: Vec<u64> = headers[1..]
            .iter()
            .filter(|header| audit.chooses(header.hash()))
            .map(VerifiedHeader::number)
            .collect();
        assert!(!chosen.is_empty() && chosen.len() < 40);
        offer(&mut audit, &headers);
        while let Some(task) = audit.begin() {
            audit.end_executed(task.hash);
        }
        assert_eq!(head(&audit), chosen.last().copied());
        assert_eq!(audit.view().count, chosen.len() as u64);
        assert_eq!(audit.view().skipped, 0);
    }

    #[test]
    fn a_reorganisation_takes_verdicts_back() {
        let headers = headers(5);
        let mut audit = audit(100, 1, 8);
        offer(&mut audit, &headers);
        while audit.begin().is_some() {}
        for header in &headers[1..5] {
            audit.end_executed(header.hash());
        }
        let two = BlockRef {
            number: 2,
            hash: headers[2].hash(),
        };
        audit.truncate_from(3, Some(two));
        assert_eq!((head(&audit), audit.view().waiting), (Some(2), 0));
        audit.end_executed(headers[5].hash());
        assert_eq!(head(&audit), Some(2), "a verdict over a block that is gone");
    }
}
