//! The follower: a sans-IO machine that turns what peers send into a verified head. It has no clock, no network and no randomness: times are arguments, requests are returned.
//!
//! ```text
//!            on_update, on_response, on_failure                 next_event
//!  driver  ------------------------------------->  Follower  ------------->  driver
//!     ^                                               |
//!     +---------------- wanted(now): Want ------------+
//!
//!   headers                         bodies (watch, consistent)
//!
//!   announce -> verify_header       announced or asked for -> verify_watch | verify_consistent
//!     parent missing? claim,          in order, from the head up
//!     Headers range, verify_segment   bad? fault, ask another peer
//!     other block at this height?     the sequencer's own contradiction? conflict, the head stays
//!     equivocation
//!       |                                |
//!      tip: newest signed header        head: newest block that the mode's checks have passed
//! ```
//!
//! The *tip* runs ahead of the *head* by the bodies that are still missing. A gap longer than [`FollowerConfig::max_catch_up`] is not replayed: the head jumps to the tip's parent, the blocks between
//! stay `signed`, and the partial state begins anew there, because a signed parent and a witness are enough.
//!
//! Whoever sends something that a check refuses is named in [`Event::Fault`] and left alone for a time that doubles; the question goes to somebody else. Nothing that peers do makes the follower
//! panic, ask faster than its pauses allow, or hold more than its limits.

mod bodies;
mod config;
mod event;
mod execution;
mod goals;
mod headers;
mod peers;
mod tree;

pub use self::{
    config::{FollowerConfig, PeerId, Reorgs},
    event::{Contradiction, Event, VerifiedBlock, VerifiedBody, Want},
    peers::PeerStatus,
};

use self::{
    bodies::WaitingBody,
    config::Backoff,
    goals::{Flight, Goal, Goals},
    peers::{MAX_SILENCE, Peer, Peers},
    tree::Tree,
};
use crate::{
    evidence::VerifiedEvidence,
    fault::{Fault, FaultKind, Mismatch},
    header::{SignedHeader, VerifiedHeader},
    limits::MAX_HEADERS,
    rules::ChainRules,
    sorted::{SortedMap, SortedSet},
    state::PartialState,
    trust::TrustLevel,
    wire::{Body, FailureCode, Filter, Mode, Response, Update},
};
use alloc::{boxed::Box, collections::VecDeque};
use alloy_primitives::B256;

/// Follows one chain from a verified start. See the [module](self).
#[derive(Debug)]
pub struct Follower {
    rules: ChainRules,
    config: FollowerConfig,
    tree: Tree,
    /// Kept beside the tree, which forgets it when a conflict holds it back for long.
    head: VerifiedHeader,
    /// What is known of the state after `head` in [`Mode::Consistent`].
    state: PartialState,
    /// Bodies that wait for their turn, by block hash: no more than `max_catch_up` and the window.
    bodies: SortedMap<B256, WaitingBody>,
    /// The filter before the last change and until when updates may still be for it.
    old_filter: Option<(Filter, u64)>,
    peers: Peers,
    goals: Goals,
    backoff: Backoff,
    events: VecDeque<Event>,
    halted: Option<VerifiedEvidence>,
    /// The block at which the sequencer contradicts itself.
    conflict: Option<Fault>,
    /// A header that contradicts a retained one whose own signature is garbage, see `headers`.
    suspect: Option<Box<SignedHeader>>,
    /// Equivocations that were reported; their number is limited by the tree's room.
    accused: SortedSet<(u64, B256)>,
    is_stale: bool,
}

impl Follower {
    /// Follows the chain of `rules` from `start`: the genesis header or a verified checkpoint.
    pub fn new(rules: ChainRules, start: VerifiedHeader, config: FollowerConfig) -> Self {
        let most = u64::try_from(MAX_HEADERS).unwrap_or(u64::MAX);
        let retain = config.retain.clamp(1, most);
        // The block after the head must still be there when its body comes.
        let max_catch_up = config.max_catch_up.clamp(1, retain);
        let config = FollowerConfig {
            retain,
            max_catch_up,
            ..config
        };
        Self {
            tree: Tree::new(start.clone(), config.retain),
            state: PartialState::from_root(start.state_root()),
            head: start,
            backoff: Backoff::new(config.seed),
            rules,
            config,
            bodies: SortedMap::new(),
            old_filter: None,
            peers: Peers::default(),
            goals: Goals::default(),
            events: VecDeque::new(),
            halted: None,
            conflict: None,
            suspect: None,
            accused: SortedSet::new(),
            is_stale: false,
        }
    }

    /// Adds a connection.
    pub fn add_peer(&mut self, peer: PeerId, now_ms: u64) {
        self.peers.0.insert(
            peer,
            Peer {
                progress_ms: now_ms,
                ..Peer::default()
            },
        );
    }

    /// Forgets a connection; what it was asked goes to others.
    pub fn remove_peer(&mut self, peer: PeerId) {
        self.release(peer);
        self.peers.0.remove(&peer);
    }

