//! The live list: a ring of the newest blocks, shown at most four times a second, and not at all while a reader points at it.
//!
//! ```text
//! event -> push -> [ ring ] -- Pace: 250 ms --> rows on the page
//!                     |
//!                     +-- held by a pointer: counted as "n new" instead
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use alloy_primitives::B256;
use sidelight_client::dto::{BlockEvent, FaultView, TrustLevel};

/// Rows that are kept. The newest are shown; the rest feed the strip over them.
const CAPACITY: usize = 96;

/// The shortest time between two changes of the page.
const INTERVAL_MS: f64 = 250.0;

/// One line of the live list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Row {
    /// A block that was verified here.
    Verified(BlockEvent),
    /// A block, or the claim of one, that was refused.
    Refused(FaultView),
}

impl Row {
    /// Bytes that came for it; a refused block's are not counted.
    pub(crate) const fn bytes(&self) -> u64 {
        match self {
            Self::Verified(block) => block.bytes,
            Self::Refused(_) => 0,
        }
    }

    /// How a block was checked.
    pub(crate) const fn level(&self) -> TrustLevel {
        match self {
            Self::Verified(block) => block.level,
            Self::Refused(_) => TrustLevel::Unverified,
        }
    }
}

/// A row and the place in the order of arrival that identifies it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// Counts up from 0; unique in this tab.
    pub(crate) key: u64,
    /// What it shows.
    pub(crate) row: Arc<Row>,
}

/// The newest rows, and whether the page may move.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    ring: VecDeque<Line>,
    next_key: u64,
    /// The first key that is not on the page while the list is held.
    held_from: Option<u64>,
}

impl Feed {
    /// Takes a row in, and lets the oldest go where there is no room.
    pub(crate) fn push(&mut self, row: Row) {
        if self.ring.len() == CAPACITY {
            self.ring.pop_back();
        }
        self.ring.push_front(Line {
            key: self.next_key,
            row: Arc::new(row),
        });
        self.next_key += 1;
    }

    /// A block that is on the list was executed since.
    pub(crate) fn mark_executed(&mut self, hash: B256) {
        for line in &mut self.ring {
            let Row::Verified(block) = line.row.as_ref() else {
                continue;
            };
            if block.hash == hash {
                line.row = Arc::new(Row::Verified(BlockEvent {
                    level: block.level.max(TrustLevel::Executed),
                    ..block.clone()
                }));
                return;
            }
        }
    }

    /// Takes the blocks after `number` off, when the chain has moved to another branch. Refusals stay.
    pub(crate) fn rewind(&mut self, number: u64) {
        self.ring.retain(|line| match line.row.as_ref() {
            Row::Verified(block) => block.number <= number,
            Row::Refused(_) => true,
        });
    }

    /// Stops the list where it is, because a reader points at it.
    pub(crate) const fn hold(&mut self) {
        if self.held_from.is_none() {
            self.held_from = Some(self.next_key);
        }
    }

    /// Lets the list move again.
    pub(crate) const fn release(&mut self) {
        self.held_from = None;
    }

    /// How many rows wait behind a held list.
    pub(crate) fn waiting(&self) -> usize {
        let Some(from) = self.held_from else { return 0 };
        self.ring.iter().filter(|line| line.key >= from).count()
    }

    /// What the page shows, newest first.
    pub(crate) fn visible(&self) -> Vec<Line> {
        let until = self.held_from.unwrap_or(u64::MAX);
        self.ring
            .iter()
            .filter(|line| line.key < until)
            .cloned()
            .collect()
    }
}

/// Says when the page may change next.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    last_ms: Option<f64>,
}

impl Pace {
    /// Milliseconds to wait before the next change; 0 for at once.
    pub(crate) fn wait_ms(&self, now_ms: f64) -> f64 {
        self.last_ms.map_or(0.0, |last| {
            let since = now_ms - last;
            // A clock that was set back must not stop the page.
            if since < 0.0 {
                0.0
            } else {
                (INTERVAL_MS - since).max(0.0)
            }
        })
    }

