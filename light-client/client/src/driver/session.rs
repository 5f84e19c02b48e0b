//! One node, kept connected: a WebSocket where there is one, otherwise HTTP.
//!
//! ```text
//! connecting --> streaming --(closed, silent)--> waiting --> connecting ...      waits double, with jitter
//!      \-------> polling   --(fails, or 30 s)-------^
//! ```
//!
//! Over HTTP nothing is pushed: the follower notices that the node is silent and asks for its head again and again.

use std::sync::Arc;

use futures::{
    StreamExt,
    channel::mpsc,
    future::{Either, select},
};
use sidelight_core::{
    fault::{Fault, FaultKind, Mismatch},
    follower::PeerId,
    limits::MAX_ENVELOPE_BYTES,
    wire::{ClientMessage, NodeMessage, Request, Response},
};

use super::{
    inner::{AskError, Inner, REQUEST_TIMEOUT_MS, oversized},
    state::{Link, wire_mode},
};
use crate::{
    dto::PeerState,
    platform::{NetError, Socket},
    transport::Backoff,
};

/// Bytes of updates that a node may send ahead.
const CREDIT: u64 = 8 << 20;
/// Consumed bytes after which credit is given back.
const CREDIT_STEP: u64 = 256 << 10;
/// A stream without any message for so long is dead: a live node answers the follower's polls.
const SILENCE_MS: f64 = 15_000.0;
/// How often silence is looked for, in milliseconds.
const WATCHDOG_MS: u32 = 3_000;
/// How long HTTP is used before a WebSocket is tried again, in milliseconds.
const POLLING_MS: f64 = 30_000.0;

pub(super) async fn keep_connected(inner: Arc<Inner>, node: usize) {
    let mut backoff = Backoff::default();
    while !inner.is_closed() {
        let rest = inner.rest_ms(node);
        if rest == 0 {
            inner.set_state(node, PeerState::Connecting);
            let Some(url) = inner
                .state()
                .nodes
                .get(node)
                .map(|node| node.endpoint.stream.clone())
            else {
                return;
            };
            let worked = match inner.platform.connect(url, MAX_ENVELOPE_BYTES).await {
                Ok(socket) => stream(&inner, node, socket).await,
                Err(_) => poll(&inner, node).await,
            };
            if worked {
                backoff.reset();
            }
            inner.set_state(node, PeerState::Waiting);
        }
        let wait = backoff.next_wait(inner.platform.random()).max(rest);
        inner.platform.sleep(wait).await;
    }
}

/// What is expected of a stream next.
struct Stream {
    peer: PeerId,
    next_seq: u64,
    consumed: u64,
}

/// Serves one WebSocket until it ends. True if it worked for a while.
async fn stream(inner: &Arc<Inner>, node: usize, mut socket: Box<dyn Socket>) -> bool {
    if socket.send(inner.hello()).is_err() {
        return false;
    }
    let late = inner.platform.sleep(REQUEST_TIMEOUT_MS);
    let welcome = match select(socket.receive(), late).await {
        Either::Left((Ok(message), _)) => message,
        _ => return false,
    };
    let Some(height) = inner.read_welcome(node, &welcome) else {
        return false;
    };

    let (outgoing, mut queue) = mpsc::unbounded();
    let peer = inner.link(node, Some(outgoing), height);
    let mut stream = Stream {
        peer,
        next_seq: 0,
        consumed: 0,
    };
    let mut heard_ms = inner.platform.ticks_ms();
    while inner.is_linked(node, peer) {
        enum Happened {
            Send(Option<Vec<u8>>),
            Received(Result<Vec<u8>, NetError>),
            Tick,
        }
        let watchdog = inner.platform.sleep(WATCHDOG_MS);
        let happened = match select(queue.next(), select(socket.receive(), watchdog)).await {
            Either::Left((message, _)) => Happened::Send(message),
            Either::Right((Either::Left((message, _)), _)) => Happened::Received(message),
            Either::Right((Either::Right(_), _)) => Happened::Tick,
        };
        let go_on = match happened {
            Happened::Send(Some(message)) => socket.send(message).is_ok(),
            Happened::Send(None) => false,
            Happened::Received(Ok(message)) => {
                heard_ms = inner.platform.ticks_ms();
                inner.on_message(&mut stream, &message, &mut *socket)
            }
            Happened::Received(Err(error)) => {
                inner.on_stream_error(peer, &error);
                false
            }
            Happened::Tick => inner.platform.ticks_ms() - heard_ms < SILENCE_MS,
        };
        if !go_on {
            break;
        }
    }
    inner.unlink(node, peer);
    true
}

