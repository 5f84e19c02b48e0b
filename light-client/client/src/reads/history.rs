//! Blocks older than the headers that are kept, back to genesis. ADR 0012 has the numbers behind the choice.
//!
//! ```text
//!  wanted          milestone        milestone       oldest kept ... head
//!    | <--- jump ----- | <--- jump ---- | <------------ jump --------- |      a storage proof of the history contract (EIP-2935): 8,191 blocks at most
//!    | <- run <- run <- run                                |                  headers linked by hash, 1,024 in an answer: where a jump cannot be had, and for ranges
//! ```
//!
//! A run is as good as the header above it: its hash covers them all. A jump stands on the state of a signed block, which says what its ancestors' hashes are.

use std::{collections::VecDeque, sync::Arc};

use alloy_primitives::{Address, B256, U256, address};
use sidelight_core::{
    fault::{Fault, FaultKind, Mismatch},
    header::{SignedHeader, VerifiedAncestor, VerifiedHeader, verify_ancestors, verify_header},
    limits::MAX_HEADERS,
    trust::TrustLevel as Level,
    wire::{Filter, Mode, Request, Response},
};

use super::{BlockId, Known, Origin, Way};
use crate::{
    driver::{Inner, misfit},
    error::ClientError,
    platform::BoxFuture,
    store::snapshot::trust_by_hash,
};

/// The history contract of EIP-2935, and how many ancestors it remembers.
const HISTORY: Address = address!("0x0000F90827F1C53a10cb7A02335B175320002935");
const WINDOW: u64 = 8_191;
/// Up to so many headers cost fewer bytes than a jump.
const SHORT_RUN: u64 = 16;
/// The longest run that is fetched to find one block: a jump over it was refused.
const LONGEST_RUN: u64 = 65_536;
/// Old blocks that are remembered.
const KEPT: usize = 64;

/// Old blocks that were proven last.
#[derive(Debug, Default)]
pub(crate) struct OldHeaders(VecDeque<Known>);

impl OldHeaders {
    fn find(&self, is_it: impl Fn(&VerifiedHeader) -> bool) -> Option<Known> {
        self.0.iter().find(|known| is_it(&known.header)).cloned()
    }

    fn put(&mut self, known: Known) {
        self.0.push_back(known);
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
    }

