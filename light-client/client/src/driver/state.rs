//! Everything that changes while a client runs. No I/O: inputs come in as calls, and what is to be done goes out as values.

use std::{collections::VecDeque, sync::Arc};

use alloy_primitives::{B256, Bytes};
use futures::channel::{mpsc, oneshot};
use sidelight_core::{
    fault::{Fault, FaultKind},
    follower::{Contradiction, Event as Followed, Follower, PeerId, VerifiedBlock, VerifiedBody},
    header::VerifiedHeader,
    trust::TrustLevel as Level,
    wire::{Filter, Mode as WireMode, Response},
};

use super::{archive::Archive, audit::Audit, inner::AskError, watch::WatchSet};
use crate::{
    dto::{
        BlockEvent, BlockRef, ClientState, ConflictView, Event, EvidenceView, FaultView, HeadView,
        Mode, PeerState, PeerView, ReorgEvent, Status, StorageView, TrustLevel, VerifiedCounts,
    },
    error::{ClientError, view_fault},
    files::write::write_evidence,
    reads::{Body, OldHeaders},
    store::snapshot::Snapshot,
    transport::{Endpoint, Score},
};

/// Faults that are shown.
const KEPT_FAULTS: usize = 32;
/// Blocks whose costs are remembered.
const KEPT_COSTS: usize = 1_024;
/// Blocks further behind the tip are caught up with in silence.
const SILENT_BEHIND: u64 = 64;
/// Blocks behind that still count as being at the head.
const MAX_LAG: u64 = 2;
/// Bodies that are kept.
const KEPT_BODIES: usize = 16;
/// A faulty node is left alone for so long, doubling, in milliseconds.
const REST_MS: u64 = 2_000;
const LONGEST_REST_MS: u64 = 30_000;

/// One configured node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) endpoint: Endpoint,
    pub(crate) score: Score,
    pub(crate) state: PeerState,
    /// Height that it claims.
    pub(crate) height: Option<u64>,
    pub(crate) link: Option<Link>,
    /// Not connected to before.
    pub(crate) rest_until_ms: u64,
}

/// A connection that works.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) peer: PeerId,
    /// Where messages go; none for HTTP.
    pub(crate) outgoing: Option<mpsc::UnboundedSender<Vec<u8>>>,
    /// Height that it claimed when it was met.
    pub(crate) met_at: u64,
}

/// A question on its way over a WebSocket.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) id: u64,
    pub(crate) peer: PeerId,
    pub(crate) reply: oneshot::Sender<Result<(Response, usize), AskError>>,
}

/// The bodies that were checked last.
#[derive(Debug, Default)]
pub(crate) struct Bodies(VecDeque<(B256, Body)>);

impl Bodies {
    pub(crate) fn get(&self, block: B256) -> Option<Body> {
        self.0
            .iter()
            .find(|(hash, _)| *hash == block)
            .map(|(_, body)| body.clone())
    }

    pub(crate) fn put(&mut self, block: B256, body: Body) {
        self.0.push_back((block, body));
        if self.0.len() > KEPT_BODIES {
            self.0.pop_front();
        }
    }
}

/// What a block has cost: bytes that came for it, and milliseconds that checking them took.
#[derive(Debug)]
struct Cost {
    number: u64,
    bytes: u64,
    ms: f64,
}

