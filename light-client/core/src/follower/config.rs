//! What a follower is told to do.

use crate::{
    limits::MAX_HEADERS,
    wire::{Filter, Mode},
};

/// One connection to one node. The driver chooses the numbers; a new connection is a new peer, so that sequence and announcements begin afresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u32);

/// What two signed headers at one height mean. `docs/adr/0004-equivocation-and-reorgs.md`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reorgs {
    /// The sequencer lied to somebody: stop, and keep the evidence.
    #[default]
    Halt,
    /// The chain may go back, as development chains do: keep the evidence and follow the longer branch.
    Follow,
}

/// Modes, limits and times. Times are in milliseconds, lengths in blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerConfig {
    /// How much of each block is checked.
    pub mode: Mode,
    /// The accounts of [`Mode::Watch`].
    pub filter: Filter,
    /// What to do when the chain forks.
    pub reorgs: Reorgs,
    /// Headers kept behind the tip; also the deepest reorganisation that can be followed. At most 1,024, one answer's worth.
    pub retain: u64,
    /// Bodies are checked one after another up to this distance behind the tip; a longer gap is skipped, and the blocks in it stay `signed`.
    pub max_catch_up: u64,
    /// Bodies asked for at the same time.
    pub body_window: u64,
    /// Requests that one peer has to answer at the same time.
    pub max_in_flight: usize,
    /// How long a peer has for an answer.
    pub request_timeout_ms: u64,
    /// First pause before a question is asked again; it doubles.
    pub retry_base_ms: u64,
    /// Longest pause before a question is asked again.
    pub retry_max_ms: u64,
    /// How long a peer is left alone after its first fault; it doubles.
    pub ban_base_ms: u64,
    /// Longest time that a peer is left alone.
    pub ban_max_ms: u64,
    /// A peer that was silent for so long is asked for its head.
    pub poll_ms: u64,
    /// How many blocks behind the others a peer's head may be.
    pub max_lag: u64,
    /// How long a peer may be further behind than that.
    pub lag_grace_ms: u64,
    /// The age of the newest header from which on the chain counts as stale.
    pub stale_after_ms: u64,
    /// How long trie nodes that nothing touches stay in memory, in blocks.
    pub keep_nodes_for: u64,
    /// Seed of the jitter of pauses. It need not be secret, only different on each device.
    pub seed: u64,
}

impl Default for FollowerConfig {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            filter: Filter::default(),
            reorgs: Reorgs::default(),
            retain: u64::try_from(MAX_HEADERS).unwrap_or(u64::MAX),
            max_catch_up: 32,
            body_window: 4,
            max_in_flight: 4,
            request_timeout_ms: 5_000,
            retry_base_ms: 250,
            retry_max_ms: 30_000,
            ban_base_ms: 5_000,
            ban_max_ms: 300_000,
            poll_ms: 2_000,
            max_lag: 8,
            lag_grace_ms: 10_000,
            stale_after_ms: 15_000,
            keep_nodes_for: 256,
            seed: 0,
        }
    }
}

/// Exponential pauses with jitter, so that clients that fail together do not come back together.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    state: u64,
}

impl Backoff {
    pub(super) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The pause before try number `round` (from 1): `base * 2^(round - 1)` up to `max`, of which the last quarter is random.
    pub(super) fn pause(&mut self, round: u32, base: u64, max: u64) -> u64 {
        let factor = 1_u64
            .checked_shl(round.saturating_sub(1))
            .unwrap_or(u64::MAX);
        let full = base.saturating_mul(factor).min(max);
        let quarter = full >> 2;
        let jitter = self
            .next()
            .checked_rem(quarter.saturating_add(1))
            .unwrap_or(0);
        full.saturating_sub(quarter).saturating_add(jitter)
    }

    /// SplitMix64.
    const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference sequence of SplitMix64.
    #[test]
    fn jitter_is_well_mixed() {
        let mut backoff = Backoff::new(1_234_567);
        let numbers = [0; 3].map(|_: u8| backoff.next());
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!(numbers, expected);
    }

    #[test]
    fn pauses_double_up_to_the_limit_and_differ_by_seed() {
        let mut backoff = Backoff::new(1);
        for round in 1..200 {
            let full = 250_u64.saturating_mul(1_u64.checked_shl(round - 1).unwrap_or(u64::MAX));
            let full = full.min(30_000);
            let pause = backoff.pause(round, 250, 30_000);
            assert!(
                pause <= full && pause >= full - full / 4,
                "round {round}: {pause}"
            );
        }
        let pauses = |seed| {
            let mut backoff = Backoff::new(seed);
            [0; 8].map(|_: u8| backoff.pause(20, 250, 30_000))
        };
        assert_ne!(pauses(1), pauses(2));
    }
}