/// Uses HTTP for a while. True if the node answered.
async fn poll(inner: &Arc<Inner>, node: usize) -> bool {
    // The link comes first, because a request needs one; the follower hears of it only if the node answers.
    let peer = inner.link_quietly(node);
    let height = match inner.request(node, Request::Head).await {
        Ok(answer) => match answer.response {
            Response::Head(signed) => signed.header.number,
            _ => 0,
        },
        Err(_) => {
            inner.unlink(node, peer);
            return false;
        }
    };
    let peer = inner.link(node, None, height);
    let until_ms = inner.platform.ticks_ms() + POLLING_MS;
    while inner.is_linked(node, peer)
        && inner.platform.ticks_ms() < until_ms
        && inner.rest_ms(node) == 0
    {
        inner.platform.sleep(WATCHDOG_MS).await;
    }
    inner.unlink(node, peer);
    true
}

impl Inner {
    fn hello(&self) -> Vec<u8> {
        let state = self.state();
        let rules = &self.trust.rules;
        let hello = ClientMessage::Hello {
            chain_id: rules.chain_id,
            genesis_hash: rules.genesis_hash,
            mode: wire_mode(state.mode),
            filter: state.filter.clone(),
            // The node's head: what lies between is asked for, many headers at once.
            next_number: 0,
            credit: CREDIT,
        };
        hello.encode()
    }

    /// The height that a node welcomes us with; none if it is not a node of this chain.
    fn read_welcome(&self, node: usize, message: &[u8]) -> Option<u64> {
        self.count_bytes(message.len());
        let rules = &self.trust.rules;
        let fault = match NodeMessage::decode(message) {
            Ok(NodeMessage::Welcome {
                chain_id,
                genesis_hash,
                head_number,
                ..
            }) => match (chain_id, genesis_hash) == (rules.chain_id, rules.genesis_hash) {
                true => return Some(head_number),
                false => Fault::new(
                    FaultKind::WrongResponse,
                    Mismatch::new("welcome.genesis_hash", rules.genesis_hash, genesis_hash),
                ),
            },
            Ok(NodeMessage::Failure { code, .. }) => Fault::new(
                FaultKind::WrongResponse,
                Mismatch::new("welcome", "welcome", code.as_str()),
            ),
            Ok(_) => Fault::new(
                FaultKind::WrongResponse,
                Mismatch::new("welcome", "welcome", "another message"),
            ),
            Err(error) => error.fault(),
        };
        self.state()
            .on_read_fault(node, &fault, self.platform.now_ms());
        None
    }

    /// Takes one message of a stream. False ends it.
    fn on_message(
        self: &Arc<Self>,
        stream: &mut Stream,
        message: &[u8],
        socket: &mut dyn Socket,
    ) -> bool {
        self.count_bytes(message.len());
        let peer = stream.peer;
        match NodeMessage::decode(message) {
            Ok(NodeMessage::Update { seq, update }) => {
                let expected = std::mem::replace(&mut stream.next_seq, seq.saturating_add(1));
                let number = update.signed_header.header.number;
                let mut state = self.state();
                state.add_cost(number, message.len() as u64);
                state.claim_height(peer, number);
                drop(state);
                self.drive(|follower, now_ms| {
                    if seq != expected {
                        let mismatch = Mismatch::new("update.seq", expected, seq);
                        follower.report(peer, Fault::new(FaultKind::SequenceGap, mismatch), now_ms);
                    }
                    follower.on_update(peer, update, now_ms);
                });
                self.give_credit(stream, message.len() as u64, socket)
            }
            Ok(NodeMessage::Gap {
                first_seq,
                last_seq,
                ..
            }) => {
                let expected = std::mem::replace(&mut stream.next_seq, last_seq.saturating_add(1));
                if first_seq != expected || last_seq < first_seq {
                    let fault = Fault::new(
                        FaultKind::SequenceGap,
                        Mismatch::new("gap.first_seq", expected, first_seq),
                    );
                    self.report(peer, fault);
                }
                true
            }
            Ok(NodeMessage::Response { id, response }) => {
                self.reply(id, peer, Ok((response, message.len())));
                true
            }
            // The connection itself failed.
            Ok(NodeMessage::Failure { id: 0, .. }) => false,
            Ok(NodeMessage::Failure { id, code, text }) => {
                self.reply(id, peer, Err(AskError::Failure(code, text)));
                true
            }
            Ok(_) => true,
            Err(error) => {
                let fault = error.fault();
                self.refuse_asked(peer, &fault);
                self.report(peer, fault);
                true
            }
        }
    }