/// What the last status said of the things that nobody should wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    /// There is a block to start from.
    pub(crate) has_head: bool,
    /// The head was at a node's head once.
    pub(crate) was_synced: bool,
    /// Following has stopped for good.
    pub(crate) is_halted: bool,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) mode: Mode,
    pub(crate) chain_id: u64,
    pub(crate) filter: Filter,
    pub(crate) follower: Option<Follower>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) archive: Archive,
    pub(crate) watched: WatchSet,
    /// In mode `execute`.
    pub(crate) audit: Option<Audit>,
    pub(crate) snapshot: Option<Snapshot>,
    subscribers: Vec<mpsc::Sender<Event>>,
    unheard: Vec<Event>,
    pub(crate) asked: Vec<Asked>,
    pub(crate) storage: StorageView,
    pub(crate) anchor: &'static str,
    pub(crate) halted: Option<EvidenceView>,
    /// What shows the first contradiction in a block, and what executing it took.
    pub(crate) contradiction: Option<(Box<Contradiction>, Option<Bytes>)>,
    /// Evidence that is not written yet.
    pub(crate) unsaved_evidence: Option<Vec<u8>>,
    /// A block that is not valid, and all that shows it.
    pub(crate) unsaved_conflict: Option<Vec<u8>>,
    pub(crate) unsaved_filter: bool,
    pub(crate) counts: VerifiedCounts,
    pub(crate) bytes: u64,
    pub(crate) is_closed: bool,
    pub(crate) status_is_old: bool,
    pub(crate) told_turn: Turn,
    pub(crate) is_filling: bool,
    pub(crate) bodies: Bodies,
    pub(crate) old: OldHeaders,
    was_synced: bool,
    faults: VecDeque<FaultView>,
    /// What each block has cost so far: its header may come long before its body.
    costs: VecDeque<Cost>,
    last_peer: u32,
    last_request: u64,
}

impl State {
    pub(crate) fn new(
        chain_id: u64,
        mode: Mode,
        nodes: Vec<Endpoint>,
        filter: Filter,
        storage: StorageView,
    ) -> Self {
        let node = |endpoint| Node {
            endpoint,
            score: Score::default(),
            state: PeerState::Connecting,
            height: None,
            link: None,
            rest_until_ms: 0,
        };
        Self {
            mode,
            chain_id,
            filter,
            follower: None,
            nodes: nodes.into_iter().map(node).collect(),
            archive: Archive::default(),
            watched: WatchSet::default(),
            audit: None,
            snapshot: None,
            subscribers: Vec::new(),
            unheard: Vec::new(),
            asked: Vec::new(),
            storage,
            anchor: "genesis",
            halted: None,
            contradiction: None,
            unsaved_evidence: None,
            unsaved_conflict: None,
            unsaved_filter: false,
            counts: VerifiedCounts::default(),
            bytes: 0,
            is_closed: false,
            status_is_old: true,
            told_turn: Turn::default(),
            is_filling: false,
            bodies: Bodies::default(),
            old: OldHeaders::default(),
            was_synced: false,
            faults: VecDeque::new(),
            costs: VecDeque::new(),
            last_peer: 0,
            last_request: 0,
        }
    }

    /// Ends everything; what was asked is never answered.
    pub(crate) fn close(&mut self) {
        self.is_closed = true;
        self.asked.clear();
        self.nodes.iter_mut().for_each(|node| node.link = None);
        self.subscribers.clear();
        self.follower = None;
    }

    /// A number for a new connection.
    pub(crate) fn next_peer(&mut self) -> PeerId {
        self.last_peer = self.last_peer.wrapping_add(1);
        PeerId(self.last_peer)
    }

    /// A number for a new question.
    pub(crate) fn next_request(&mut self) -> u64 {
        self.last_request = self.last_request.wrapping_add(1).max(1);
        self.last_request
    }

    pub(crate) fn node_of(&mut self, peer: PeerId) -> Option<&mut Node> {
        self.nodes
            .iter_mut()
            .find(|node| node.link.as_ref().is_some_and(|link| link.peer == peer))
    }

    fn url_of(&mut self, peer: Option<PeerId>) -> String {
        let node = peer.and_then(|peer| self.node_of(peer));
        node.map_or_else(
            || "a node that has left".into(),
            |node| node.endpoint.url.clone(),
        )
    }

    /// Bytes that came for `number`, for its event.
    pub(crate) fn add_cost(&mut self, number: u64, bytes: u64) {
        self.charge(number, bytes, 0.0);
    }

    /// Time that checking the header or the body of `number` took, for its event.
    pub(crate) fn add_work(&mut self, number: u64, ms: f64) {
        self.charge(number, 0, ms);
    }