    /// Notes that the page changed.
    pub(crate) const fn mark(&mut self, now_ms: f64) {
        self.last_ms = Some(now_ms);
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;

    use super::*;

    fn block(number: u64) -> Row {
        Row::Verified(verified(number))
    }

    fn verified(number: u64) -> BlockEvent {
        BlockEvent {
            number,
            hash: B256::with_last_byte(1),
            parent_hash: B256::ZERO,
            timestamp: number,
            level: TrustLevel::Signed,
            tx_count: None,
            gas_used: 0,
            gas_limit: 0,
            base_fee: U256::ZERO,
            bytes: 10,
            ms: 0.1,
            peer: "http://one".to_owned(),
            changed_accounts: None,
        }
    }

    fn refused(number: u64) -> Row {
        Row::Refused(FaultView {
            kind: "bad_signature".to_owned(),
            block: Some(number),
            peer: "http://one".to_owned(),
            field: "signature".to_owned(),
            expected: "0x1".to_owned(),
            got: "0x2".to_owned(),
            message: String::new(),
            at: 0,
        })
    }

    fn numbers(feed: &Feed) -> Vec<u64> {
        let number = |line: &Line| match line.row.as_ref() {
            Row::Verified(block) => Some(block.number),
            Row::Refused(fault) => fault.block,
        };
        feed.visible().iter().filter_map(number).collect()
    }

    #[test]
    fn newest_first_and_never_more_than_the_ring_holds() {
        let mut feed = Feed::default();
        for number in 0..1_000 {
            feed.push(block(number));
        }
        assert_eq!(feed.visible().len(), CAPACITY);
        assert_eq!(numbers(&feed).first(), Some(&999));
    }

    #[test]
    fn a_held_list_does_not_move_and_counts_what_waits() {
        let mut feed = Feed::default();
        feed.push(block(1));
        feed.hold();
        feed.push(block(2));
        feed.push(block(3));
        feed.hold();
        assert_eq!((numbers(&feed), feed.waiting()), (vec![1], 2));
        feed.release();
        assert_eq!((numbers(&feed), feed.waiting()), (vec![3, 2, 1], 0));
    }

    #[test]
    fn a_reorganisation_takes_blocks_back_but_never_a_refusal() {
        let mut feed = Feed::default();
        for number in 1..=4 {
            feed.push(block(number));
        }
        feed.push(refused(5));
        feed.rewind(2);
        assert_eq!(numbers(&feed), vec![5, 2, 1]);
    }

    #[test]
    fn an_executed_block_changes_its_level_and_not_its_place() {
        let mut feed = Feed::default();
        for number in 1..=3 {
            feed.push(Row::Verified(BlockEvent {
                hash: B256::with_last_byte(number),
                ..verified(number.into())
            }));
        }
        feed.mark_executed(B256::with_last_byte(2));
        feed.mark_executed(B256::with_last_byte(9));
        let levels: Vec<_> = feed.visible().iter().map(|line| line.row.level()).collect();
        assert_eq!(
            levels,
            [TrustLevel::Signed, TrustLevel::Executed, TrustLevel::Signed]
        );
        assert_eq!(numbers(&feed), vec![3, 2, 1]);
    }

    #[test]
    fn keys_are_unique_though_a_height_comes_twice() {
        let mut feed = Feed::default();
        feed.push(refused(5));
        feed.push(block(5));
        let lines = feed.visible();
        assert_ne!(lines[0].key, lines[1].key);
    }

    #[test]
    fn the_page_changes_at_most_four_times_a_second() {
        let mut pace = Pace::default();
        let mut changes = 0;
        for ms in 0..1_000 {
            if pace.wait_ms(f64::from(ms)) == 0.0 {
                pace.mark(f64::from(ms));
                changes += 1;
            }
        }
        assert_eq!(changes, 4);
    }

    #[test]
    fn a_clock_set_back_does_not_stop_the_page() {
        let mut pace = Pace::default();
        pace.mark(1_000_000.0);
        assert_eq!(pace.wait_ms(5.0), 0.0);
    }
}
