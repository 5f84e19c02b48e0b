//! What is thought of a node: a number that verified answers raise slowly and faults lower fast.

/// Best score.
const BEST: u32 = 100;
/// Where a new node starts: below one that has proven itself.
const START: u32 = 50;
/// Below this a node is not asked any more.
const BANNED_BELOW: u32 = 5;

/// One node's record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Score {
    /// 0 to 100.
    pub(crate) value: u32,
    /// Lies.
    pub(crate) faults: u32,
    /// Smoothed time of an answer.
    pub(crate) latency_ms: Option<u32>,
}

impl Default for Score {
    fn default() -> Self {
        Self {
            value: START,
            faults: 0,
            latency_ms: None,
        }
    }
}

impl Score {
    /// Something that it sent was verified.
    pub(crate) fn reward(&mut self) {
        self.value = (self.value + 1).min(BEST);
    }

    /// It did not answer, or not in time: no lie.
    pub(crate) fn miss(&mut self) {
        self.value = self.value.saturating_sub(2).max(BANNED_BELOW);
    }

    /// It lied.
    pub(crate) fn fault(&mut self) {
        self.faults = self.faults.saturating_add(1);
        self.value /= 2;
    }

    /// It answered after so long.
    pub(crate) fn observe(&mut self, ms: f64) {
        let ms = ms.clamp(0.0, 600_000.0) as u32;
        self.latency_ms = Some(self.latency_ms.map_or(ms, |old| (old * 7 + ms) / 8));
    }

    /// It lied too often to be asked again.
    pub(crate) fn is_banned(&self) -> bool {
        self.value < BANNED_BELOW
    }

    /// Larger is better: the score, then the faster one.
    pub(crate) fn rank(&self) -> (u32, std::cmp::Reverse<u32>) {
        (
            self.value,
            std::cmp::Reverse(self.latency_ms.unwrap_or(1_000)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_never_bans_but_lies_do() {
        let mut silent = Score::default();
        (0..1_000).for_each(|_| silent.miss());
        assert!(!silent.is_banned());
        let mut liar = Score::default();
        (0..4).for_each(|_| liar.fault());
        assert!(liar.is_banned());
        assert_eq!(liar.faults, 4);
    }

    #[test]
    fn a_lie_costs_more_than_many_answers_earn() {
        let mut peer = Score::default();
        (0..40).for_each(|_| peer.reward());
        peer.fault();
        assert!(peer.value < START);
        assert!(Score::default().rank() > peer.rank());
    }

    #[test]
    fn the_faster_of_two_equals_is_asked_first() {
        let (mut slow, mut fast) = (Score::default(), Score::default());
        slow.observe(500.0);
        fast.observe(20.0);
        assert!(fast.rank() > slow.rank());
    }
}