    fn charge(&mut self, number: u64, bytes: u64, ms: f64) {
        let known = self
            .costs
            .iter_mut()
            .rev()
            .find(|cost| cost.number == number);
        match known {
            Some(cost) => {
                cost.bytes = cost.bytes.saturating_add(bytes);
                cost.ms += ms;
            }
            None => self.costs.push_back(Cost { number, bytes, ms }),
        }
        if self.costs.len() > KEPT_COSTS {
            self.costs.pop_front();
        }
    }

    fn cost(&self, number: u64) -> (u64, f64) {
        self.costs
            .iter()
            .rev()
            .find(|cost| cost.number == number)
            .map_or((0, 0.0), |cost| (cost.bytes, cost.ms))
    }

    /// Takes a question whose answer has come from `peer`, or will not come.
    pub(crate) fn take_asked(&mut self, id: u64, peer: PeerId) -> Option<Asked> {
        let place = self
            .asked
            .iter()
            .position(|asked| asked.id == id && asked.peer == peer)?;
        Some(self.asked.swap_remove(place))
    }

    /// A height that a node claims: shown, and used to know when we are behind; never believed.
    pub(crate) fn claim_height(&mut self, peer: PeerId, number: u64) {
        if let Some(node) = self.node_of(peer) {
            node.height = Some(number);
        }
        self.status_is_old = true;
    }

    /// Takes what the follower has to say. `ms` is how long it has checked bodies for it.
    pub(crate) fn settle(&mut self, now_ms: u64, ms: f64) {
        let mut happened = Vec::new();
        while let Some(event) = self.follower.as_mut().and_then(Follower::next_event) {
            happened.push(event);
        }
        let blocks = happened
            .iter()
            .filter(|event| matches!(event, Followed::Verified(_)))
            .count()
            .max(1);
        for event in happened {
            self.status_is_old = true;
            match event {
                Followed::Verified(block) => self.on_verified(*block, ms / blocks as f64),
                Followed::Reorg {
                    depth,
                    old_head,
                    new_head,
                } => self.on_reorg(depth, old_head, new_head),
                Followed::Conflict(found) => self.keep_contradiction(found, None),
                Followed::Fault { peer, fault } => self.on_fault(peer, &fault, now_ms),
                Followed::Evidence(evidence) => {
                    self.unsaved_evidence = Some(evidence.evidence().encode())
                }
                Followed::Halted(evidence) => self.halt(evidence.evidence()),
                _ => {}
            }
        }
    }