    /// A block that a peer announces.
    pub fn on_update(&mut self, peer: PeerId, update: Update, now_ms: u64) {
        if self.halted.is_some() || !self.peers.is_usable(peer, now_ms) {
            return;
        }
        let Update {
            signed_header,
            body,
        } = update;
        if let Some(header) = self.announce(peer, &signed_header, None, now_ms) {
            self.offer_body(peer, &header, body, now_ms);
        }
        self.settle_claims(now_ms);
        self.advance(now_ms);
    }

    /// The answer to a [`Want`]. Answers that came too late are ignored.
    pub fn on_response(&mut self, want_id: u64, peer: PeerId, response: Response, now_ms: u64) {
        let Some(flight) = self.land(want_id, peer) else {
            return;
        };
        if self.halted.is_some() {
            return;
        }
        if let Some(peer) = self.peers.0.get_mut(&peer) {
            peer.silence = 0;
        }
        match (flight.goal, response) {
            (Goal::Extend | Goal::Branch(_) | Goal::Recheck { .. }, Response::Headers(headers)) => {
                self.on_headers(peer, &flight, &headers, now_ms);
            }
            (Goal::Body { number, hash }, Response::Transition(update)) => {
                self.on_transition(peer, number, hash, update, now_ms);
            }
            (Goal::Head(_), Response::Head(signed)) => {
                self.announce(peer, &signed, Some(flight.best), now_ms);
            }
            (goal, response) => {
                self.note_failure(goal, peer);
                let expected = "the kind of answer that was asked for";
                let mismatch = Mismatch::new("response.kind", expected, response.kind());
                self.fault(peer, Fault::new(FaultKind::WrongResponse, mismatch), now_ms);
            }
        }
        self.settle_claims(now_ms);
        self.advance(now_ms);
    }

    /// A [`Want`] that will not be answered: the node's failure code, or none when the connection failed or time ran out.
    pub fn on_failure(
        &mut self,
        want_id: u64,
        peer: PeerId,
        code: Option<FailureCode>,
        now_ms: u64,
    ) {
        let Some(Flight { goal, .. }) = self.land(want_id, peer) else {
            return;
        };
        self.note_failure(goal, peer);
        if matches!(goal, Goal::Extend | Goal::Branch(_)) {
            self.give_up_claim(peer, goal, now_ms);
        }
        if matches!(
            code,
            Some(FailureCode::NotFound | FailureCode::BehindHistory)
        ) {
            self.note_unavailable(goal, peer, now_ms);
            return;
        }
        let (base, max) = (self.config.retry_base_ms, self.config.retry_max_ms);
        let Some(state) = self.peers.0.get_mut(&peer) else {
            return;
        };
        state.silence = state.silence.saturating_add(1);
        if state.silence >= MAX_SILENCE {
            let silence = u64::from(state.silence);
            state.silence = 0;
            let mismatch = Mismatch::new("response", "an answer", silence);
            self.fault(peer, Fault::new(FaultKind::Unresponsive, mismatch), now_ms);
        } else {
            let pause = self.backoff.pause(state.silence, base, max);
            state.rest_until_ms = state.rest_until_ms.max(now_ms.saturating_add(pause));
        }
    }

    /// Something that the driver itself found wrong with a peer's bytes: a damaged envelope, a sequence gap, a wrong proof.
    pub fn report(&mut self, peer: PeerId, fault: Fault, now_ms: u64) {
        self.fault(peer, fault, now_ms);
    }

    /// What happened since the last call, oldest first.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Watches other accounts from the next block on.
    pub fn set_filter(&mut self, filter: Filter, now_ms: u64) {
        if filter == self.config.filter {
            return;
        }
        let until = now_ms.saturating_add(self.config.request_timeout_ms);
        let old = core::mem::replace(&mut self.config.filter, filter);
        self.old_filter = Some((old, until));
        self.forget_bodies();
    }

    /// Checks more or less of each block from the next one on.
    pub fn set_mode(&mut self, mode: Mode, now_ms: u64) {
        if mode != self.config.mode {
            self.config.mode = mode;
            self.forget_bodies();
            self.advance(now_ms);
        }
    }

    /// The newest block that the mode's checks have passed, or the start.
    pub const fn head(&self) -> &VerifiedHeader {
        &self.head
    }

    /// The newest signed header of the followed branch; the head or above it.
    pub const fn tip(&self) -> &VerifiedHeader {
        self.tree.tip()
    }

    /// The retained header with this hash, on any branch.
    pub fn header_by_hash(&self, hash: B256) -> Option<&VerifiedHeader> {
        self.tree.by_hash(hash).map(|block| &block.header)
    }

    /// The followed branch's retained header with this number.
    pub fn header_by_number(&self, number: u64) -> Option<&VerifiedHeader> {
        self.tree.at(number).map(|block| &block.header)
    }

