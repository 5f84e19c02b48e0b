//! Executes blocks (check 11): fetches what that takes, has the platform execute, and acts on the verdict.
//!
//! ```text
//! consistent block --queue--> ask a node, make the delta whole --input--> platform executes --+--> it holds: level `executed`
//!                             (one after another)                         (in parallel)       +--> the sender's fault: told, another node
//!                                     ^                                                       +--> the block's: conflict
//!                                     +---- full input, by itself, if that came to nothing ---+--> none: skipped, with the reason
//! ```
//!
//! Inputs are fetched in the order of the blocks, because each is a delta to what the ones before have left ([`Held`](sidelight_core::execution::Held)). At most [`MAX_PARALLEL`] are held at
//! a time, each no larger than an input may be.

mod conflict;
mod fetch;
mod queue;

use std::sync::Arc;

use alloy_primitives::{B256, Bytes};
use sidelight_core::{fault::Fault, follower::Contradiction, wire::Body};

use self::fetch::{Input, Source};
pub(crate) use self::queue::{Audit, Task};
use super::inner::Inner;
use crate::{
    dto::{Event, ExecutedEvent, Mode, Share, SkipReason, StartOptions},
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
        if let Some(task) = self.next_task(true) {
            self.platform
                .spawn(Box::pin(self.clone().fetch_in_order(task)));
        }
    }

    /// The next block to fetch, for the one who fetches; none ends that. A new one is not let in while there is one.
    fn next_task(&self, is_new: bool) -> Option<Task> {
        let mut state = self.state();
        let audit = state.audit.as_mut()?;
        if is_new && audit.is_fetching {
            return None;
        }
        let task = audit.begin();
        audit.is_fetching = task.is_some();
        task
    }

    async fn fetch_in_order(self: Arc<Self>, first: Task) {
        let mut next = Some(first);
        while let Some(task) = next {
            let mut source = self.source(&task, true);
            let input = source.next().await;
            let this = self.clone();
            self.platform.spawn(Box::pin(async move {
                this.audit_block(task, source, input).await;
            }));
            next = self.next_task(false);
        }
    }

    async fn audit_block(
        self: Arc<Self>,
        task: Task,
        mut source: Source,
        mut input: Option<Input>,
    ) {
        let mut round = 1;
        while self.judge_block(&task, &mut source, input).await.is_none() {
            if round == MAX_ROUNDS || self.is_closed() {
                self.skip(&task, SkipReason::Unavailable);
                break;
            }
            self.platform.sleep(PAUSE_MS << (round - 1)).await;
            round += 1;
            source = self.source(&task, false);
            input = source.next().await;
        }
        self.state().status_is_old = true;
        self.pump();
    }

    fn skip(&self, task: &Task, reason: SkipReason) {
        if let Some(audit) = &mut self.state().audit {
            audit.end_skipped(task.hash, reason);
        }
    }

    /// Executes what one node after another sends until there is a verdict. None: nobody had it; a later try may help.
    async fn judge_block(
        self: &Arc<Self>,
        task: &Task,
        source: &mut Source,
        mut next: Option<Input>,
    ) -> Option<()> {
        let Task { number, hash, .. } = *task;
        while let Some(input) = next {
            let job = Job {
                chain_id: self.trust.rules.chain_id,
                parent: task.parent.clone(),
                header: task.header.clone(),
                input: input.encoded,
            };
            match self.platform.execute(job.clone()).await {
                Verdict::Verified {
                    gas_used,
                    transactions,
                    ms,
                } => {
                    source.asking.accept();
                    let event = ExecutedEvent {
                        number,
                        hash,
                        ms: (ms * 1_000.0).round() / 1_000.0,
                        gas_used,
                        transactions,
                        bytes: input.bytes,
                        peer: source.asking.source(),
                    };
                    self.state().on_executed(event);
                    return Some(());
                }
                Verdict::Refused { kind, mismatch } => {
                    let fault = Fault::new(kind, mismatch).at(number, hash);
                    let is_conflict = kind.is_conflict();
                    if is_conflict {
                        self.state().on_invalid(fault.clone(), &job);
                    }
                    source.asking.refuse(fault);
                    if is_conflict {
                        return Some(());
                    }
                }
                // Whoever sends it, it will take as long.
                Verdict::TimedOut => {
                    self.skip(task, SkipReason::TimeLimit);
                    return Some(());
                }
                Verdict::Failed(reason) => {
                    source.has_failed = true;
                    source.asking.give_up(reason);
                }
            }
            next = source.next().await;
        }
        let reason = match source.asking.verdict() {
            _ if source.has_failed => SkipReason::Failed,
            ClientError::NoPeer(_) | ClientError::UnknownBlock(_) => return None,
            _ => SkipReason::Refused,
        };
        self.skip(task, reason);
        Some(())
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
                false => audit.end_skipped(event.hash, SkipReason::NotConsistent),
            }
        }
        if noted {
            self.archive.note_executed(event.hash);
            self.emit(Event::Executed(event));
        }
    }

    /// A block was executed, and is not what its header says.
    fn on_invalid(&mut self, fault: Fault, job: &Job) {
        let number = fault.number.unwrap_or_default();
        let hash = fault.hash.unwrap_or_default();
        let record = conflict::encode(&fault, job);
        let noted = self
            .follower
            .as_mut()
            .is_some_and(|follower| follower.note_invalid(fault.clone()));
        if noted {
            self.show_invalid(fault, hash, job.input.clone());
            self.archive.cap_levels(number);
            self.unsaved_conflict = Some(record);
        }
        if let Some(audit) = &mut self.audit {
            match noted {
                true => audit.end_invalid(),
                false => audit.end_skipped(hash, SkipReason::NotConsistent),
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
