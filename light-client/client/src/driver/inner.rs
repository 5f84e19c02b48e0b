//! The parts that every task of a client shares, and how questions are put to nodes.

use std::sync::{Arc, Mutex, MutexGuard};

use futures::{
    channel::oneshot,
    future::{Either, select},
};
use sidelight_core::{
    fault::{Fault, FaultKind, Mismatch},
    follower::{Follower, FollowerConfig, PeerId, Want},
    header::VerifiedHeader,
    limits::MAX_ENVELOPE_BYTES,
    wire::{ClientMessage, FailureCode, Filter, NodeMessage, Request, Response},
};

use super::{
    session,
    state::{Asked, SharedStore, State, Turn, lock, wire_mode},
};
use crate::{
    dto::{Event, Mode, StorageView},
    platform::{NetError, Platform},
    store::{Backend, snapshot::TrustRoot},
    transport::Endpoint,
};

/// How long a node has for an answer, in milliseconds.
pub(crate) const REQUEST_TIMEOUT_MS: u32 = 5_000;
/// How often the clock is looked at, and the most that status events come, in milliseconds.
const TICK_MS: u32 = 250;
/// Ticks between writes to the store.
const TICKS_PER_FLUSH: u32 = 8;

pub(crate) struct Inner {
    pub(crate) platform: Arc<dyn Platform>,
    pub(crate) trust: TrustRoot,
    state: Mutex<State>,
    store: Mutex<SharedStore>,
}

/// An answer of the right kind, otherwise untrusted.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response,
    pub(crate) bytes: usize,
}

/// Why a question was not answered.
#[derive(Clone, Debug)]
pub(crate) enum AskError {
    /// It did not reach the node, or no answer came.
    Net(NetError),
    /// The node says that it cannot.
    Failure(FailureCode, String),
    /// The answer was none.
    Fault(Box<Fault>),
}

