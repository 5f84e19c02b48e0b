//! From the tip to the head: bodies, checked one after another (checks 6-10).

use super::{
    Follower,
    config::PeerId,
    event::{Contradiction, Event, VerifiedBlock, VerifiedBody},
    goals::Goal,
};
use crate::{
    fault::{Fault, FaultKind, Mismatch},
    header::VerifiedHeader,
    limits::MAX_DECODED_BYTES,
    state::PartialState,
    trust::TrustLevel,
    update::{UpdateError, verify_consistent_body, verify_watch_body},
    wire::{Body, Mode, Update, Watched},
};
use alloc::boxed::Box;
use alloy_primitives::{Address, B256, Bytes};

/// How many blocks apart the partial state is pruned.
const PRUNE_EVERY: u64 = 32;

/// A body whose turn has not come.
#[derive(Clone, Debug)]
pub(super) struct WaitingBody {
    pub(super) peer: PeerId,
    body: Body,
    size: usize,
}

impl Follower {
    /// Keeps an announced body until its turn. Bodies of another mode or filter are no fault: a node without credit sends headers, and a change of the filter takes a while to arrive.
    pub(super) fn offer_body(
        &mut self,
        peer: PeerId,
        header: &VerifiedHeader,
        body: Body,
        now_ms: u64,
    ) {
        let most = usize::try_from(self.config.max_catch_up)
            .unwrap_or(usize::MAX)
            .max(1);
        let is_next = header.header().parent_hash == self.head.hash();
        let has_room = self.bodies.len() < most
            && self.held_bytes().saturating_add(size_of_body(&body)) <= MAX_DECODED_BYTES;
        if body.mode() == self.config.mode
            && !self.is_for_old_filter(&body, now_ms)
            && (is_next || has_room)
        {
            self.keep_body(peer, header, body);
        }
    }

    /// The answer to a request for a body. It is kept whatever its size: no more than the window are asked for.
    pub(super) fn on_transition(
        &mut self,
        peer: PeerId,
        number: u64,
        hash: B256,
        update: Update,
        now_ms: u64,
    ) {
        let (expected, got) = (self.config.mode, update.mode());
        let got_hash = update.signed_header.hash();
        let mismatch = if got_hash != hash {
            Mismatch::new("transition.block_hash", hash, got_hash)
        } else if got != expected {
            Mismatch::new("transition.mode", expected.as_str(), got.as_str())
        } else {
            let header = self
                .tree
                .get(number, hash)
                .map(|block| block.header.clone());
            if let Some(header) = header {
                self.keep_body(peer, &header, update.body);
            }
            return;
        };
        self.note_failure(Goal::Body { number, hash }, peer);
        let fault = Fault::new(FaultKind::WrongResponse, mismatch).at(number, hash);
        self.fault(peer, fault, now_ms);
    }

    fn keep_body(&mut self, peer: PeerId, header: &VerifiedHeader, body: Body) {
        let is_wanted = self.config.mode != Mode::Headers
            && self.conflict.is_none()
            && header.number() > self.head.number()
            && self.tree.is_canonical(header)
            && !self.bodies.contains_key(&header.hash());
        if is_wanted {
            let size = size_of_body(&body);
            self.bodies
                .insert(header.hash(), WaitingBody { peer, body, size });
        }
    }

