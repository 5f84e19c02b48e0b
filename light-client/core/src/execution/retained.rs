//! Which trie nodes and codes a client of the retention policy holds, computed from the chain alone.
//!
//! ```text
//! block                 ... 6    7    8    9   [10]
//! touched by it             a,b  b,c  d    a            every node of its full witness, every node that it made, every code that it read or made
//! newest                    c: 7   b: 7   d: 8   a: 9
//! delta of 10, held since 8:   without d and a           whoever has executed 8 and 9 holds them
//! ```
//!
//! The node keeps hashes, the client keeps bytes, and both keep them here. What a block touched follows from the block and the state before it, so one delta serves every client that
//! has executed the same run of blocks.

use alloc::{collections::VecDeque, vec::Vec};

use alloy_primitives::{B256, map::B256Map};

use crate::rlp::DecodeError;

/// Blocks after which what none of them touched is forgotten, under [`Policy::Window`]: a minute of blocks.
pub const WINDOW: u64 = 64;

/// What a client keeps between blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Policy {
    /// Nothing: a full input.
    #[default]
    Nothing,
    /// What the newest [`WINDOW`] blocks touched.
    Window,
}

impl Policy {
    /// The number on the wire.
    #[must_use]
    pub const fn to_number(self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Window => 1,
        }
    }

    /// The policy of a number.
    pub const fn from_number(number: u64) -> Result<Self, DecodeError> {
        match number {
            0 => Ok(Self::Nothing),
            1 => Ok(Self::Window),
            got => Err(DecodeError::Unknown {
                what: "witness.policy",
                got,
            }),
        }
    }
}

/// Things by their hash, as long as one of the newest [`WINDOW`] blocks touched them.
#[derive(Clone, Debug)]
pub struct Retained<V> {
    by_hash: B256Map<Kept<V>>,
    /// Ascending, without a gap.
    blocks: VecDeque<Touched>,
}

#[derive(Clone, Debug)]
struct Kept<V> {
    newest: u64,
    value: V,
}

#[derive(Clone, Debug)]
struct Touched {
    number: u64,
    hashes: Vec<B256>,
}

impl<V> Default for Retained<V> {
    fn default() -> Self {
        Self {
            by_hash: B256Map::default(),
            blocks: VecDeque::new(),
        }
    }
}

impl<V> Retained<V> {
    /// The newest block that touched it.
    pub fn newest(&self, hash: &B256) -> Option<u64> {
        self.by_hash.get(hash).map(|kept| kept.newest)
    }

    /// What has this hash.
    pub fn get(&self, hash: &B256) -> Option<&V> {
        self.by_hash.get(hash).map(|kept| &kept.value)
    }

    /// The first and the last block of the run.
    pub fn blocks(&self) -> Option<(u64, u64)> {
        Some((self.blocks.front()?.number, self.blocks.back()?.number))
    }

    /// Adds what a block touched, and hands out what is forgotten for it. A block that does not follow the last one begins a new run.
    pub fn push(&mut self, number: u64, touched: impl IntoIterator<Item = (B256, V)>) -> Vec<V> {
        let follows = self
            .blocks
            .back()
            .is_none_or(|last| last.number.checked_add(1) == Some(number));
        let mut forgotten = Vec::new();
        if !follows {
            while self.forget_oldest(&mut forgotten) {}
        }
        let mut hashes = Vec::new();
        for (hash, value) in touched {
            let kept = Kept {
                newest: number,
                value,
            };
            match self.by_hash.insert(hash, kept) {
                // Twice in one block.
                Some(old) if old.newest == number => forgotten.push(old.value),
                Some(old) => {
                    forgotten.push(old.value);
                    hashes.push(hash);
                }
                None => hashes.push(hash),
            }
        }
        self.blocks.push_back(Touched { number, hashes });
        let oldest = number.saturating_sub(WINDOW.saturating_sub(1));
        while self
            .blocks
            .front()
            .is_some_and(|block| block.number < oldest)
        {
            self.forget_oldest(&mut forgotten);
        }
        forgotten
    }

    /// Forgets the oldest block, and puts what no later one touched into `forgotten`. False if there was none.
    pub(super) fn forget_oldest(&mut self, forgotten: &mut Vec<V>) -> bool {
        let Some(Touched { number, hashes }) = self.blocks.pop_front() else {
            return false;
        };
        for hash in hashes {
            if self.newest(&hash) == Some(number)
                && let Some(kept) = self.by_hash.remove(&hash)
            {
                forgotten.push(kept.value);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(byte: u8) -> B256 {
        B256::repeat_byte(byte)
    }

    fn touch(retained: &mut Retained<()>, number: u64, bytes: &[u8]) {
        retained.push(number, bytes.iter().map(|byte| (hash(*byte), ())));
    }

    #[test]
    fn what_a_block_touched_is_kept_for_the_window_and_no_longer() {
        let mut retained = Retained::default();
        touch(&mut retained, 1, &[1, 2]);
        touch(&mut retained, 2, &[2, 3]);
        for number in 3..=WINDOW {
            touch(&mut retained, number, &[]);
        }
        assert_eq!(retained.newest(&hash(1)), Some(1));
        touch(&mut retained, WINDOW + 1, &[]);
        assert_eq!(retained.newest(&hash(1)), None);
        assert_eq!(retained.newest(&hash(2)), Some(2));
        touch(&mut retained, WINDOW + 2, &[3]);
        assert_eq!(retained.newest(&hash(2)), None);
        assert_eq!(retained.newest(&hash(3)), Some(WINDOW + 2));
        assert_eq!(retained.blocks(), Some((3, WINDOW + 2)));
    }

    #[test]
    fn what_is_held_depends_on_the_run_and_not_on_what_came_before_it() {
        let script: [&[u8]; 6] = [&[1, 2], &[3], &[2, 4], &[1], &[5, 3], &[6]];
        let mut long = Retained::default();
        for (number, bytes) in (1..).zip(script) {
            touch(&mut long, number, bytes);
        }
        for since in 1..=6 {
            let mut short = Retained::default();
            for (number, bytes) in (1..).zip(script).skip(since - 1) {
                touch(&mut short, number, bytes);
            }
            for byte in 1..=6 {
                let newest = long.newest(&hash(byte));
                let held = newest.filter(|newest| *newest >= since as u64);
                assert_eq!(short.newest(&hash(byte)), held, "{byte} since {since}");
            }
        }
    }

    #[test]
    fn a_gap_begins_a_new_run() {
        let mut retained = Retained::default();
        touch(&mut retained, 1, &[1]);
        touch(&mut retained, 3, &[2]);
        assert_eq!(retained.newest(&hash(1)), None);
        assert_eq!(retained.blocks(), Some((3, 3)));
        let same = retained.push(4, [(hash(7), ()), (hash(7), ())]);
        assert_eq!(same.len(), 1, "twice in one block is once");
        assert_eq!(retained.blocks[1].hashes, [hash(7)]);
    }
}