    fn on_verified(&mut self, block: VerifiedBlock, ms: f64) {
        let VerifiedBlock {
            header,
            level,
            body,
            peer,
        } = block;
        self.add_work(header.number(), ms);
        let source = self.url_of(peer);
        if let Some(node) = peer.and_then(|peer| self.node_of(peer)) {
            node.score.reward();
        }
        self.counts.headers = self.counts.headers.saturating_add(1);
        let changed_accounts = match &body {
            VerifiedBody::Watch(watch) => {
                self.watched
                    .advance(&header, Some(watch.accounts()), &source);
                let changed = |account: &&_| {
                    matches!(
                        account,
                        sidelight_core::update::WatchedAccount::Changed { .. }
                    )
                };
                Some(watch.accounts().iter().filter(changed).count() as u64)
            }
            VerifiedBody::Consistent(transition) => Some(
                transition
                    .bal()
                    .changes()
                    .iter()
                    .filter(|entry| entry.has_changes())
                    .count() as u64,
            ),
            _ => {
                self.watched.advance(&header, None, &source);
                None
            }
        };
        if changed_accounts.is_some() {
            self.counts.diffs = self.counts.diffs.saturating_add(1);
        }
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.push(&header);
        }
        let above = self.follower.as_ref().map_or(0, |follower| {
            follower.tip().number().saturating_sub(header.number())
        });
        // What is skipped on the way to the first head is not news; what is skipped later is.
        let is_skipped = changed_accounts.is_none()
            && self.mode != Mode::Headers
            && above > 0
            && !self.was_synced;
        let is_far_behind = above > SILENT_BEHIND || is_skipped;
        if !is_far_behind {
            let (bytes, ms) = self.cost(header.number());
            self.emit(Event::Block(block_event(
                &header,
                level,
                changed_accounts,
                bytes,
                ms,
                source,
            )));
        }
        self.offer_to_audit(&header, level);
        self.archive.push(header, level);
    }

    /// A block that may be chosen for execution; `header` is not in the archive yet.
    fn offer_to_audit(&mut self, header: &VerifiedHeader, level: Level) {
        let Some(audit) = &mut self.audit else {
            return;
        };
        let parent = self.archive.by_hash(header.header().parent_hash);
        match parent {
            Some(parent) if level >= Level::Consistent => audit.offer(&parent.header, header),
            _ => audit.pass_over(header.number(), header.hash()),
        }
    }

    fn on_reorg(&mut self, depth: u64, old_head: B256, new_head: B256) {
        let number_of = |follower: &Follower, hash| {
            follower
                .header_by_hash(hash)
                .map_or(0, VerifiedHeader::number)
        };
        let Some(follower) = &self.follower else {
            return;
        };
        let old_head = BlockRef {
            number: number_of(follower, old_head),
            hash: old_head,
        };
        let new_head = BlockRef {
            number: number_of(follower, new_head),
            hash: new_head,
        };
        let first_gone = follower.head().number().saturating_add(1);
        self.archive.truncate_from(first_gone);
        self.old.clear();
        if let Some(audit) = &mut self.audit {
            let executed = self.archive.executed().map(|entry| BlockRef {
                number: entry.header.number(),
                hash: entry.header.hash(),
            });
            audit.truncate_from(first_gone, executed);
        }
        self.watched.clear();
        self.emit(Event::Reorg(ReorgEvent {
            depth,
            old_head,
            new_head,
        }));
    }

    /// A fault of a connection, as the follower found it.
    fn on_fault(&mut self, peer: Option<PeerId>, fault: &Fault, now_ms: u64) {
        let url = self.url_of(peer);
        if let Some(node) = peer.and_then(|peer| self.node_of(peer)) {
            node.blame(fault, now_ms);
        }
        self.tell_fault(fault, &url, now_ms);
    }

    /// A fault in an answer to one of our own reads.
    pub(crate) fn on_read_fault(&mut self, node: usize, fault: &Fault, now_ms: u64) {
        let Some(node) = self.nodes.get_mut(node) else {
            return;
        };
        let url = node.endpoint.url.clone();
        node.blame(fault, now_ms);
        self.tell_fault(fault, &url, now_ms);
    }

    /// Shows a fault; `source` is a node's address or `store`.
    pub(crate) fn tell_fault(&mut self, fault: &Fault, source: &str, now_ms: u64) {
        let view = view_fault(fault, source, now_ms);
        self.faults.push_back(view.clone());
        if self.faults.len() > KEPT_FAULTS {
            self.faults.pop_front();
        }
        self.status_is_old = true;
        self.emit(Event::Fault(view));
    }

    /// The sequencer contradicts itself: nothing of this chain is believed any further.
    pub(crate) fn halt(&mut self, evidence: &sidelight_core::evidence::Evidence) {
        self.unsaved_evidence = Some(evidence.encode());
        let view = EvidenceView {
            number: evidence.number,
            signer: evidence.signer,
            first: evidence.first.hash,
            second: evidence.second.hash,
            file: write_evidence(evidence),
        };
        self.halted = Some(view.clone());
        self.status_is_old = true;
        self.emit(Event::Halted(view));
    }

    /// Keeps what shows a contradiction to others; the first one is enough.
    pub(crate) fn keep_contradiction(&mut self, found: Box<Contradiction>, input: Option<Bytes>) {
        self.status_is_old = true;
        self.contradiction.get_or_insert((found, input));
    }

    /// The block in which the sequencer contradicts itself.
    fn conflict_view(&self) -> Option<ConflictView> {
        let fault = match &self.halted {
            Some(evidence) => {
                return Some(ConflictView {
                    kind: FaultKind::Equivocation.as_str().into(),
                    number: evidence.number,
                    has_evidence: true,
                });
            }
            None => self.follower.as_ref()?.conflict()?,
        };
        Some(ConflictView {
            kind: fault.kind().into(),
            number: fault.number.unwrap_or_default(),
            has_evidence: self.contradiction.is_some(),
        })
    }

    /// Why nothing is answered, in state `conflict`.
    pub(crate) fn conflict_error(&self) -> Option<ClientError> {
        let halted = self.halted.as_ref().map(|evidence| {
            let mismatch = sidelight_core::fault::Mismatch::new(
                "header.hash",
                evidence.first,
                evidence.second,
            );
            Fault {
                number: Some(evidence.number),
                ..Fault::new(FaultKind::Equivocation, mismatch)
            }
        });
        let fault = halted.or_else(|| self.follower.as_ref()?.conflict().cloned())?;
        Some(ClientError::Verification {
            fault: Box::new(fault),
            peer: "sequencer".into(),
        })
    }

    /// A new listener; the first one also hears what happened before there was any.
    pub(crate) fn subscribe(&mut self, mut subscriber: mpsc::Sender<Event>) {
        for event in std::mem::take(&mut self.unheard) {
            // The channel is empty and longer than this list can be.
            let _ = subscriber.try_send(event);
        }
        self.subscribers.push(subscriber);
    }

    pub(crate) fn emit(&mut self, event: Event) {
        if self.subscribers.is_empty()
            && self.unheard.len() < KEPT_FAULTS
            && matches!(event, Event::Fault(_) | Event::Halted(_))
        {
            self.unheard.push(event.clone());
        }
        // A subscriber that is gone, or too slow, is dropped.
        self.subscribers
            .retain_mut(|subscriber| subscriber.try_send(event.clone()).is_ok());
    }

    /// The head that values are read after.
    pub(crate) fn head(&self) -> Option<&VerifiedHeader> {
        Some(&self.archive.head()?.header)
    }

    pub(crate) fn status(&mut self, now_ms: u64) -> Status {
        let state = self.client_state(now_ms);
        self.was_synced |= matches!(state, ClientState::Live | ClientState::Stale);
        let head = self.archive.head().map(|entry| HeadView {
            number: entry.header.number(),
            hash: entry.header.hash(),
            level: view_level(entry.level),
            timestamp: entry.header.timestamp(),
            age_ms: age_ms(&entry.header, now_ms),
        });
        Status {
            chain_id: self.chain_id,
            mode: self.mode,
            state,
            head,
            peers: self
                .nodes
                .iter()
                .map(|node| node.view(self.follower.as_ref(), now_ms))
                .collect(),
            storage: self.storage.clone(),
            bytes: self.bytes,
            verified: self.counts,
            faults: self.faults.iter().cloned().collect(),
            halted: self.halted.clone(),
            conflict: self.conflict_view(),
            watching: self.filter.accounts().len() as u64,
            anchor: self.anchor.into(),
            executed: self.audit.as_ref().map(Audit::view),
        }
    }

    /// Whether the newest block here may be called the newest: it was at a node's head once, or there is nobody to ask and its age is shown.
    pub(crate) fn may_answer_latest(&mut self, now_ms: u64) -> bool {
        let state = self.client_state(now_ms);
        self.was_synced |= matches!(state, ClientState::Live | ClientState::Stale);
        self.was_synced || state == ClientState::Offline
    }

    /// The newest header is older than what passes for "now".
    pub(crate) fn is_stale(&self, now_ms: u64) -> bool {
        let limit_ms = self
            .follower
            .as_ref()
            .map_or(0, |follower| follower.config().stale_after_ms);
        self.head()
            .is_none_or(|head| age_ms(head, now_ms) > limit_ms)
    }

    fn client_state(&self, now_ms: u64) -> ClientState {
        if self.halted.is_some()
            || self
                .follower
                .as_ref()
                .is_some_and(|follower| follower.conflict().is_some())
        {
            return ClientState::Conflict;
        }
        if self.is_closed {
            return ClientState::Halted;
        }
        let mut linked = self
            .nodes
            .iter()
            .filter(|node| node.link.is_some())
            .peekable();
        if linked.peek().is_none() {
            let has_failed = self
                .nodes
                .iter()
                .any(|node| node.state == PeerState::Waiting);
            return if has_failed {
                ClientState::Offline
            } else {
                ClientState::Starting
            };
        }
        let Some(follower) = &self.follower else {
            return ClientState::Starting;
        };
        // A block or two on their way are no reason to flicker, but the first head is what a node had when it was met.
        let head = follower.head().number();
        let near = head.saturating_add(MAX_LAG);
        let is_met = |link: &Link| self.was_synced || link.met_at <= head;
        // A node that claims too much cannot hold the state back alone, and neither can one that lags.
        let is_behind = near < follower.tip().number()
            || !linked.any(|node| {
                node.height.is_some_and(|height| height <= near)
                    && node.link.as_ref().is_some_and(is_met)
            });
        match (
            is_behind,
            follower.age_ms(now_ms) > follower.config().stale_after_ms,
        ) {
            (true, _) => ClientState::Syncing,
            (false, true) => ClientState::Stale,
            (false, false) => ClientState::Live,
        }
    }
}

