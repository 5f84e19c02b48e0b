//! What is known of each peer: its head, its faults, how busy it is.

use super::config::PeerId;
use crate::{header::SignedHeader, sorted::SortedMap};
use alloc::boxed::Box;

/// Verified announcements after which one old fault is forgiven.
const FORGIVE_AFTER: u32 = 64;
/// Unanswered requests in a row after which a peer counts as unresponsive.
pub(super) const MAX_SILENCE: u32 = 5;

/// A header that a peer announced and that does not connect yet.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) signed: Box<SignedHeader>,
    /// How far below the tip the branch is searched for; none while the claim is simply ahead.
    pub(super) back: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    /// Its newest announcement that was verified.
    pub(super) best: u64,
    /// When `best` changed last, or the peer came.
    pub(super) progress_ms: u64,
    /// When it announced something last.
    pub(super) heard_ms: u64,
    pub(super) claim: Option<Claim>,
    pub(super) in_flight: usize,
    pub(super) faults: u32,
    /// Failures in a row that are not faults.
    pub(super) silence: u32,
    /// Not used before.
    pub(super) rest_until_ms: u64,
    /// Verified announcements since the last forgiven fault.
    pub(super) good: u32,
}

impl Peer {
    pub(super) const fn is_usable(&self, now_ms: u64) -> bool {
        self.rest_until_ms <= now_ms
    }

    /// A verified announcement of block `number`.
    pub(super) const fn announced(&mut self, number: u64, now_ms: u64) {
        if number != self.best {
            self.best = number;
            self.progress_ms = now_ms;
        }
        self.silence = 0;
        self.good = self.good.saturating_add(1);
        if self.good >= FORGIVE_AFTER {
            self.good = 0;
            self.faults = self.faults.saturating_sub(1);
        }
    }
}

/// A peer, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// Which peer.
    pub id: PeerId,
    /// Number of its newest verified announcement.
    pub head: u64,
    /// Faults that are not forgiven yet.
    pub faults: u32,
    /// Requests that it has not answered yet.
    pub in_flight: usize,
    /// Until when it is left alone, in milliseconds since 1970; in the past for a peer in use.
    pub rest_until_ms: u64,
}

/// One entry a connection; the driver keeps a handful.
#[derive(Clone, Debug, Default)]
pub(super) struct Peers(pub(super) SortedMap<PeerId, Peer>);

impl Peers {
    pub(super) fn is_usable(&self, peer: PeerId, now_ms: u64) -> bool {
        self.0.get(&peer).is_some_and(|peer| peer.is_usable(now_ms))
    }

    pub(super) fn usable(&self, now_ms: u64) -> impl Iterator<Item = (PeerId, &Peer)> {
        self.0
            .iter()
            .filter(move |(_, peer)| peer.is_usable(now_ms))
            .map(|(id, peer)| (*id, peer))
    }

    pub(super) fn status(&self) -> impl Iterator<Item = PeerStatus> {
        self.0.iter().map(|(id, peer)| PeerStatus {
            id: *id,
            head: peer.best,
            faults: peer.faults,
            in_flight: peer.in_flight,
            rest_until_ms: peer.rest_until_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_verified_announcements_forgive_one_fault() {
        let mut peer = Peer {
            faults: 2,
            ..Peer::default()
        };
        for (at, number) in (1..=u64::from(FORGIVE_AFTER) * 3).enumerate() {
            let forgiven = at as u32 / FORGIVE_AFTER;
            assert_eq!(peer.faults, 2_u32.saturating_sub(forgiven), "{at}");
            peer.announced(number, 0);
        }
    }

    #[test]
    fn the_same_head_again_is_no_progress() {
        let mut peer = Peer::default();
        for (number, now_ms, progress_ms) in [(5, 10, 10), (5, 20, 10), (6, 30, 30), (5, 40, 40)] {
            peer.announced(number, now_ms);
            assert_eq!((peer.best, peer.progress_ms), (number, progress_ms));
        }
    }
}