    /// The branch that they were proven under is gone.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Inner {
    /// The verified header of any block back to genesis.
    pub(crate) fn find(self: &Arc<Self>, id: BlockId) -> BoxFuture<'_, Result<Known, ClientError>> {
        Box::pin(self.search(id))
    }

    async fn search(self: &Arc<Self>, id: BlockId) -> Result<Known, ClientError> {
        let unknown = match self.resolve(id) {
            Err(error @ ClientError::UnknownBlock(_)) => error,
            other => return other,
        };
        match id {
            BlockId::Number(number) => self.ancestor(number).await?.ok_or(unknown),
            BlockId::Hash(hash) => {
                let known = self.state().old.find(|header| header.hash() == hash);
                if let Some(known) = known {
                    return Ok(known);
                }
                // Whoever has it says where it stands; that it stands there in this chain is proven.
                let Some(number) = self.hint(hash).await else {
                    return Err(unknown);
                };
                let known = self.ancestor(number).await?;
                known
                    .filter(|known| known.header.hash() == hash)
                    .ok_or(unknown)
            }
            BlockId::Latest => Err(unknown),
        }
    }

    /// The block at this height, if it is below the headers that are kept.
    pub(crate) async fn ancestor(
        self: &Arc<Self>,
        number: u64,
    ) -> Result<Option<Known>, ClientError> {
        let (head, oldest, known) = {
            let state = self.state();
            let (Some(head), Some(oldest)) = (state.archive.head(), state.archive.first()) else {
                return Err(ClientError::NotSynced);
            };
            let known = state.old.find(|header| header.number() == number);
            (head.header.clone(), oldest.header.clone(), known)
        };
        if number >= oldest.number() {
            return Ok(None);
        }
        if known.is_some() {
            return Ok(known);
        }
        if oldest.number().saturating_sub(number) <= SHORT_RUN {
            return self
                .run_down(&oldest, Way::default(), number)
                .await
                .map(Some);
        }
        let mut at = head;
        let mut way = Way::default();
        loop {
            let next = next_jump(at.number(), number);
            match self.jump(&at, next).await {
                Ok((found, bytes)) => {
                    way.bytes = way.bytes.saturating_add(bytes);
                    way.steps.push(tell_jump(&at, next));
                    if next == number {
                        return Ok(Some(self.remember(found, way)));
                    }
                    at = found;
                }
                // Nobody has that state any more: header by header, from the lowest block that is known.
                Err(ClientError::UnknownBlock(_)) => {
                    let from = if at.number() > oldest.number() {
                        &oldest
                    } else {
                        &at
                    };
                    return self.run_down(from, way, number).await.map(Some);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn remember(&self, header: VerifiedHeader, mut way: Way) -> Known {
        let signer = header.signer();
        way.steps.push(match signer {
            Some(signer) => format!("it is signed by {signer}, whose turn it was"),
            None => "its hash is pinned by the chain's rules".into(),
        });
        let known = Known {
            header,
            level: Level::Signed,
            way: Some(Arc::new(way)),
        };
        self.state().old.put(known.clone());
        known
    }

    /// What the state after `at` says of the block `number`: its hash, and then the header that has it.
    async fn jump(
        self: &Arc<Self>,
        at: &VerifiedHeader,
        number: u64,
    ) -> Result<(VerifiedHeader, u64), ClientError> {
        let slot = U256::from(number % WINDOW);
        let known = Known {
            header: at.clone(),
            level: Level::Signed,
            way: None,
        };
        let proven = self.prove(known, HISTORY, &[slot]).await?;
        let hash = proven.slot(slot).filter(|hash| !hash.is_zero());
        let hash = hash.ok_or_else(|| {
            ClientError::UnknownBlock(format!(
                "the state after block {} does not remember block {number}",
                at.number()
            ))
        })?;
        let (header, bytes) = self.fetch_header(number, B256::from(hash)).await?;
        Ok((header, bytes.saturating_add(proven.origin.bytes)))
    }

    /// The header with this number and hash, signed by the signer whom its parent names.
    async fn fetch_header(
        self: &Arc<Self>,
        number: u64,
        hash: B256,
    ) -> Result<(VerifiedHeader, u64), ClientError> {
        let start = number.saturating_sub(1);
        let count = number.saturating_sub(start).saturating_add(1);
        let mut found = None;
        let mut judge = |response| {
            let Response::Headers(headers) = response else {
                return Err(misfit());
            };
            found = Some(self.judge_pair(&headers, hash)?);
            Ok(())
        };
        let request = Request::Headers { start, count };
        let origin = self.ask(request, (number, hash), &mut judge).await?;
        let header = found.ok_or(ClientError::NotSynced)?;
        Ok((header, origin.bytes))
    }

    /// The last of a header and its parent, or the genesis header.
    fn judge_pair(&self, headers: &[SignedHeader], hash: B256) -> Result<VerifiedHeader, Fault> {
        let rules = &self.trust.rules;
        let now_s = self.platform.now_ms() / 1_000;
        let by_hash = |signed: &SignedHeader, hash| {
            trust_by_hash(signed, hash, rules, now_s).map_err(|error| error.fault())
        };
        let short = || {
            let mismatch = Mismatch::new("headers.count", "a header and its parent", headers.len());
            Fault::new(FaultKind::WrongResponse, mismatch)
        };
        let (last, before) = headers.split_last().ok_or_else(short)?;
        let got = last.hash();
        if got != hash {
            let mismatch = Mismatch::new("header.hash", hash, got);
            return Err(Fault::new(FaultKind::WrongParent, mismatch));
        }
        match before {
            [] if last.header.number == 0 => by_hash(last, hash),
            [parent] => {
                let parent = by_hash(parent, last.header.parent_hash)?;
                verify_header(last, &parent, rules, now_s).map_err(|error| error.fault())
            }
            _ => Err(short()),
        }
    }

    /// Where a node says that the block with this hash stands: a hint.
    async fn hint(self: &Arc<Self>, block_hash: B256) -> Option<u64> {
        let request = Request::Transition {
            block_hash,
            mode: Mode::Headers,
            filter: Filter::default(),
        };
        let mut found = (block_hash == self.trust.rules.genesis_hash).then_some(0);
        let mut judge = |response| match response {
            Response::Transition(update) if update.signed_header.hash() == block_hash => {
                found = Some(update.signed_header.header.number);
                Ok(())
            }
            _ => Err(misfit()),
        };
        // Whatever comes of it: what was found is all that counts.
        let _ = self.ask(request, (0, block_hash), &mut judge).await;
        found
    }

    /// Goes down from a known block to `number`, header by header.
    async fn run_down(
        self: &Arc<Self>,
        from: &VerifiedHeader,
        mut way: Way,
        number: u64,
    ) -> Result<Known, ClientError> {
        let length = from.number().saturating_sub(number);
        if length > LONGEST_RUN {
            return Err(ClientError::UnknownBlock(format!(
                "block {number} is {length} blocks below the ones that are known, and no node proves the state between"
            )));
        }
        let (mut top, mut hash) = (from.number().saturating_sub(1), from.header().parent_hash);
        loop {
            let first = top.saturating_sub(MAX_HEADERS as u64 - 1).max(number);
            let (run, origin) = self.ancestors(top, hash, first).await?;
            way.bytes = way.bytes.saturating_add(origin.bytes);
            let lowest = run
                .first()
                .map(|lowest| (lowest.hash(), lowest.header().parent_hash));
            let (lowest, parent) = lowest.unwrap_or_default();
            if first == number {
                let (header, bytes) = self.fetch_header(number, lowest).await?;
                way.bytes = way.bytes.saturating_add(bytes);
                way.steps.push(format!(
                    "{length} parent hashes lead to it from block {} of the followed chain",
                    from.number()
                ));
                return Ok(self.remember(header, way));
            }
            (top, hash) = (first.saturating_sub(1), parent);
        }
    }

    /// The headers `first..=last`, at most [`MAX_HEADERS`], where the last one's hash is known.
    pub(crate) async fn ancestors(
        self: &Arc<Self>,
        last: u64,
        block_hash: B256,
        first: u64,
    ) -> Result<(Vec<VerifiedAncestor>, Origin), ClientError> {
        let count = last.saturating_sub(first).saturating_add(1);
        let mut found = Vec::new();
        let mut judge = |response| {
            let Response::Ancestors(run) = response else {
                return Err(misfit());
            };
            found =
                verify_ancestors(run, count, last, block_hash).map_err(|error| error.fault())?;
            Ok(())
        };
        let request = Request::Ancestors { block_hash, count };
        let origin = self.ask(request, (last, block_hash), &mut judge).await?;
        let mut state = self.state();
        state.counts.headers = state.counts.headers.saturating_add(count);
        drop(state);
        Ok((found, origin))
    }
}

/// Where to jump from `at` on the way down to `wanted`: there, or to the next milestone, whose state nodes keep.
const fn next_jump(at: u64, wanted: u64) -> u64 {
    if at.saturating_sub(wanted) <= WINDOW {
        return wanted;
    }
    at.saturating_sub(1) / WINDOW * WINDOW
}

fn tell_jump(at: &VerifiedHeader, number: u64) -> String {
    format!(
        "the state after block {} has the hash of block {number} (EIP-2935), a Merkle path from its state root says so",
        at.number()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_jump_is_within_the_window_and_reaches_the_block() {
        for (head, wanted) in [
            (8_191, 0),
            (8_192, 0),
            (16_382, 0),
            (16_383, 1),
            (40_000, 8_191),
            (100_000, 7),
        ] {
            let (mut at, mut jumps) = (head, 0);
            while at != wanted {
                let next = next_jump(at, wanted);
                assert!(next < at && next >= wanted && at - next <= WINDOW);
                assert!(next == wanted || next.is_multiple_of(WINDOW));
                (at, jumps) = (next, jumps + 1);
            }
            assert!(jumps <= (head - wanted) / WINDOW + 2);
        }
    }
}
