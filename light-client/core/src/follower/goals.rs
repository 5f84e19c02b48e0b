//! What the follower is missing, whom it asked, and when it asks again.
//!
//! Goals follow from the state: a goal that is no longer missing is forgotten, and so is its history. Each goal is asked of one peer at a time; after a failure of the next one at once, and when all
//! have failed, after a pause that doubles. So the number of requests is bounded by peers times rounds, whatever the peers do.

use super::{
    Follower,
    config::PeerId,
    event::Want,
    peers::{Claim, Peer},
};
use crate::{
    limits::{MAX_DECODED_BYTES, MAX_HEADERS},
    sorted::{SortedMap, SortedSet},
    wire::{Mode, Request},
};
use alloc::vec::Vec;
use alloy_primitives::B256;

/// Something that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Goal {
    /// Headers above the tip, towards a claim.
    Extend,
    /// Headers that connect this peer's claim, which is on another branch.
    Branch(PeerId),
    /// A block's body.
    Body { number: u64, hash: B256 },
    /// A retained header with a signature that can be checked.
    Recheck { number: u64 },
    /// A silent peer's head.
    Head(PeerId),
}

/// How a goal was pursued so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Pursuit {
    /// The request in flight.
    want: Option<u64>,
    not_before_ms: u64,
    round: u32,
    /// Peers that failed in this round.
    tried: SortedSet<PeerId>,
    /// Peers that say that they do not have it.
    pub(super) unavailable: SortedSet<PeerId>,
}

/// A request in flight.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) goal: Goal,
    pub(super) peer: PeerId,
    deadline_ms: u64,
    /// For headers: the first number asked for.
    pub(super) start: u64,
    /// The peer's newest announcement when it was asked.
    pub(super) best: u64,
}

/// A few entries a peer, and the window of bodies.
#[derive(Clone, Debug, Default)]
pub(super) struct Goals {
    pub(super) pursuits: SortedMap<Goal, Pursuit>,
    flights: SortedMap<u64, Flight>,
    last_id: u64,
}

impl Goals {
    /// Ends a request that `peer` was asked.
    pub(super) fn land(&mut self, id: u64, peer: PeerId) -> Option<Flight> {
        if self.flights.get(&id)?.peer != peer {
            return None;
        }
        let flight = self.flights.remove(&id)?;
        if let Some(pursuit) = self.pursuits.get_mut(&flight.goal)
            && pursuit.want == Some(id)
        {
            pursuit.want = None;
        }
        Some(flight)
    }

    /// Ends every request of a peer.
    pub(super) fn land_all(&mut self, peer: PeerId) -> Vec<Goal> {
        let flights = self.flights_where(|flight| flight.peer == peer);
        let landed = flights
            .into_iter()
            .filter_map(|(id, peer)| self.land(id, peer));
        landed.map(|flight| flight.goal).collect()
    }

    /// Requests for bodies, with the peers that were asked.
    pub(super) fn body_flights(&self) -> Vec<(u64, PeerId)> {
        self.flights_where(|flight| matches!(flight.goal, Goal::Body { .. }))
    }

    fn overdue(&self, now_ms: u64) -> Vec<(u64, PeerId)> {
        self.flights_where(|flight| flight.deadline_ms <= now_ms)
    }

    fn flights_where(&self, test: impl Fn(&Flight) -> bool) -> Vec<(u64, PeerId)> {
        let matching = self.flights.iter().filter(|(_, flight)| test(flight));
        matching.map(|(id, flight)| (*id, flight.peer)).collect()
    }

    fn next_deadline(&self) -> Option<u64> {
        self.flights.values().map(|flight| flight.deadline_ms).min()
    }
}

impl Follower {
    /// What to ask now. Call it after every input and at [`next_wake_ms`](Self::next_wake_ms); it also notices what only time brings: timeouts, lagging peers, a stale head.
    pub fn wanted(&mut self, now_ms: u64) -> Vec<Want> {
        for (id, peer) in self.goals.overdue(now_ms) {
            self.on_failure(id, peer, None, now_ms);
        }
        self.check_freshness(now_ms);
        if self.halted.is_some() {
            self.goals.pursuits.clear();
            return Vec::new();
        }
        let missing = self.list_missing(now_ms);
        self.goals
            .pursuits
            .retain(|goal, _| missing.contains_key(goal));
        missing
            .keys()
            .filter_map(|goal| self.ask(*goal, now_ms))
            .collect()
    }

    /// When [`wanted`](Self::wanted) should be called again though nothing came in, in milliseconds since 1970.
    pub fn next_wake_ms(&self, now_ms: u64) -> u64 {
        let poll = now_ms.saturating_add(self.config.poll_ms);
        let retry = self
            .goals
            .pursuits
            .values()
            .map(|pursuit| pursuit.not_before_ms);
        retry
            .filter(|at| *at > now_ms)
            .chain(self.goals.next_deadline())
            .fold(poll, u64::min)
            .max(now_ms)
    }

    fn list_missing(&self, now_ms: u64) -> SortedSet<Goal> {
        let mut missing = SortedSet::new();
        for (id, peer) in self.peers.usable(now_ms) {
            match &peer.claim {
                Some(Claim { back: None, .. }) => missing.insert(Goal::Extend, ()),
                Some(Claim { back: Some(_), .. }) => missing.insert(Goal::Branch(id), ()),
                None => false,
            };
            if now_ms.saturating_sub(peer.heard_ms) >= self.config.poll_ms {
                missing.insert(Goal::Head(id), ());
            }
        }
        if let Some(suspect) = &self.suspect {
            let number = suspect.header.number;
            missing.insert(Goal::Recheck { number }, ());
        }
        for goal in self.missing_bodies() {
            missing.insert(goal, ());
        }
        missing
    }