impl Inner {
    pub(crate) fn new(
        platform: Arc<dyn Platform>,
        trust: TrustRoot,
        mode: Mode,
        nodes: Vec<Endpoint>,
        filter: Filter,
        store: Box<dyn Backend>,
        why: String,
    ) -> Self {
        let storage = StorageView {
            kind: store.kind().into(),
            why,
        };
        let state = State::new(trust.rules.chain_id, mode, nodes, filter, storage);
        Self {
            platform,
            trust,
            state: Mutex::new(state),
            store: Mutex::new(Arc::from(store)),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(crate) fn store(&self) -> SharedStore {
        lock(&self.store).clone()
    }

    pub(crate) fn replace_store(&self, store: SharedStore) {
        *lock(&self.store) = store;
    }

    /// Starts the tasks: one for each node, one that finds the start, one for the clock.
    pub(crate) fn run(self: &Arc<Self>) {
        let nodes = self.state().nodes.len();
        for node in 0..nodes {
            self.platform
                .spawn(Box::pin(session::keep_connected(self.clone(), node)));
        }
        self.platform
            .spawn(Box::pin(super::establish::establish(self.clone())));
        self.platform.spawn(Box::pin(keep_time(self.clone())));
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    pub(crate) fn close(&self) {
        self.state().close();
    }

    /// Begins to follow from a verified start, with every node that is connected.
    pub(crate) fn follow(self: &Arc<Self>, start: VerifiedHeader) {
        let now_ms = self.platform.now_ms();
        let mut state = self.state();
        let config = FollowerConfig {
            mode: wire_mode(state.mode),
            filter: state.filter.clone(),
            request_timeout_ms: u64::from(REQUEST_TIMEOUT_MS) + 500,
            ban_base_ms: 2_000,
            ban_max_ms: 30_000,
            poll_ms: 1_500,
            seed: self.platform.random(),
            ..FollowerConfig::default()
        };
        let mut follower = Follower::new(self.trust.rules.clone(), start, config);
        let links = state.nodes.iter().filter_map(|node| node.link.as_ref());
        links.for_each(|link| follower.add_peer(link.peer, now_ms));
        state.follower = Some(follower);
        state.status_is_old = true;
        drop(state);
        self.pump();
    }

    /// Watches other accounts.
    pub(crate) fn set_filter(self: &Arc<Self>, filter: Filter) {
        let now_ms = self.platform.now_ms();
        let mut state = self.state();
        let message = ClientMessage::SetFilter {
            mode: wire_mode(state.mode),
            filter: filter.clone(),
        }
        .encode();
        for link in state.nodes.iter().filter_map(|node| node.link.as_ref()) {
            if let Some(outgoing) = &link.outgoing {
                let _ = outgoing.unbounded_send(message.clone());
            }
        }
        if let Some(follower) = &mut state.follower {
            follower.set_filter(filter.clone(), now_ms);
        }
        state.filter = filter;
        state.unsaved_filter = true;
        state.watched.clear();
        state.status_is_old = true;
        drop(state);
        self.pump();
    }

    /// Gives the follower something to do, and takes what comes of it.
    pub(crate) fn drive(self: &Arc<Self>, work: impl FnOnce(&mut Follower, u64)) {
        let now_ms = self.platform.now_ms();
        let began = self.platform.ticks_ms();
        let mut state = self.state();
        let mut signed = 0..0;
        if let Some(follower) = &mut state.follower {
            let above = |tip: &VerifiedHeader| tip.number().saturating_add(1);
            let first = above(follower.tip());
            work(follower, now_ms);
            signed = first..above(follower.tip());
        }
        let ms = self.platform.ticks_ms() - began;
        // New headers, with or without a body, are what the time went into; otherwise it was the bodies that are told below.
        let headers = signed.end.saturating_sub(signed.start);
        let ms_of_bodies = if headers == 0 { ms } else { 0.0 };
        signed.for_each(|number| state.add_work(number, ms / headers as f64));
        state.settle(now_ms, ms_of_bodies);
        drop(state);
        self.pump();
    }

    /// Something that is wrong with a peer's bytes.
    pub(crate) fn report(self: &Arc<Self>, peer: PeerId, fault: Fault) {
        self.drive(|follower, now_ms| follower.report(peer, fault, now_ms));
    }

    /// Asks for what the follower wants.
    pub(crate) fn pump(self: &Arc<Self>) {
        let now_ms = self.platform.now_ms();
        let mut state = self.state();
        let wants = state
            .follower
            .as_mut()
            .map(|follower| follower.wanted(now_ms))
            .unwrap_or_default();
        state.settle(now_ms, 0.0);
        let node_of = |want: &Want| {
            state.nodes.iter().position(|node| {
                node.link
                    .as_ref()
                    .is_some_and(|link| link.peer == want.peer)
            })
        };
        let wants: Vec<(Want, Option<usize>)> = wants
            .into_iter()
            .map(|want| (node_of(&want), want))
            .map(|(node, want)| (want, node))
            .collect();
        drop(state);
        for (want, node) in wants {
            self.platform
                .spawn(Box::pin(self.clone().fulfil(want, node)));
        }
        self.audit();
        self.clone().fill_watched();
        self.tell(false);
    }

    /// Tells the owner how things stand when it is due, and at once when a first head is there, when it was the newest for the first time, or when following has stopped for good.
    fn tell(&self, is_due: bool) {
        let now_ms = self.platform.now_ms();
        let mut state = self.state();
        let turn = Turn {
            has_head: state.archive.head().is_some(),
            was_synced: state.may_answer_latest(now_ms),
            is_halted: state.halted.is_some(),
        };
        if !is_due && state.told_turn == turn {
            return;
        }
        state.told_turn = turn;
        state.status_is_old = false;
        let status = state.status(now_ms);
        state.emit(Event::Status(Box::new(status)));
    }

    async fn fulfil(self: Arc<Self>, want: Want, node: Option<usize>) {
        let Want {
            id, peer, request, ..
        } = want;
        let answer = match node {
            Some(node) => self.request(node, request).await,
            None => Err(AskError::Net(NetError::Closed)),
        };
        match answer {
            Ok(Answer { response, bytes }) => {
                self.account_for(peer, &response, bytes);
                self.drive(|follower, now_ms| follower.on_response(id, peer, response, now_ms));
            }
            Err(error) => self.drive(|follower, now_ms| match error {
                AskError::Net(_) => follower.on_failure(id, peer, None, now_ms),
                AskError::Failure(code, _) => follower.on_failure(id, peer, Some(code), now_ms),
                AskError::Fault(fault) => {
                    follower.on_failure(id, peer, None, now_ms);
                    follower.report(peer, *fault, now_ms);
                }
            }),
        }
    }

    /// Notes what an answer to the follower costs, and what height it claims.
    fn account_for(&self, peer: PeerId, response: &Response, bytes: usize) {
        let bytes = bytes as u64;
        let mut state = self.state();
        match response {
            Response::Head(signed) => state.claim_height(peer, signed.header.number),
            Response::Headers(headers) => {
                let share = bytes / (headers.len() as u64).max(1);
                headers
                    .iter()
                    .for_each(|signed| state.add_cost(signed.header.number, share));
            }
            Response::Transition(update) => {
                state.add_cost(update.signed_header.header.number, bytes)
            }
            _ => {}
        }
    }

    /// Puts one question to one node and waits for the answer.
    pub(crate) async fn request(&self, node: usize, request: Request) -> Result<Answer, AskError> {
        let kind = request.kind();
        let began = self.platform.ticks_ms();
        let sent = self.send(node, request)?;
        let (response, bytes) = match sent {
            Sent::Stream { id, reply } => {
                let late = self.platform.sleep(REQUEST_TIMEOUT_MS);
                match select(reply, late).await {
                    Either::Left((Ok(answer), _)) => answer?,
                    Either::Left((Err(_), _)) => return Err(AskError::Net(NetError::Closed)),
                    Either::Right(_) => {
                        self.state().asked.retain(|asked| asked.id != id);
                        return Err(AskError::Net(NetError::Timeout(REQUEST_TIMEOUT_MS)));
                    }
                }
            }
            Sent::Post { id, url, message } => self.post(id, url, message).await?,
        };
        let mut state = self.state();
        if let Some(node) = state.nodes.get_mut(node) {
            node.score.observe(self.platform.ticks_ms() - began);
        }
        drop(state);
        match response.kind() == kind {
            true => Ok(Answer { response, bytes }),
            false => Err(AskError::Fault(Box::new(Fault::new(
                FaultKind::WrongResponse,
                Mismatch::new("response.kind", kind, response.kind()),
            )))),
        }
    }

    fn send(&self, node: usize, request: Request) -> Result<Sent, AskError> {
        let mut state = self.state();
        let id = state.next_request();
        let message = ClientMessage::Request { id, request }.encode();
        let closed = || AskError::Net(NetError::Closed);
        let node = state.nodes.get(node).ok_or_else(closed)?;
        let link = node.link.clone().ok_or_else(closed)?;
        let Some(outgoing) = link.outgoing else {
            return Ok(Sent::Post {
                id,
                url: node.endpoint.lite.clone(),
                message,
            });
        };
        outgoing.unbounded_send(message).map_err(|_| closed())?;
        let (sender, reply) = oneshot::channel();
        state.asked.push(Asked {
            id,
            peer: link.peer,
            reply: sender,
        });
        Ok(Sent::Stream { id, reply })
    }

    async fn post(
        &self,
        id: u64,
        url: String,
        message: Vec<u8>,
    ) -> Result<(Response, usize), AskError> {
        let bytes = self
            .platform
            .post(url, message, MAX_ENVELOPE_BYTES, REQUEST_TIMEOUT_MS)
            .await
            .map_err(|error| match error {
                NetError::TooLarge { limit } => AskError::Fault(Box::new(oversized(limit))),
                error => AskError::Net(error),
            })?;
        self.count_bytes(bytes.len());
        let wrong = |expected, got| {
            AskError::Fault(Box::new(Fault::new(
                FaultKind::WrongResponse,
                Mismatch::new("response.id", expected, got),
            )))
        };
        match NodeMessage::decode(&bytes) {
            Ok(NodeMessage::Response { id: got, response }) if got == id => {
                Ok((response, bytes.len()))
            }
            Ok(NodeMessage::Response { id: got, .. }) => Err(wrong(id, got)),
            Ok(NodeMessage::Failure { code, text, .. }) => Err(AskError::Failure(code, text)),
            Ok(_) => Err(wrong(id, 0)),
            Err(error) => Err(AskError::Fault(Box::new(error.fault()))),
        }
    }

    pub(crate) fn count_bytes(&self, bytes: usize) {
        let mut state = self.state();
        state.bytes = state.bytes.saturating_add(bytes as u64);
    }
}

enum Sent {
    Stream {
        id: u64,
        reply: oneshot::Receiver<Result<(Response, usize), AskError>>,
    },
    Post {
        id: u64,
        url: String,
        message: Vec<u8>,
    },
}

/// An answer that was cut off at the limit.
pub(crate) fn oversized(limit: usize) -> Fault {
    Fault::new(
        FaultKind::Oversized,
        Mismatch::new("envelope.bytes", limit, "more"),
    )
}

/// Looks at the clock: timeouts and retries of the follower, status events, writes to the store.
async fn keep_time(inner: Arc<Inner>) {
    let mut ticks = 0_u32;
    while !inner.is_closed() {
        inner.platform.sleep(TICK_MS).await;
        inner.pump();
        ticks = ticks.wrapping_add(1);
        // Ages change even when nothing happens.
        let is_due = inner.state().status_is_old || ticks.is_multiple_of(8);
        inner.tell(is_due);
        if ticks.is_multiple_of(TICKS_PER_FLUSH) {
            inner.flush().await;
        }
    }
}
