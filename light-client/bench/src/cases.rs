//! The cases, by number.

use sidelight_core::bench_cases::{Block, Read, World};
use sidelight_core::state::PartialState;

use crate::header::HeaderCase;

/// The names, in the order of their numbers.
pub const CASES: [&str; 8] = [
    "header and signature",
    "account and one slot",
    "access list of 1,000 keys, cold: witness, apply, root",
    "access list of 1,000 keys, warm: apply, root",
    "access list of 3,000 keys, cold: witness, apply, root",
    "access list of 3,000 keys, warm: apply, root",
    "access list of 10,000 keys, cold: witness, apply, root",
    "access list of 10,000 keys, warm: apply, root",
];

/// The cases before the first block, and the changed keys of the blocks: two cases each, cold and warm.
const SINGLE: usize = 2;
const KEYS: [u64; 3] = [1_000, 3_000, 10_000];

/// Everything that the cases verify, and the states that the warm ones use up.
#[derive(Debug)]
pub struct Bench {
    header: HeaderCase,
    read: Read,
    blocks: Vec<Block>,
    states: Vec<PartialState>,
}

impl Bench {
    /// Builds it, which takes a second. `None` if a part could not be built.
    #[must_use]
    pub fn new() -> Option<Self> {
        let world = World::build()?;
        Some(Self {
            header: HeaderCase::build()?,
            read: world.read()?,
            blocks: KEYS
                .iter()
                .map(|keys| world.block(*keys))
                .collect::<Option<_>>()?,
            states: Vec::new(),
        })
    }

    /// Makes what `runs` runs of a case use up: a state each, where the case begins with one.
    pub fn prepare(&mut self, case: usize, runs: usize) {
        self.states.clear();
        let Some((block, true)) = self.block(case) else {
            return;
        };
        if let Some(state) = block.reveal() {
            self.states.resize(runs, state);
        }
    }

    /// Runs a case that often: whether everything verified.
    pub fn run(&mut self, case: usize, runs: usize) -> bool {
        (0..runs).all(|_| match case {
            0 => self.header.verify(),
            1 => self.read.verify(),
            _ => match self.block(case) {
                None => false,
                Some((block, false)) => block.verify(),
                Some((_, true)) => {
                    let state = self.states.pop();
                    let block = self.block(case);
                    block
                        .zip(state)
                        .is_some_and(|((block, _), state)| block.apply(state))
                }
            },
        })
    }

    /// The block of a case, and whether the case begins with a state.
    fn block(&self, case: usize) -> Option<(&Block, bool)> {
        let at = case.checked_sub(SINGLE)?;
        Some((self.blocks.get(at / 2)?, at % 2 == 1))
    }
}