impl Node {
    /// Counts a fault, and rests the node after a lie.
    fn blame(&mut self, fault: &Fault, now_ms: u64) {
        if fault.kind == FaultKind::Unresponsive {
            return self.score.miss();
        }
        if !fault.kind.is_peer_fault() {
            return;
        }
        self.score.fault();
        let factor = 1_u64
            .checked_shl(self.score.faults.saturating_sub(1))
            .unwrap_or(u64::MAX);
        self.rest_until_ms =
            now_ms.saturating_add(REST_MS.saturating_mul(factor).min(LONGEST_REST_MS));
    }

    fn view(&self, follower: Option<&Follower>, now_ms: u64) -> PeerView {
        let is_resting = |link: &Link| {
            let mut peers = follower?.peers();
            peers
                .find(|peer| peer.id == link.peer)
                .map(|peer| peer.faults > 0 && peer.rest_until_ms > now_ms)
        };
        let is_banned =
            self.score.is_banned() || self.link.as_ref().and_then(is_resting).unwrap_or(false);
        PeerView {
            url: self.endpoint.url.clone(),
            state: if is_banned {
                PeerState::Banned
            } else {
                self.state
            },
            score: self.score.value,
            height: self.height,
            faults: self.score.faults,
            latency_ms: self.score.latency_ms,
        }
    }
}

