//! When to try again: exponentially later, with jitter, so that a restarted node is not met by all of its clients at once.

/// First wait, in milliseconds.
const FIRST_MS: u32 = 250;
/// Longest wait, in milliseconds.
const LONGEST_MS: u32 = 30_000;

/// The waits between attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    next_ms: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next_ms: FIRST_MS }
    }
}

impl Backoff {
    /// The next wait: between half and all of a bound that doubles each time.
    pub(crate) fn next_wait(&mut self, random: u64) -> u32 {
        let bound = self.next_ms;
        self.next_ms = bound.saturating_mul(2).min(LONGEST_MS);
        let half = bound / 2;
        let jitter = random % (u64::from(bound - half) + 1);
        half.saturating_add(u32::try_from(jitter).unwrap_or(0))
    }

    /// An attempt succeeded.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_stay_within_their_half() {
        for random in [0, 1, 12_345, u64::MAX] {
            let mut backoff = Backoff::default();
            for attempt in 0..12 {
                let bound = (FIRST_MS << attempt.min(16)).min(LONGEST_MS);
                let wait = backoff.next_wait(random);
                assert!(
                    wait >= bound / 2 && wait <= bound,
                    "attempt {attempt}: {wait} of {bound}"
                );
            }
            backoff.reset();
            assert!(backoff.next_wait(random) <= FIRST_MS);
        }
    }
}
