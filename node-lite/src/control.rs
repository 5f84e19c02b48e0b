//! The sequencer thread, and what `dev_setInterval` may do to it.

use std::time::Duration;

use node_lite_exec::{Chain, SealMode, Sequencer, SequencerConfig};
use node_lite_rpc::Control;
use parking_lot::Mutex;

/// Owns the running sequencer and replaces it when the mode changes.
#[derive(Debug)]
pub(crate) struct SequencerControl {
    chain: Chain,
    running: Mutex<Option<Sequencer>>,
}

impl SequencerControl {
    pub(crate) fn new(chain: Chain) -> Self {
        Self {
            chain,
            running: Mutex::new(None),
        }
    }

    /// Seals as `mode` says from now on.
    pub(crate) fn start(&self, mode: SealMode) {
        let mut running = self.running.lock();
        // The old one first: it ends when it is dropped.
        *running = None;
        *running = Some(self.chain.start_sequencer_in(mode));
    }

    /// Seals no more.
    pub(crate) fn stop(&self) {
        *self.running.lock() = None;
    }
}

impl Control for SequencerControl {
    fn set_interval(&self, interval: Option<Duration>) -> Result<(), String> {
        match interval {
            Some(got) if got < SequencerConfig::MIN_INTERVAL => Err(format!(
                "interval: expected at least {:?} or 0, got {got:?}",
                SequencerConfig::MIN_INTERVAL
            )),
            Some(interval) => {
                self.start(SealMode::Interval(interval));
                Ok(())
            }
            None => {
                self.start(SealMode::Manual);
                Ok(())
            }
        }
    }
}
