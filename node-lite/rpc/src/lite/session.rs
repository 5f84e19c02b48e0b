//! One stream: a state machine between *hello* and the end of the connection.
//!
//! ```text
//!           hello                    set filter, credit, request
//!  Waiting --------> Live(next) <----------------------------------
//!     |                 | next_message(): update(next), gap, update(next + 1), ...
//!     +---- a message that is none, a second hello, another chain ----> Closed, after a failure with id 0
//! ```
//!
//! A session queues nothing: it knows which block comes next and builds the message when the socket can take it. A slow socket therefore costs no memory; it falls behind, and what falls
//! out of reach is skipped with a *gap*. The chain behind it has no reorganisations, so that gap reason is never sent.

use std::sync::Arc;

use node_lite_exec::SealedBlock;
use sidelight_core::wire::{
    Body, ClientMessage, FailureCode, Filter, GapReason, MessageType, Mode, NodeMessage, Update,
};

use super::encode::encode;
use super::server::{LiteServer, Refusal};

/// Most credit that a client can have, in bytes; more is cut off.
const MAX_CREDIT: u64 = 1 << 40;

/// Bounds on one session.
#[derive(Clone, Copy, Debug)]
pub struct SessionConfig {
    /// Blocks that a client which has once reached the head may fall behind before the rest is skipped.
    pub lag: u64,
}

/// What a client's message leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Messages to send now.
    pub messages: Vec<Vec<u8>>,
    /// Whether to close the connection after them.
    pub close: bool,
}

/// What the client asked for.
#[derive(Debug)]
struct Subscription {
    mode: Mode,
    filter: Filter,
    next: u64,
    seq: u64,
    credit: u64,
    /// Whether the client has been at the head once; before, it catches up and may be far behind.
    caught_up: bool,
}

/// A client's stream.
#[derive(Debug)]
pub struct Session {
    server: LiteServer,
    config: SessionConfig,
    subscription: Option<Subscription>,
    /// The second header of the block that was sent last, while the sequencer equivocates.
    sibling: Option<Update>,
    closed: bool,
}

impl Session {
    pub(super) const fn new(server: LiteServer, config: SessionConfig) -> Self {
        Self {
            server,
            config,
            subscription: None,
            sibling: None,
            closed: false,
        }
    }

