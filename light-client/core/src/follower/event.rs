//! What a follower says.

use super::config::PeerId;
use crate::{
    evidence::VerifiedEvidence,
    fault::Fault,
    header::VerifiedHeader,
    trust::TrustLevel,
    update::{VerifiedTransition, VerifiedWatch},
    wire::{Body, Request},
};
use alloc::boxed::Box;
use alloy_primitives::B256;

/// A question that the driver should put to a peer now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// Names the question in [`super::Follower::on_response`] and [`super::Follower::on_failure`]. Never zero, never used twice.
    pub id: u64,
    /// Whom to ask.
    pub peer: PeerId,
    /// What to ask.
    pub request: Request,
    /// When the follower stops waiting, in milliseconds since 1970.
    pub deadline_ms: u64,
}

/// What became of a block besides its header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifiedBody {
    /// Only the header was checked: the mode asks for no more, or the block was skipped.
    Headers,
    /// The filter's accounts.
    Watch(VerifiedWatch),
    /// The whole diff.
    Consistent(VerifiedTransition),
}

/// A block that the head has moved to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBlock {
    /// The header.
    pub header: VerifiedHeader,
    /// How far the block was checked.
    pub level: TrustLevel,
    /// What was checked besides the header.
    pub body: VerifiedBody,
    /// Who sent what was checked last.
    pub peer: Option<PeerId>,
}

/// A block that its own sequencer's commitments contradict, with all that it takes to show it to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The block before it.
    pub parent: VerifiedHeader,
    /// Its header.
    pub header: VerifiedHeader,
    /// What the header commits to, and what it takes to check that.
    pub body: Body,
    /// What the check found.
    pub fault: Fault,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The head is now this block. Blocks come in order, each once per branch.
    Verified(Box<VerifiedBlock>),
    /// The chain left a branch; the head is at most at the fork.
    Reorg {
        /// How many blocks of the old branch are gone.
        depth: u64,
        /// The old branch's newest header.
        old_head: B256,
        /// The new branch's newest header.
        new_head: B256,
    },
    /// Something was refused.
    Fault {
        /// Who sent it, if a peer did.
        peer: Option<PeerId>,
        /// What and why.
        fault: Fault,
    },
    /// The sequencer contradicts itself in one block: the head stays below it. Said once, before the fault.
    Conflict(Box<Contradiction>),
    /// The sequencer equivocated, and the follower goes on ([`super::Reorgs::Follow`]).
    Evidence(VerifiedEvidence),
    /// The sequencer equivocated, and the follower stays where it is for good ([`super::Reorgs::Halt`]).
    Halted(VerifiedEvidence),
    /// The newest header has become old. Said once, until a newer one comes.
    Stale {
        /// Its age in milliseconds.
        age_ms: u64,
    },
}
