//! From announced headers to the tip: linking, back-filling, forks and equivocation (checks 2-4).

use super::{
    Follower,
    config::{PeerId, Reorgs},
    event::Event,
    goals::{Flight, Goal},
    peers::Claim,
};
use crate::{
    evidence::{Evidence, EvidenceError, SignedHash, VerifiedEvidence, verify_evidence},
    fault::{Fault, FaultKind, Mismatch},
    header::{HeaderError, SignedHeader, VerifiedHeader, link_segment, verify_header},
};
use alloc::boxed::Box;
use alloy_primitives::B256;

/// What a second header at one height turned out to be.
#[allow(
    clippy::large_enum_variant,
    reason = "it lives for one call, on the stack"
)]
enum Contradiction {
    /// The scheduled signer signed both.
    Proven(VerifiedEvidence),
    /// Our own header was covered by a later signature and carries garbage itself; the real one must be fetched before anything is proven.
    Unproven,
    /// The other header is not signed by the same signer.
    None(EvidenceError),
}

impl Follower {
    /// A header that a peer presents as its newest. Returns it if it is verified now. `best_then` is what the peer had announced when it was asked; none if it was not asked.
    pub(super) fn announce(
        &mut self,
        id: PeerId,
        signed: &SignedHeader,
        best_then: Option<u64>,
        now_ms: u64,
    ) -> Option<VerifiedHeader> {
        let (number, hash) = (signed.header.number, signed.hash());
        let peer = self.peers.0.get_mut(&id)?;
        peer.heard_ms = now_ms;
        let best = best_then.unwrap_or(peer.best);
        let known = self
            .tree
            .get(number, hash)
            .map(|block| block.header.clone());

        // Only an old block that everybody has is a stale head; an unknown one is a fork.
        let oldest = self.tree.oldest();
        if number < oldest || (known.is_some() && number < best) {
            let mismatch = Mismatch::new("head.number", best.max(oldest), number);
            let fault = Fault::new(FaultKind::StaleHead, mismatch).at(number, hash);
            self.fault(id, fault, now_ms);
            return None;
        }
        let header = match known {
            Some(header) => {
                if let Err(error) = self.check_copy(signed, &header, now_ms) {
                    self.fault(id, error.fault().at(number, hash), now_ms);
                    return None;
                }
                header
            }
            None => self.connect_one(id, signed, hash, now_ms)?,
        };
        if let Some(peer) = self.peers.0.get_mut(&id) {
            peer.announced(number, now_ms);
            peer.claim = None;
        }
        Some(header)
    }