    /// The next bodies in order, as far as the window goes.
    fn missing_bodies(&self) -> Vec<Goal> {
        if self.config.mode == Mode::Headers || self.conflict.is_some() {
            return Vec::new();
        }
        let first = self.head.number().saturating_add(1);
        // While large bodies wait for the one before them, nothing is asked for but that one.
        let is_full = self.held_bytes() > MAX_DECODED_BYTES / 2;
        let window = if is_full {
            1
        } else {
            self.config.body_window.max(1)
        };
        let last = self.head.number().saturating_add(window);
        (first..=last)
            .map_while(|number| self.tree.at(number))
            .map(|block| (block.header.number(), block.header.hash()))
            .filter(|(_, hash)| !self.bodies.contains_key(hash))
            .map(|(number, hash)| Goal::Body { number, hash })
            .collect()
    }

    /// Turns a goal into a request, unless it is in flight, pausing, or nobody can be asked.
    fn ask(&mut self, goal: Goal, now_ms: u64) -> Option<Want> {
        if !self.goals.pursuits.contains_key(&goal) {
            self.goals.pursuits.insert(goal, Pursuit::default());
        }
        let pursuit = self.goals.pursuits.get(&goal)?;
        if pursuit.want.is_some() || pursuit.not_before_ms > now_ms {
            return None;
        }
        let tried = pursuit.tried.clone();
        let Some(peer) = self.choose_peer(goal, &tried, now_ms) else {
            if !tried.is_empty() {
                self.start_round(goal, now_ms);
            }
            return None;
        };
        let request = self.request_for(goal, peer)?;
        let id = self.goals.last_id.saturating_add(1);
        self.goals.last_id = id;
        let deadline_ms = now_ms.saturating_add(self.config.request_timeout_ms);
        let start = if let Request::Headers { start, .. } = request {
            start
        } else {
            0
        };
        let state = self.peers.0.get_mut(&peer)?;
        state.in_flight = state.in_flight.saturating_add(1);
        if goal == Goal::Head(peer) {
            state.heard_ms = now_ms;
        }
        let flight = Flight {
            goal,
            peer,
            deadline_ms,
            start,
            best: state.best,
        };
        self.goals.flights.insert(id, flight);
        self.goals.pursuits.get_mut(&goal)?.want = Some(id);
        Some(Want {
            id,
            peer,
            request,
            deadline_ms,
        })
    }

    /// Everybody failed: a pause, and then everybody may be asked again.
    fn start_round(&mut self, goal: Goal, now_ms: u64) {
        let (base, max) = (self.config.retry_base_ms, self.config.retry_max_ms);
        if let Some(pursuit) = self.goals.pursuits.get_mut(&goal) {
            pursuit.round = pursuit.round.saturating_add(1);
            let pause = self.backoff.pause(pursuit.round, base, max);
            pursuit.not_before_ms = now_ms.saturating_add(pause);
            pursuit.tried.clear();
        }
    }

    /// Notes that `peer` failed this goal, so that another one is asked first.
    pub(super) fn note_failure(&mut self, goal: Goal, peer: PeerId) {
        if let Some(pursuit) = self.goals.pursuits.get_mut(&goal) {
            pursuit.tried.insert(peer, ());
        }
    }

    /// The least burdened peer that has not failed this goal.
    fn choose_peer(&self, goal: Goal, tried: &SortedSet<PeerId>, now_ms: u64) -> Option<PeerId> {
        let suits = |id: PeerId, peer: &Peer| match goal {
            Goal::Extend => peer
                .claim
                .as_ref()
                .is_some_and(|claim| claim.back.is_none()),
            Goal::Branch(only) | Goal::Head(only) => id == only,
            Goal::Body { .. } | Goal::Recheck { .. } => true,
        };
        let needed = if let Goal::Body { number, .. } = goal {
            number
        } else {
            0
        };
        self.peers
            .usable(now_ms)
            .filter(|(id, peer)| suits(*id, peer) && !tried.contains_key(id))
            .filter(|(_, peer)| peer.in_flight < self.config.max_in_flight)
            .min_by_key(|(id, peer)| {
                (
                    peer.best < needed,
                    peer.silence,
                    peer.faults,
                    peer.in_flight,
                    *id,
                )
            })
            .map(|(id, _)| id)
    }

    fn request_for(&self, goal: Goal, peer: PeerId) -> Option<Request> {
        let most = u64::try_from(MAX_HEADERS).ok()?;
        let next = self.tree.tip().number().checked_add(1)?;
        let claim = || self.peers.0.get(&peer)?.claim.as_ref();
        match goal {
            Goal::Extend => {
                let last = claim()?.signed.header.number;
                let count = last.saturating_sub(next).saturating_add(1).min(most);
                Some(Request::Headers { start: next, count })
            }
            Goal::Branch(_) => {
                let claim = claim()?;
                let start = self.branch_start(claim.back?);
                let last = claim.signed.header.number;
                let count = last.saturating_sub(start).saturating_add(1).min(most);
                Some(Request::Headers { start, count })
            }
            Goal::Body { hash, .. } => Some(Request::Transition {
                block_hash: hash,
                mode: self.config.mode,
                filter: self.config.filter.clone(),
            }),
            Goal::Recheck { number } => Some(Request::Headers {
                start: number,
                count: 1,
            }),
            Goal::Head(_) => Some(Request::Head),
        }
    }

    /// Where a search `back` blocks below the tip begins: never at the oldest retained block, whose parent is not here.
    pub(super) fn branch_start(&self, back: u64) -> u64 {
        let next = self.tree.tip().number().saturating_add(1);
        next.saturating_sub(back)
            .max(self.tree.oldest().saturating_add(1))
    }
}
