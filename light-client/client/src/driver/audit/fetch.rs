//! What executing a block takes, from one node after another: in chunks, each checked when it comes, and made whole with what the client holds.
//!
//! ```text
//! delta since the run began --does not fit--> the node's fault
//!       |     \--something is missing--> the full input, of the same node: only then is a gap the node's fault
//!       v
//! made whole --> held for the next block, and executed
//! ```

use std::sync::Arc;

use alloy_primitives::Bytes;
use sidelight_core::{
    execution::{Assembly, ExecutionInput, Policy},
    fault::{Fault, FaultKind, Mismatch},
    wire::{Delta, Request, Response, WitnessResponse},
};

use super::{Inner, Task, queue::Audit};
use crate::driver::{ask::Asking, inner::AskError};

/// A full input, and what it cost.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) encoded: Bytes,
    /// Bytes received, all chunks together.
    pub(super) bytes: u64,
}

/// The nodes, as far as they were asked for one block.
pub(super) struct Source {
    inner: Arc<Inner>,
    pub(super) asking: Asking,
    task: Task,
    delta: Delta,
    /// Whether what comes is held for the next block: only by who fetches in order.
    in_order: bool,
    /// Chunks of a node that fell silent.
    partial: Option<Assembly>,
    /// The machine gave up on what a node sent.
    pub(super) has_failed: bool,
}

/// Why an answer is none.
enum Trouble {
    Fault(Box<Fault>),
    Silent(String),
    /// Something is missing that the delta says is held.
    Incomplete,
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl Inner {
    /// Nobody has been asked yet.
    pub(super) fn source(self: &Arc<Self>, task: &Task, in_order: bool) -> Source {
        let held = |audit: &Audit| audit.held.as_ref()?.since(task.number);
        let since = match in_order {
            true => self.state().audit.as_ref().and_then(held),
            false => None,
        };
        let delta = match since {
            Some(since) => Delta {
                block_hash: task.hash,
                policy: Policy::Window,
                since,
            },
            None => Delta::full(task.hash),
        };
        Source {
            inner: self.clone(),
            asking: Asking::new(self.clone(), Request::Witness(delta)),
            task: task.clone(),
            delta,
            in_order,
            partial: None,
            has_failed: false,
        }
    }
}

impl Source {
    /// The next node's input; none when everybody was asked.
    pub(super) async fn next(&mut self) -> Option<Input> {
        while let Some(answer) = self.asking.next().await {
            let Response::Witness(witness) = answer.response else {
                continue;
            };
            match self.assemble(witness, answer.bytes as u64).await {
                Ok(input) => return Some(input),
                Err(Trouble::Fault(fault)) => {
                    let fault = fault.at(self.task.number, self.task.hash);
                    self.asking.refuse(fault);
                }
                Err(Trouble::Silent(reason)) => self.asking.give_up(reason),
                Err(Trouble::Incomplete) => {
                    self.delta = Delta::full(self.task.hash);
                    self.asking.restate(Request::Witness(self.delta));
                }
            }
        }
        None
    }

    /// Fetches the chunks that are missing, and makes the input whole.
    async fn assemble(
        &mut self,
        witness: WitnessResponse,
        mut bytes: u64,
    ) -> Result<Input, Trouble> {
        let served = self.check_served(&witness)?;
        let mut assembly =
            Assembly::new(witness.length, witness.hashes).map_err(|error| error.fault())?;
        assembly
            .take(0, witness.first)
            .map_err(|error| error.fault())?;
        if let Some(partial) = self.partial.take() {
            assembly.reuse(&partial);
        }
        while let Some(index) = assembly.missing() {
            let request = Request::Chunk {
                delta: served,
                index: index as u64,
            };
            match self.asking.follow_up(request).await {
                Ok(answer) => {
                    bytes = bytes.saturating_add(answer.bytes as u64);
                    if let Response::Chunk(chunk) = answer.response {
                        assembly.take(index, chunk).map_err(|error| error.fault())?;
                    }
                }
                Err(AskError::Fault(fault)) => return Err(Trouble::Fault(fault)),
                Err(AskError::Failure(_, reason)) => {
                    self.partial = Some(assembly);
                    return Err(Trouble::Silent(reason));
                }
                Err(AskError::Net(error)) => {
                    self.partial = Some(assembly);
                    return Err(Trouble::Silent(error.to_string()));
                }
            }
        }
        let input = assembly.finish().unwrap_or_default();
        let input = ExecutionInput::decode(&input)
            .map_err(|error| Fault::new(FaultKind::BadWitness, error.mismatch()))?;
        let full = self.complete(input, served)?;
        Ok(Input {
            encoded: full.encode().into(),
            bytes,
        })
    }

    /// What was served must be what was asked for, or more.
    fn check_served(&self, witness: &WitnessResponse) -> Result<Delta, Trouble> {
        let full = Delta::full(self.task.hash);
        let served = Delta {
            policy: witness.policy,
            since: witness.since,
            ..full
        };
        if served == self.delta || served == full {
            return Ok(served);
        }
        let mismatch = Mismatch::new("witness.since", self.delta.since, witness.since);
        Err(Fault::new(FaultKind::WrongResponse, mismatch).into())
    }

    fn complete(&self, input: ExecutionInput, served: Delta) -> Result<ExecutionInput, Trouble> {
        let taken = match self.in_order {
            true => self.inner.with_audit(|audit| audit.held.take()).flatten(),
            false => None,
        };
        let mut held = taken.unwrap_or_default();
        let full = held.complete(&self.task.target, input);
        if self.in_order {
            self.inner.with_audit(|audit| audit.held = Some(held));
        }
        full.map_err(|error| match served.policy {
            Policy::Nothing => error.fault().into(),
            _ if error.is_incomplete() => Trouble::Incomplete,
            _ => error.fault().into(),
        })
    }
}

impl Inner {
    fn with_audit<T>(&self, work: impl FnOnce(&mut Audit) -> T) -> Option<T> {
        self.state().audit.as_mut().map(work)
    }
}