    fn give_credit(&self, stream: &mut Stream, bytes: u64, socket: &mut dyn Socket) -> bool {
        stream.consumed = stream.consumed.saturating_add(bytes);
        if stream.consumed < CREDIT_STEP {
            return true;
        }
        let bytes = std::mem::take(&mut stream.consumed);
        socket
            .send(ClientMessage::Credit { bytes }.encode())
            .is_ok()
    }

    fn reply(&self, id: u64, peer: PeerId, answer: Result<(Response, usize), AskError>) {
        // An answer to somebody else's question, or one that came too late, answers nothing.
        if let Some(asked) = self.state().take_asked(id, peer) {
            let _ = asked.reply.send(answer);
        }
    }

    /// A message that could not be read may have been the answer to any open question.
    fn refuse_asked(&self, peer: PeerId, fault: &Fault) {
        let mut state = self.state();
        while let Some(id) = state
            .asked
            .iter()
            .find(|asked| asked.peer == peer)
            .map(|asked| asked.id)
            && let Some(asked) = state.take_asked(id, peer)
        {
            let _ = asked
                .reply
                .send(Err(AskError::Fault(Box::new(fault.clone()))));
        }
    }

    fn on_stream_error(self: &Arc<Self>, peer: PeerId, error: &NetError) {
        let fault = match error {
            NetError::TooLarge { limit } => oversized(*limit),
            NetError::NotBinary => Fault::new(
                FaultKind::BadEnvelope,
                Mismatch::new("envelope", "a binary message", "text"),
            ),
            _ => return,
        };
        self.report(peer, fault);
    }

    fn link_quietly(&self, node: usize) -> PeerId {
        let mut state = self.state();
        let peer = state.next_peer();
        if let Some(node) = state.nodes.get_mut(node) {
            node.link = Some(Link {
                peer,
                outgoing: None,
                // It has claimed nothing yet.
                met_at: u64::MAX,
            });
        }
        peer
    }

    /// A connection works from now on.
    fn link(
        self: &Arc<Self>,
        node: usize,
        outgoing: Option<mpsc::UnboundedSender<Vec<u8>>>,
        height: u64,
    ) -> PeerId {
        let now_ms = self.platform.now_ms();
        let mut state = self.state();
        let peer = state.next_peer();
        let is_closed = state.is_closed;
        if let Some(node) = state.nodes.get_mut(node)
            && !is_closed
        {
            node.state = if outgoing.is_some() {
                PeerState::Streaming
            } else {
                PeerState::Polling
            };
            node.height = Some(height);
            node.link = Some(Link {
                peer,
                outgoing,
                met_at: height,
            });
        }
        if let Some(follower) = &mut state.follower {
            follower.add_peer(peer, now_ms);
        }
        state.status_is_old = true;
        drop(state);
        self.pump();
        peer
    }

    fn unlink(self: &Arc<Self>, node: usize, peer: PeerId) {
        let mut state = self.state();
        if let Some(node) = state.nodes.get_mut(node)
            && node.link.as_ref().is_some_and(|link| link.peer == peer)
        {
            node.link = None;
        }
        // Dropping a question's reply tells its asker.
        state.asked.retain(|asked| asked.peer != peer);
        if let Some(follower) = &mut state.follower {
            follower.remove_peer(peer);
        }
        state.status_is_old = true;
        drop(state);
        self.pump();
    }

    fn is_linked(&self, node: usize, peer: PeerId) -> bool {
        let state = self.state();
        let link = state.nodes.get(node).and_then(|node| node.link.as_ref());
        !state.is_closed && link.is_some_and(|link| link.peer == peer)
    }

    fn set_state(&self, node: usize, new: PeerState) {
        let mut state = self.state();
        if let Some(node) = state.nodes.get_mut(node) {
            node.state = new;
        }
        state.status_is_old = true;
    }

    /// How long a node is to be left alone.
    fn rest_ms(&self, node: usize) -> u32 {
        let now_ms = self.platform.now_ms();
        let until_ms = self
            .state()
            .nodes
            .get(node)
            .map_or(0, |node| node.rest_until_ms);
        u32::try_from(until_ms.saturating_sub(now_ms)).unwrap_or(u32::MAX)
    }
}