fn block_event(
    header: &VerifiedHeader,
    level: Level,
    changed_accounts: Option<u64>,
    bytes: u64,
    ms: f64,
    peer: String,
) -> BlockEvent {
    let fields = header.header();
    BlockEvent {
        number: header.number(),
        hash: header.hash(),
        parent_hash: fields.parent_hash,
        timestamp: fields.timestamp,
        level: view_level(level),
        tx_count: None,
        gas_used: fields.gas_used,
        gas_limit: fields.gas_limit,
        base_fee: alloy_primitives::U256::from(fields.base_fee_per_gas.unwrap_or_default()),
        bytes,
        ms: (ms * 1_000.0).round() / 1_000.0,
        peer,
        changed_accounts,
    }
}

/// Milliseconds since a block's timestamp.
pub(crate) fn age_ms(header: &VerifiedHeader, now_ms: u64) -> u64 {
    now_ms.saturating_sub(header.timestamp().saturating_mul(1_000))
}

/// The core's level in the words of the outside.
pub(crate) const fn view_level(level: Level) -> TrustLevel {
    match level {
        Level::Signed => TrustLevel::Signed,
        Level::Consistent => TrustLevel::Consistent,
        Level::Executed => TrustLevel::Executed,
        Level::Proven => TrustLevel::Proven,
        _ => TrustLevel::Unverified,
    }
}

/// The core's mode.
pub(crate) const fn wire_mode(mode: Mode) -> WireMode {
    match mode {
        Mode::Headers => WireMode::Headers,
        Mode::Watch => WireMode::Watch,
        Mode::Consistent | Mode::Execute => WireMode::Consistent,
    }
}

/// A lock that a panic elsewhere has not made useless.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Shared by sessions and reads.
pub(crate) type SharedStore = Arc<dyn crate::store::Backend>;
