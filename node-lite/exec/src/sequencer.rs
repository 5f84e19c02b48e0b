//! The thread that seals: at an interval, or when a transaction arrives.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::{chain::Chain, config::SealMode};

/// A running sequencer; sealing stops when it is dropped.
#[derive(Debug)]
pub struct Sequencer {
    chain: Chain,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sequencer {
    pub(crate) fn start(chain: Chain, mode: SealMode) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            chain: chain.clone(),
            mode,
            stop: Arc::clone(&stop),
        };
        let spawned = std::thread::Builder::new()
            .name("sequencer".to_owned())
            .spawn(move || worker.run());
        if let Err(error) = &spawned {
            tracing::error!(%error, "the sequencer thread could not be started");
        }
        Self {
            chain,
            stop,
            thread: spawned.ok(),
        }
    }

    /// Stops sealing and waits for the block at hand. Dropping does the same.
    pub fn stop(self) {}
}

impl Drop for Sequencer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // Under the lock, or the worker could go to sleep between its check and its wait.
        let guard = self.chain.inner.wake.0.lock();
        self.chain.inner.wake.1.notify_all();
        drop(guard);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the sequencer thread panicked");
        }
    }
}

struct Worker {
    chain: Chain,
    mode: SealMode,
    stop: Arc<AtomicBool>,
}

impl Worker {
    fn run(self) {
        match self.mode {
            SealMode::Interval(interval) => self.run_interval(interval),
            SealMode::Automine => self.run_automine(),
            SealMode::Manual => {}
        }
    }

    fn run_interval(&self, interval: Duration) {
        let mut next = Instant::now() + interval;
        while self.sleep_until(next) {
            self.seal();
            // A slow block delays the ones after it; it does not make them bunch up.
            next = (next + interval).max(Instant::now());
        }
    }

    fn run_automine(&self) {
        while self.sleep_until_transaction() {
            // One block may not hold everything that is executable.
            while !self.is_stopped() && self.has_executable() && self.seal() {}
        }
    }

    fn has_executable(&self) -> bool {
        let base_fee = self.chain.next_base_fee();
        self.chain.inner.pool.lock().has_executable(base_fee)
    }

    /// Seals a block; `false` if it failed or took nothing in.
    fn seal(&self) -> bool {
        match self.chain.seal() {
            Ok(block) => !block.transactions.is_empty(),
            Err(error) => {
                tracing::error!(%error, "a block could not be sealed");
                false
            }
        }
    }

    fn sleep_until(&self, deadline: Instant) -> bool {
        let (waiting, condvar) = &self.chain.inner.wake;
        let mut waiting = waiting.lock();
        while !self.is_stopped() {
            if condvar.wait_until(&mut waiting, deadline).timed_out() {
                return !self.is_stopped();
            }
        }
        false
    }

    fn sleep_until_transaction(&self) -> bool {
        let (waiting, condvar) = &self.chain.inner.wake;
        let mut waiting = waiting.lock();
        while !*waiting && !self.is_stopped() {
            condvar.wait(&mut waiting);
        }
        *waiting = false;
        !self.is_stopped()
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}