    /// About how much memory waiting bodies take, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        self.bodies
            .values()
            .fold(0_usize, |sum, body| sum.saturating_add(body.size))
    }

    /// Moves the head as far as bodies allow.
    pub(super) fn advance(&mut self, now_ms: u64) {
        if self.config.mode == Mode::Headers {
            self.advance_headers(None);
            return;
        }
        while self.halted.is_none() && self.conflict.is_none() {
            let lag = self.tree.tip().number().saturating_sub(self.head.number());
            if lag > self.config.max_catch_up {
                self.walk_head(self.tree.tip().number().saturating_sub(1), None);
            }
            let next = self
                .head
                .number()
                .checked_add(1)
                .and_then(|number| self.tree.at(number));
            let Some(next) = next.map(|block| block.header.clone()) else {
                break;
            };
            let Some(waiting) = self.bodies.remove(&next.hash()) else {
                break;
            };
            if !self.check_body(&next, &waiting, now_ms) {
                break;
            }
        }
        let head = self.head.number();
        self.bodies.retain(|hash, _| {
            self.tree
                .by_hash(*hash)
                .is_some_and(|block| block.header.number() > head)
        });
    }

    /// In [`Mode::Headers`] the head is the tip.
    pub(super) fn advance_headers(&mut self, peer: Option<PeerId>) {
        if self.config.mode != Mode::Headers {
            return;
        }
        self.walk_head(self.tree.tip().number(), peer);
    }

    /// Moves the head to block `number` without bodies: these blocks stay `signed`.
    fn walk_head(&mut self, number: u64, peer: Option<PeerId>) {
        let first = self.head.number().saturating_add(1).max(self.tree.oldest());
        for number in first..=number {
            let Some(header) = self.tree.at(number).map(|block| block.header.clone()) else {
                continue;
            };
            self.move_head(header, TrustLevel::Signed, VerifiedBody::Headers, peer);
        }
    }

    /// Checks the next block's body. True when the head has moved to it.
    fn check_body(&mut self, next: &VerifiedHeader, waiting: &WaitingBody, now_ms: u64) -> bool {
        let WaitingBody { peer, body, .. } = waiting;
        let verified = match self.config.mode {
            Mode::Watch => verify_watch_body(body, next, &self.config.filter)
                .map(|watch| (TrustLevel::Signed, VerifiedBody::Watch(watch))),
            _ => self
                .apply_body(next, body)
                .map(|body| (TrustLevel::Consistent, body)),
        };
        match verified {
            Ok((level, body)) => {
                self.move_head(next.clone(), level, body, Some(*peer));
                if self.config.mode == Mode::Consistent && next.number().is_multiple_of(PRUNE_EVERY)
                {
                    let keep_since = next.number().saturating_sub(self.config.keep_nodes_for);
                    let _ = self.state.prune(keep_since);
                }
                true
            }
            Err(error) => {
                let fault = error.fault(next);
                if fault.kind.is_conflict() {
                    self.conflict = Some(fault.clone());
                    let contradiction = Contradiction {
                        parent: self.head.clone(),
                        header: next.clone(),
                        body: body.clone(),
                        fault: fault.clone(),
                    };
                    self.events
                        .push_back(Event::Conflict(Box::new(contradiction)));
                }
                self.note_failure(
                    Goal::Body {
                        number: next.number(),
                        hash: next.hash(),
                    },
                    *peer,
                );
                self.fault(*peer, fault, now_ms);
                false
            }
        }
    }

    /// Applies a body to the state after the head, of which nothing is known if the head came without a body.
    fn apply_body(
        &mut self,
        next: &VerifiedHeader,
        body: &Body,
    ) -> Result<VerifiedBody, UpdateError> {
        if self.state.root() != self.head.state_root() {
            self.state = PartialState::from_root(self.head.state_root());
        }
        verify_consistent_body(body, next, &self.head, &mut self.state)
            .map(VerifiedBody::Consistent)
    }

    fn move_head(
        &mut self,
        header: VerifiedHeader,
        level: TrustLevel,
        body: VerifiedBody,
        peer: Option<PeerId>,
    ) {
        self.tree.set_level(&header, level);
        self.head = header.clone();
        let block = VerifiedBlock {
            header,
            level,
            body,
            peer,
        };
        self.events.push_back(Event::Verified(Box::new(block)));
    }

    /// A peer says that it does not have something. When nobody has the next block's body, the block stays `signed`, and the head goes on.
    pub(super) fn note_unavailable(&mut self, goal: Goal, peer: PeerId, now_ms: u64) {
        let Goal::Body { number, hash } = goal else {
            return;
        };
        let Some(pursuit) = self.goals.pursuits.get_mut(&goal) else {
            return;
        };
        pursuit.unavailable.insert(peer, ());
        let lacks = |id: &PeerId| pursuit.unavailable.contains_key(id);
        let nobody_has_it = self.peers.usable(now_ms).all(|(id, _)| lacks(&id));
        let next = self
            .head
            .number()
            .checked_add(1)
            .and_then(|number| self.tree.at(number));
        let is_next = next.is_some_and(|block| block.header.hash() == hash);
        if nobody_has_it && is_next && number < self.tree.tip().number() {
            self.walk_head(number, None);
            self.advance(now_ms);
        }
    }

    /// Whether a watch body covers the filter from before the last change.
    fn is_for_old_filter(&self, body: &Body, now_ms: u64) -> bool {
        let (Some((old, until)), Body::Watch { watched, .. }) = (&self.old_filter, body) else {
            return false;
        };
        let covers = |filter: &crate::wire::Filter| {
            let wanted = filter.accounts().iter().map(|account| account.address);
            watched.iter().map(Watched::address).eq(wanted)
        };
        now_ms < *until && covers(old) && !covers(&self.config.filter)
    }

    /// Forgets bodies and questions for them that another mode or filter asked for.
    pub(super) fn forget_bodies(&mut self) {
        self.bodies.clear();
        for (id, peer) in self.goals.body_flights() {
            self.land(id, peer);
        }
        self.goals
            .pursuits
            .retain(|goal, _| !matches!(goal, Goal::Body { .. }));
    }
}

/// About how much memory a body takes, in bytes.
fn size_of_body(body: &Body) -> usize {
    let of_nodes = |nodes: &[Bytes]| {
        nodes.iter().fold(0_usize, |sum, node| {
            sum.saturating_add(node.len().saturating_add(32))
        })
    };
    match body {
        Body::Headers => 0,
        Body::Watch { watched, nodes } => watched.iter().fold(of_nodes(nodes), |sum, watched| {
            let entry = match watched {
                Watched::Present { entry, .. } => alloy_rlp::Encodable::length(entry),
                Watched::Absent { .. } => 0,
            };
            sum.saturating_add(entry)
                .saturating_add(size_of::<Address>())
        }),
        Body::Consistent { bal, nodes } => of_nodes(nodes).saturating_add(bal.len()),
    }
}
