//! Executes blocks (check 11): fetches what that takes, has the platform execute, and acts on the verdict.
//!
//! ```text
//! consistent block --queue--> ask a node --input--> platform executes --+--> it holds: level `executed`
//!                                 ^                                     +--> the sender's fault: told, another node
//!                                 +-------------------------------------+--> the block's: conflict
//! ```
//!
//! At most [`MAX_PARALLEL`] inputs are held at a time, each no larger than an answer may be.

mod queue;

use std::sync::Arc;

use alloy_primitives::{B256, Bytes};
use sidelight_core::{
    fault::Fault,
    follower::Contradiction,
    wire::{Body, Request, Response},
};

pub(crate) use self::queue::{Audit, Task};
use super::{ask::Asking, inner::Inner};
use crate::{
    dto::{Event, ExecutedEvent, Mode, Share, StartOptions},
    error::ClientError,
    platform::{Job, Platform, Verdict},
};

/// Most blocks that are fetched or executed at the same time.
const MAX_PARALLEL: usize = 8;
/// How often a block is asked for while no node has it, and the first pause, which doubles, in milliseconds.
const MAX_ROUNDS: u32 = 3;
const PAUSE_MS: u32 = 1_000;

/// The queue of a client in mode `execute`; none in other modes.
pub(super) fn open(
    options: &StartOptions,
    platform: &dyn Platform,
) -> Result<Option<Audit>, ClientError> {
    if options.mode != Mode::Execute {
        return match options.share {
            None => Ok(None),
            Some(_) => Err(ClientError::Params(
                "share: expected mode execute beside it".into(),
            )),
        };
    }
    let executors = platform.executors();
    if executors == 0 {
        return Err(ClientError::NotSupported(
            "mode execute: blocks are not executed here".into(),
        ));
    }
    let Some(secret) = platform.secret() else {
        return Err(ClientError::NotSupported(
            "mode execute without a source of randomness".into(),
        ));
    };
    let share = options.share.unwrap_or(Share::ALL);
    // One more than can be executed: its input comes meanwhile.
    let parallel = executors.saturating_add(1).min(MAX_PARALLEL);
    Ok(Some(Audit::new(share, secret, parallel)))
}

impl Inner {
    /// Begins with as many blocks as there is room for.
    pub(super) fn audit(self: &Arc<Self>) {
        loop {
            let task = self.state().audit.as_mut().and_then(Audit::begin);
            let Some(task) = task else {
                return;
            };
            self.platform
                .spawn(Box::pin(self.clone().audit_block(task)));
        }
    }

    async fn audit_block(self: Arc<Self>, task: Task) {
        let mut round = 1;
        while self.judge_block(&task).await.is_none() {
            if round == MAX_ROUNDS || self.is_closed() {
                if let Some(audit) = &mut self.state().audit {
                    audit.end_skipped(task.hash);
                }
                break;
            }
            self.platform.sleep(PAUSE_MS << (round - 1)).await;
            round += 1;
        }
        self.state().status_is_old = true;
        self.pump();
    }

    /// Asks one node after another until there is a verdict. None: nobody had it; a later try may help.
    async fn judge_block(self: &Arc<Self>, task: &Task) -> Option<()> {
        let Task { number, hash, .. } = *task;
        let request = Request::Execution { block_hash: hash };
        let mut asking = Asking::new(self.clone(), request);
        while let Some(answer) = asking.next().await {
            let Response::Execution(input) = answer.response else {
                continue;
            };
            let job = Job {
                chain_id: self.trust.rules.chain_id,
                parent: task.parent.clone(),
                header: task.header.clone(),
                input: input.clone(),
            };
            match self.platform.execute(job).await {
                Verdict::Verified {
                    gas_used,
                    transactions,
                    ms,
                } => {
                    asking.accept();
                    let event = ExecutedEvent {
                        number,
                        hash,
                        ms: (ms * 1_000.0).round() / 1_000.0,
                        gas_used,
                        transactions,
                        bytes: answer.bytes as u64,
                        peer: asking.source(),
                    };
                    self.state().on_executed(event);
                    return Some(());
                }
                Verdict::Refused { kind, mismatch } => {
                    let fault = Fault::new(kind, mismatch).at(number, hash);
                    let is_conflict = kind.is_conflict();
                    if is_conflict {
                        self.state().on_invalid(fault.clone(), input);
                    }
                    asking.refuse(fault);
                    if is_conflict {
                        return Some(());
                    }
                }
                Verdict::Failed(reason) => asking.give_up(reason),
            }
        }
        match asking.verdict() {
            ClientError::NoPeer(_) | ClientError::UnknownBlock(_) => None,
            _ => {
                if let Some(audit) = &mut self.state().audit {
                    audit.end_skipped(hash);
                }
                Some(())
            }
        }
    }
}

impl super::state::State {
    /// A block was executed, and is what its header says.
    fn on_executed(&mut self, event: ExecutedEvent) {
        let noted = self
            .follower
            .as_mut()
            .is_some_and(|follower| follower.note_executed(event.hash));
        if let Some(audit) = &mut self.audit {
            // A block that is gone, or stands on an invalid one, is not executed whatever its own verdict.
            match noted {
                true => audit.end_executed(event.hash),
                false => audit.end_skipped(event.hash),
            }
        }
        if noted {
            self.archive.note_executed(event.hash);
            self.emit(Event::Executed(event));
        }
    }

    /// A block was executed from `input`, and is not what its header says.
    fn on_invalid(&mut self, fault: Fault, input: Bytes) {
        let number = fault.number.unwrap_or_default();
        let hash = fault.hash.unwrap_or_default();
        let noted = self
            .follower
            .as_mut()
            .is_some_and(|follower| follower.note_invalid(fault.clone()));
        if noted {
            self.show_invalid(fault, hash, input);
            self.archive.cap_levels(number);
        }
        if let Some(audit) = &mut self.audit {
            match noted {
                true => audit.end_invalid(),
                false => audit.end_skipped(hash),
            }
        }
    }

    /// Keeps what shows the block to others, unless its headers are too old to be here.
    fn show_invalid(&mut self, fault: Fault, hash: B256, input: Bytes) {
        let by_hash = |hash| self.archive.by_hash(hash).map(|entry| entry.header.clone());
        let header = by_hash(hash);
        let parent = header
            .as_ref()
            .and_then(|header| by_hash(header.header().parent_hash));
        if let (Some(header), Some(parent)) = (header, parent) {
            let found = Contradiction {
                parent,
                header,
                body: Body::Headers,
                fault,
            };
            self.keep_contradiction(Box::new(found), Some(input));
        }
    }
}
