//! The cases, by number.

use sidelight_core::bench_cases::{Block, Read, World};
use sidelight_core::state::PartialState;

use crate::header::HeaderCase;

/// The names, in the order of their numbers.
pub const CASES: [&str; 6] = [
    "header and signature",
    "account and one slot",
    "access list of 1,000 keys, cold: witness, apply, root",
    "access list of 1,000 keys, warm: apply, root",
    "access list of 3,000 keys, cold: witness, apply, root",
    "access list of 3,000 keys, warm: apply, root",
];

/// Everything that the cases verify, and the states that the warm ones use up.
#[derive(Debug)]
pub struct Bench {
    header: HeaderCase,
    read: Read,
    small: Block,
    large: Block,
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
            small: world.block(1_000)?,
            large: world.block(3_000)?,
            states: Vec::new(),
        })
    }

    /// Makes what `runs` runs of a case use up: a state each, where the case begins with one.
    pub fn prepare(&mut self, case: usize, runs: usize) {
        self.states.clear();
        let block = match case {
            3 => &self.small,
            5 => &self.large,
            _ => return,
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
            2 => self.small.verify(),
            3 => self
                .states
                .pop()
                .is_some_and(|state| self.small.apply(state)),
            4 => self.large.verify(),
            5 => self
                .states
                .pop()
                .is_some_and(|state| self.large.apply(state)),
            _ => false,
        })
    }
}