    /// A header that is known already, in a peer's own words. The hash does not cover the signature, so the peer may have forged that.
    fn check_copy(
        &self,
        signed: &SignedHeader,
        known: &VerifiedHeader,
        now_ms: u64,
    ) -> Result<(), HeaderError> {
        let is_same = known.signed().is_none_or(|own| own == *signed);
        let parent = known.number().checked_sub(1);
        let parent = parent.and_then(|number| self.tree.get(number, signed.header.parent_hash));
        match parent {
            Some(parent) if !is_same => {
                verify_header(signed, &parent.header, &self.rules, now_ms / 1_000).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Verifies an announced header if its parent is here, and remembers it as a claim if not.
    fn connect_one(
        &mut self,
        id: PeerId,
        signed: &SignedHeader,
        hash: B256,
        now_ms: u64,
    ) -> Option<VerifiedHeader> {
        let number = signed.header.number;
        let Some(below) = number.checked_sub(1) else {
            let expected = self.rules.genesis_hash;
            let error = HeaderError::GenesisHash {
                expected,
                got: hash,
            };
            self.fault(id, error.fault().at(number, hash), now_ms);
            return None;
        };
        let parent = self.tree.get(below, signed.header.parent_hash);
        if let Some(parent) = parent {
            let verified = verify_header(signed, &parent.header, &self.rules, now_ms / 1_000);
            return match verified {
                Ok(header) => self.insert(id, header.clone(), now_ms).then_some(header),
                Err(error) => {
                    self.fault(id, error.fault().at(number, hash), now_ms);
                    None
                }
            };
        }
        let next = self.tree.tip().number().saturating_add(1);
        if number < next && !self.check_height(id, signed, now_ms) {
            return None;
        }
        if number == next
            && self.config.reorgs == Reorgs::Halt
            && !self.report_orphan(id, signed, hash, now_ms)
        {
            return None;
        }
        let back = (number <= next).then_some(1);
        if let Some(peer) = self.peers.0.get_mut(&id) {
            let back = peer.claim.as_ref().and_then(|claim| claim.back).or(back);
            peer.claim = Some(Claim {
                signed: Box::new(signed.clone()),
                back,
            });
        }
        None
    }

    /// A header that should follow our tip and does not. If the scheduled signer signed it, there is another branch, and the peer is asked for it: it may hold evidence. If not,
    /// the peer made it up. False in the second case.
    fn report_orphan(
        &mut self,
        id: PeerId,
        signed: &SignedHeader,
        hash: B256,
        now_ms: u64,
    ) -> bool {
        let tip = self.tree.tip();
        let (expected, got) = (tip.hash(), signed.header.parent_hash);
        let is_scheduled = signed.recover_signer(&self.rules) == Ok(tip.next_signer());
        let fault = HeaderError::ParentHash { expected, got }.fault();
        self.tell(id, fault.at(signed.header.number, hash));
        if !is_scheduled {
            self.punish(id, now_ms);
        }
        is_scheduled
    }

    /// Claims that the tip has caught up with are looked at again.
    pub(super) fn settle_claims(&mut self, now_ms: u64) {
        let tip = self.tree.tip().number();
        let halts = self.config.reorgs == Reorgs::Halt;
        let is_ripe = |claim: &Claim| {
            let header = &claim.signed.header;
            let parent = header.number.checked_sub(1);
            let connects =
                parent.is_some_and(|number| self.tree.get(number, header.parent_hash).is_some());
            let is_reached = header.number <= tip.saturating_add(1);
            // A block of ours at its height makes it evidence, if both are signed.
            connects || (claim.back.is_none() && is_reached) || (halts && header.number <= tip)
        };
        let ripe: alloc::vec::Vec<_> = self
            .peers
            .0
            .iter()
            .filter(|(_, peer)| peer.claim.as_ref().is_some_and(is_ripe))
            .map(|(id, _)| *id)
            .collect();
        for id in ripe {
            let claim = self.peers.0.get_mut(&id).and_then(|peer| peer.claim.take());
            if let Some(claim) = claim
                && self.halted.is_none()
            {
                self.announce(id, &claim.signed, None, now_ms);
            }
        }
    }

    /// The answer to a request for headers.
    pub(super) fn on_headers(
        &mut self,
        id: PeerId,
        flight: &Flight,
        headers: &[SignedHeader],
        now_ms: u64,
    ) {
        let numbers = flight.start..;
        let is_run = headers
            .iter()
            .zip(numbers)
            .all(|(signed, n)| signed.header.number == n);
        if headers.is_empty() || !is_run {
            let got = headers.first().map(|signed| signed.header.number);
            let mismatch = Mismatch::new("headers.start", flight.start, got);
            self.note_failure(flight.goal, id);
            self.fault(id, Fault::new(FaultKind::WrongResponse, mismatch), now_ms);
            return;
        }
        if let (Goal::Recheck { .. }, [signed, ..]) = (flight.goal, headers) {
            self.recheck(id, signed, now_ms);
            return;
        }
        let known = headers
            .iter()
            .take_while(|signed| self.tree.get(signed.header.number, signed.hash()).is_some());
        let known = known.count();
        let fresh = headers.get(known..).unwrap_or_default();
        let Some(first) = fresh.first() else {
            // Nothing new, so this is no way to the claim. The next announcement may be.
            self.note_failure(flight.goal, id);
            self.give_up_claim(id, flight.goal, now_ms);
            return;
        };
        let Some(number) = first.header.number.checked_sub(1) else {
            return;
        };
        let is_progress = match self.tree.get(number, first.header.parent_hash) {
            Some(parent) => {
                let parent = parent.header.clone();
                self.connect_segment(id, fresh, &parent, now_ms)
            }
            // The headers before it in the same answer are ours: this is no chain, and looking further down finds no more.
            None if known > 0 => {
                let before = headers.iter().take(known).last().map(SignedHeader::hash);
                let got = first.header.parent_hash;
                let mismatch = Mismatch::new("header.parent_hash", before, got);
                let fault = Fault::new(FaultKind::WrongParent, mismatch);
                self.drop_claim(id);
                self.fault(id, fault.at(first.header.number, first.hash()), now_ms);
                false
            }
            None => self.search_further(id, fresh, now_ms),
        };
        if !is_progress {
            // The same question would get the same answer.
            self.note_failure(flight.goal, id);
        }
    }

    /// True: all of them are in the tree.
    fn connect_segment(
        &mut self,
        id: PeerId,
        segment: &[SignedHeader],
        parent: &VerifiedHeader,
        now_ms: u64,
    ) -> bool {
        match link_segment(segment, parent, &self.rules, now_ms / 1_000) {
            Ok(headers) => headers
                .into_iter()
                .all(|header| self.insert(id, header, now_ms)),
            Err((at, error)) => {
                let fault = match segment.get(at) {
                    Some(signed) => error.fault().at(signed.header.number, signed.hash()),
                    None => error.fault(),
                };
                self.fault(id, fault, now_ms);
                false
            }
        }
    }

    /// Headers whose parent is not here: another branch. Its headers may be evidence already; otherwise its root is further down. True: the next question goes there.
    fn search_further(&mut self, id: PeerId, fresh: &[SignedHeader], now_ms: u64) -> bool {
        let tip = self.tree.tip().number();
        for signed in fresh.iter().filter(|signed| signed.header.number <= tip) {
            if !self.check_height(id, signed, now_ms) {
                return false;
            }
        }
        let Some(first) = fresh.first() else {
            return false;
        };
        let (number, hash) = (first.header.number, first.hash());
        let oldest = self.tree.oldest();
        if number > oldest.saturating_add(1) {
            if let Some(claim) = self
                .peers
                .0
                .get_mut(&id)
                .and_then(|peer| peer.claim.as_mut())
            {
                claim.back = Some(claim.back.unwrap_or(1).saturating_mul(2));
            }
            return true;
        }
        self.drop_claim(id);
        let expected = self.tree.at(oldest).map(|block| block.header.hash());
        let mismatch = Mismatch::new("header.parent_hash", expected, first.header.parent_hash);
        let kind = match self.config.reorgs {
            Reorgs::Follow => FaultKind::ReorgTooDeep,
            Reorgs::Halt => FaultKind::WrongParent,
        };
        let fault = Fault::new(kind, mismatch).at(number, hash);
        self.fault(id, fault, now_ms);
        false
    }

    /// Takes a verified header into the tree. False when the follower has halted or the header is not taken.
    fn insert(&mut self, id: PeerId, header: VerifiedHeader, now_ms: u64) -> bool {
        let (number, hash) = (header.number(), header.hash());
        if self.tree.get(number, hash).is_some() {
            return true;
        }
        if let Some(signed) = header.signed()
            && number <= self.tree.tip().number()
            && !self.check_height(id, &signed, now_ms)
        {
            return false;
        }
        if !self.tree.has_room() {
            let mismatch = Mismatch::new("branches", "fewer headers", number);
            let fault = Fault::new(FaultKind::ReorgTooDeep, mismatch).at(number, hash);
            self.fault(id, fault, now_ms);
            return false;
        }
        self.tree.insert(header.clone());
        if !self.tree.is_canonical(&header) && number > self.tree.tip().number() {
            self.switch_to(&header);
        }
        // In this mode a signed header is all that there is to wait for.
        self.advance_headers(Some(id));
        self.forget_pruned();
        true
    }

    /// Leaves the followed branch for the longer one that ends in `header`.
    fn switch_to(&mut self, header: &VerifiedHeader) {
        let Some(switch) = self.tree.adopt(header) else {
            return;
        };
        let old_head = switch.old_tip.hash();
        let depth = switch.old_tip.number().saturating_sub(switch.ancestor);
        if self.head.number() > switch.ancestor
            && let Some(ancestor) = self.tree.at(switch.ancestor)
        {
            self.head = ancestor.header.clone();
        }
        let is_gone = |fault: &Fault| fault.number.is_some_and(|number| number > switch.ancestor);
        if self.conflict.as_ref().is_some_and(is_gone) {
            self.conflict = None;
        }
        self.events.push_back(Event::Reorg {
            depth,
            old_head,
            new_head: header.hash(),
        });
    }

    /// Holds a header against ours at its height. False when it is not to be followed: the follower has halted, waits for a signature, or the header proves nothing.
    fn check_height(&mut self, id: PeerId, signed: &SignedHeader, now_ms: u64) -> bool {
        let (number, hash) = (signed.header.number, signed.hash());
        let Some(ours) = self.tree.at(number).map(|block| block.header.clone()) else {
            return true;
        };
        if ours.hash() == hash {
            return true;
        }
        match self.contradict(&ours, signed) {
            Contradiction::Proven(evidence) => self.accuse(evidence),
            Contradiction::Unproven => {
                self.suspect = Some(Box::new(signed.clone()));
                false
            }
            // Another branch may have other signers; the block where it leaves ours cannot.
            Contradiction::None(_) if self.config.reorgs == Reorgs::Follow => true,
            Contradiction::None(error) => {
                let error = match error {
                    EvidenceError::Signer { expected, got, .. } => {
                        HeaderError::Signer { expected, got }
                    }
                    EvidenceError::Signature { error, .. } => HeaderError::Signature(error),
                    EvidenceError::SameHash { .. } => return true,
                };
                self.fault(id, error.fault().at(number, hash), now_ms);
                false
            }
        }
    }

    fn contradict(&self, ours: &VerifiedHeader, other: &SignedHeader) -> Contradiction {
        // The start of a chain is unsigned: nothing can contradict it but a wrong chain.
        let (Some(signer), Some(signed)) = (ours.signer(), ours.signed()) else {
            let hash = ours.hash();
            return Contradiction::None(EvidenceError::SameHash { hash });
        };
        let evidence = Evidence {
            chain_id: self.rules.chain_id,
            rules_hash: self.rules.hash(),
            number: ours.number(),
            signer,
            first: SignedHash::of(other),
            second: SignedHash::of(&signed),
        };
        match verify_evidence(&evidence) {
            Ok(evidence) => Contradiction::Proven(evidence),
            Err(
                EvidenceError::Signature { side: "second", .. }
                | EvidenceError::Signer { side: "second", .. },
            ) => Contradiction::Unproven,
            Err(error) => Contradiction::None(error),
        }
    }

    /// Reports an equivocation once. False when it halts the follower.
    fn accuse(&mut self, evidence: VerifiedEvidence) -> bool {
        let claim = evidence.evidence();
        // As many as branches have room for; the sequencer may sign without end.
        let is_new =
            self.tree.has_room() && self.accused.insert((claim.number, claim.first.hash), ());
        match self.config.reorgs {
            Reorgs::Follow => {
                if is_new {
                    self.events.push_back(Event::Evidence(evidence));
                }
                true
            }
            Reorgs::Halt => {
                if self.halted.is_none() {
                    self.halted = Some(evidence.clone());
                    self.events.push_back(Event::Halted(evidence));
                }
                false
            }
        }
    }

    /// One of our headers again, this time for its signature.
    fn recheck(&mut self, id: PeerId, signed: &SignedHeader, now_ms: u64) {
        let (number, hash) = (signed.header.number, signed.hash());
        let parent = number.checked_sub(1).and_then(|n| self.tree.at(n));
        let is_ours = self
            .tree
            .at(number)
            .is_some_and(|block| block.header.hash() == hash);
        let (Some(parent), true) = (parent, is_ours) else {
            // Another header at this height: a contradiction of its own, which the announcement of it will show.
            self.note_failure(Goal::Recheck { number }, id);
            return;
        };
        match verify_header(signed, &parent.header, &self.rules, now_ms / 1_000) {
            Ok(header) => {
                self.tree.replace(header);
                if let Some(suspect) = self.suspect.take() {
                    self.check_height(id, &suspect, now_ms);
                }
            }
            Err(error) => {
                self.note_failure(Goal::Recheck { number }, id);
                self.fault(id, error.fault().at(number, hash), now_ms);
            }
        }
    }

    /// Forgets what is about blocks that are no longer retained.
    fn forget_pruned(&mut self) {
        let oldest = self.tree.oldest();
        drop(self.accused.remove_below(&(oldest, B256::ZERO)));
        self.suspect = self
            .suspect
            .take()
            .filter(|suspect| suspect.header.number > oldest);
    }
}
