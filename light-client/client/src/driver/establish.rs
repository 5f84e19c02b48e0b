//! Finds the block to start from when the store had none: the header whose hash the rules, or the user, have pinned.

use std::sync::Arc;

use sidelight_core::{
    fault::Fault,
    header::{SignedHeader, VerifiedHeader},
    wire::{Filter, Mode, Request, Response},
};

use super::{ask::Asking, inner::Inner};
use crate::store::snapshot::{Snapshot, trust_by_hash};

/// Pauses before everybody is asked again, in milliseconds: doubled from the first, which a connection that is just opened takes, to the last.
const FIRST_PAUSE_MS: u32 = 10;
const LAST_PAUSE_MS: u32 = 320;

/// Asks until a node has the pinned header. A hash is all that is trusted, so any node may send it.
pub(super) async fn establish(inner: Arc<Inner>) {
    let mut pause_ms = FIRST_PAUSE_MS;
    while !inner.is_closed() && inner.state().follower.is_none() && inner.state().halted.is_none() {
        if let Some(start) = ask_all(&inner).await {
            let level = sidelight_core::trust::TrustLevel::Signed;
            let mut state = inner.state();
            state.snapshot = Some(Snapshot::new(&start));
            state.archive.push(start.clone(), level);
            state.anchor = if inner.trust.checkpoint.is_some() {
                "checkpoint"
            } else {
                "genesis"
            };
            drop(state);
            return inner.follow(start);
        }
        inner.platform.sleep(pause_ms).await;
        pause_ms = LAST_PAUSE_MS.min(pause_ms * 2);
    }
}

async fn ask_all(inner: &Arc<Inner>) -> Option<VerifiedHeader> {
    let rules = &inner.trust.rules;
    let hash = inner.trust.checkpoint.unwrap_or(rules.genesis_hash);
    let request = match inner.trust.checkpoint {
        None => Request::Headers { start: 0, count: 1 },
        Some(block_hash) => Request::Transition {
            block_hash,
            mode: Mode::Headers,
            filter: Filter::default(),
        },
    };
    let mut asking = Asking::new(inner.clone(), request);
    while let Some(answer) = asking.next().await {
        let signed = match answer.response {
            Response::Headers(headers) => headers.into_iter().next(),
            Response::Transition(update) => Some(update.signed_header),
            _ => None,
        };
        match signed.map(|signed| judge(inner, &signed, hash)) {
            Some(Ok(start)) => return Some(start),
            Some(Err(fault)) => asking.refuse(fault),
            None => {}
        }
    }
    None
}

fn judge(
    inner: &Inner,
    signed: &SignedHeader,
    hash: alloy_primitives::B256,
) -> Result<VerifiedHeader, Fault> {
    let now_s = inner.platform.now_ms() / 1_000;
    trust_by_hash(signed, hash, &inner.trust.rules, now_s)
        .map_err(|error| error.fault().at(signed.header.number, signed.hash()))
}