    /// How far a block was checked; [`TrustLevel::Unverified`] if it is not retained.
    pub fn level(&self, hash: B256) -> TrustLevel {
        self.tree
            .by_hash(hash)
            .map_or(TrustLevel::Unverified, |block| block.level)
    }

    /// What is known of the state after [`head`](Self::head): something in [`Mode::Consistent`], nothing otherwise.
    pub fn state(&self) -> Option<&PartialState> {
        (self.state.clean_root() == Some(self.head.state_root())).then_some(&self.state)
    }

    /// The evidence that halted the follower.
    pub const fn halted(&self) -> Option<&VerifiedEvidence> {
        self.halted.as_ref()
    }

    /// The contradiction of the sequencer that holds the head back: a committed diff that does not give the committed root, for example.
    pub const fn conflict(&self) -> Option<&Fault> {
        self.conflict.as_ref()
    }

    /// Whether the newest header is older than the limit, as of the last [`wanted`](Self::wanted).
    pub const fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// The peers.
    pub fn peers(&self) -> impl Iterator<Item = PeerStatus> {
        self.peers.status()
    }

    /// The rules of the chain.
    pub const fn rules(&self) -> &ChainRules {
        &self.rules
    }

    /// Modes, limits and times.
    pub const fn config(&self) -> &FollowerConfig {
        &self.config
    }

    /// Age of the newest header in milliseconds.
    pub const fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.tree.tip().timestamp().saturating_mul(1_000))
    }

    /// Check 5: a head that grows old, and peers that stay behind.
    fn check_freshness(&mut self, now_ms: u64) {
        let age_ms = self.age_ms(now_ms);
        let is_stale = age_ms > self.config.stale_after_ms;
        if is_stale && !self.is_stale {
            self.events.push_back(Event::Stale { age_ms });
        }
        self.is_stale = is_stale;

        let needed = self.tree.tip().number().saturating_sub(self.config.max_lag);
        let grace = self.config.lag_grace_ms;
        let lagging = self.peers.usable(now_ms).find(|(_, peer)| {
            (1..needed).contains(&peer.best) && now_ms.saturating_sub(peer.progress_ms) > grace
        });
        if let Some((id, peer)) = lagging {
            let mismatch = Mismatch::new("head.number", needed, peer.best);
            self.fault(id, Fault::new(FaultKind::StaleHead, mismatch), now_ms);
        }
    }

    /// Reports a fault, and leaves the peer alone for a while if it is to blame.
    fn fault(&mut self, id: PeerId, fault: Fault, now_ms: u64) {
        let is_peer_fault = fault.kind.is_peer_fault();
        self.tell(id, fault);
        if is_peer_fault {
            self.punish(id, now_ms);
        }
    }

    fn tell(&mut self, id: PeerId, fault: Fault) {
        self.events.push_back(Event::Fault {
            peer: Some(id),
            fault,
        });
    }

    /// Leaves a peer alone, longer each time.
    fn punish(&mut self, id: PeerId, now_ms: u64) {
        if let Some(peer) = self.peers.0.get_mut(&id) {
            peer.faults = peer.faults.saturating_add(1);
            let (base, max) = (self.config.ban_base_ms, self.config.ban_max_ms);
            let pause = self.backoff.pause(peer.faults, base, max);
            peer.rest_until_ms = peer.rest_until_ms.max(now_ms.saturating_add(pause));
            peer.claim = None;
            // It has to show its head again, and may be lower than before.
            peer.best = 0;
        }
        self.release(id);
    }

    /// Takes back what a peer was asked and what it sent but nobody has checked.
    fn release(&mut self, id: PeerId) {
        for goal in self.goals.land_all(id) {
            self.note_failure(goal, id);
        }
        if let Some(peer) = self.peers.0.get_mut(&id) {
            peer.in_flight = 0;
        }
        self.bodies.retain(|_, body| body.peer != id);
    }

    fn land(&mut self, want_id: u64, peer: PeerId) -> Option<Flight> {
        let flight = self.goals.land(want_id, peer)?;
        if let Some(state) = self.peers.0.get_mut(&peer) {
            state.in_flight = state.in_flight.saturating_sub(1);
        }
        Some(flight)
    }

    /// A claim that its peer cannot connect. One on another branch was reported when it came.
    fn give_up_claim(&mut self, id: PeerId, goal: Goal, now_ms: u64) {
        self.drop_claim(id);
        if matches!(goal, Goal::Branch(_)) && self.config.reorgs == Reorgs::Halt {
            self.punish(id, now_ms);
        }
    }

    fn drop_claim(&mut self, peer: PeerId) {
        if let Some(peer) = self.peers.0.get_mut(&peer) {
            peer.claim = None;
        }
    }
}

/// The body of an update that says nothing about a block but its header.
impl From<SignedHeader> for Update {
    fn from(signed_header: SignedHeader) -> Self {
        Self {
            signed_header,
            body: Body::Headers,
        }
    }
}

#[cfg(test)]
mod tests;