    /// Whether the client has said hello.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.subscription.is_some()
    }

    /// Takes one message of the client.
    pub fn receive(&mut self, bytes: &[u8]) -> Turn {
        if self.closed {
            return Turn {
                messages: Vec::new(),
                close: true,
            };
        }
        let reply = ClientMessage::decode(bytes)
            .map_err(Refusal::from)
            .and_then(|message| self.handle(message));
        match reply {
            Ok(reply) => Turn {
                messages: reply.into_iter().collect(),
                close: false,
            },
            Err(refusal) => {
                self.closed = true;
                Turn {
                    messages: vec![self.server.encode(refusal.into_message(0))],
                    close: true,
                }
            }
        }
    }

    /// Whether [`Self::next_message`] has something to send.
    #[must_use]
    pub fn wants_send(&self) -> bool {
        let behind =
            |s: &Subscription| self.sibling.is_some() || s.next <= self.server.head().number();
        !self.closed && self.subscription.as_ref().is_some_and(behind)
    }

    /// The next update or gap, until the client is at the head.
    pub fn next_message(&mut self) -> Option<Vec<u8>> {
        if self.closed {
            return None;
        }
        let head = self.server.head().number();
        let subscription = self.subscription.as_mut()?;
        if let Some(update) = self.sibling.take() {
            let seq = subscription.take_seq();
            return Some(self.server.encode(NodeMessage::Update { seq, update }));
        }
        if subscription.next > head {
            subscription.caught_up = true;
            return None;
        }
        let oldest = self.server.chain().oldest_number().max(1);
        if subscription.next < oldest {
            return Some(
                self.server
                    .encode(subscription.skip_to(oldest, GapReason::BehindHistory)),
            );
        }
        if subscription.caught_up && head - subscription.next > self.config.lag {
            return Some(
                self.server
                    .encode(subscription.skip_to(head, GapReason::Overload)),
            );
        }
        match self.server.chain().block_by_number(subscription.next) {
            Ok(block) => {
                let bytes = subscription.update(&self.server, &block);
                self.sibling = self.server.sibling(&block).map(|signed_header| Update {
                    signed_header,
                    body: Body::Headers,
                });
                Some(bytes)
            }
            // It was pruned since `oldest` was read.
            Err(_) => Some(
                self.server
                    .encode(subscription.skip_to(head, GapReason::BehindHistory)),
            ),
        }
    }

    fn handle(&mut self, message: ClientMessage) -> Result<Option<Vec<u8>>, Refusal> {
        match message {
            ClientMessage::Request { id: 0, .. } => Err(Refusal::new(
                FailureCode::Malformed,
                "a request's id is not 0",
            )),
            ClientMessage::Request { id, request } => Ok(Some(self.server.respond(id, &request))),
            ClientMessage::Hello {
                chain_id,
                genesis_hash,
                mode,
                filter,
                next_number,
                credit,
            } => {
                if self.subscription.is_some() {
                    return Err(Refusal::new(
                        FailureCode::Malformed,
                        "hello was said before",
                    ));
                }
                self.check_chain(chain_id, genesis_hash)?;
                let head = self.server.head();
                let next = if next_number == 0 {
                    head.number().max(1)
                } else {
                    next_number
                };
                self.subscription = Some(Subscription {
                    mode,
                    filter,
                    next,
                    seq: 0,
                    credit: credit.min(MAX_CREDIT),
                    caught_up: false,
                });
                let welcome = NodeMessage::Welcome {
                    chain_id,
                    genesis_hash,
                    head_number: head.number(),
                    head_hash: head.hash,
                };
                Ok(Some(self.server.encode(welcome)))
            }
            ClientMessage::SetFilter { mode, filter } => {
                let subscription = self.subscription()?;
                subscription.mode = mode;
                subscription.filter = filter;
                Ok(None)
            }
            ClientMessage::Credit { bytes } => {
                let subscription = self.subscription()?;
                subscription.credit = subscription.credit.saturating_add(bytes).min(MAX_CREDIT);
                Ok(None)
            }
            _ => Err(Refusal::new(FailureCode::NotSupported, "unknown message")),
        }
    }

    fn subscription(&mut self) -> Result<&mut Subscription, Refusal> {
        self.subscription
            .as_mut()
            .ok_or_else(|| Refusal::new(FailureCode::Malformed, "hello comes first"))
    }

    fn check_chain(
        &self,
        chain_id: u64,
        genesis_hash: alloy_primitives::B256,
    ) -> Result<(), Refusal> {
        let rules = self.server.chain().rules();
        if (chain_id, genesis_hash) == (rules.chain_id, rules.genesis_hash) {
            return Ok(());
        }
        let text = format!(
            "expected chain {} with genesis {}, got chain {chain_id} with genesis {genesis_hash}",
            rules.chain_id, rules.genesis_hash
        );
        Err(Refusal::new(FailureCode::WrongChain, text))
    }
}

impl Subscription {
    fn take_seq(&mut self) -> u64 {
        let seq = self.seq;
        self.seq += 1;
        seq
    }

    fn skip_to(&mut self, next_number: u64, reason: GapReason) -> NodeMessage {
        let skipped = next_number.saturating_sub(self.next).max(1);
        let first_seq = self.seq;
        let last_seq = first_seq.saturating_add(skipped - 1);
        self.seq = last_seq.saturating_add(1);
        self.next = next_number;
        NodeMessage::Gap {
            first_seq,
            last_seq,
            reason,
            next_number,
        }
    }

    /// The next block in the wanted mode, or its header alone where the credit or the limits on a message do not allow more.
    fn update(&mut self, server: &LiteServer, block: &Arc<SealedBlock>) -> Vec<u8> {
        let seq = self.take_seq();
        self.next = self.next.saturating_add(1);
        if self.mode != Mode::Headers
            && let Ok(update) = server.update(block, self.mode, &self.filter)
            && let Some(bytes) = encode(&NodeMessage::Update { seq, update })
            && let Some(rest) = self.credit.checked_sub(bytes.len() as u64)
        {
            self.credit = rest;
            return server.alter(MessageType::Update, bytes);
        }
        let update = Update {
            signed_header: server.signed_header(block),
            body: Body::Headers,
        };
        server.encode(NodeMessage::Update { seq, update })
    }
}
