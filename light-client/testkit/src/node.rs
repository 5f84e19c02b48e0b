//! A node that lies when it is told to: requests in, bytes out.

use std::sync::Arc;

use node_lite_rpc::{Lie, Lies, LiteServer, Session, SessionConfig};
use sidelight_core::wire::{ClientMessage, Filter, Mode, NodeMessage, Request};

use crate::chain::TestChain;

/// A node over a chain. Several nodes over one chain can tell different lies.
#[derive(Clone, Debug)]
pub struct LyingNode {
    server: LiteServer,
    lies: Arc<Lies>,
}

impl LyingNode {
    /// An honest node.
    #[must_use]
    pub fn new(chain: &TestChain) -> Self {
        let lies = Arc::new(Lies::default());
        Self {
            server: LiteServer::new(chain.chain().clone(), Arc::clone(&lies)),
            lies,
        }
    }

    /// Lies from now on, besides the lies that it tells already.
    pub fn lie(&self, lie: Lie) {
        self.lies
            .set(lie, true, self.server.chain().head().number());
    }

    /// Tells the truth again.
    pub fn be_honest(&self) {
        self.lies.clear();
    }

    /// Answers the body of a `POST /lite`.
    #[must_use]
    pub fn answer(&self, bytes: &[u8]) -> Vec<u8> {
        self.server.answer(bytes)
    }

    /// Asks one question; the answer as bytes.
    #[must_use]
    pub fn ask(&self, id: u64, request: Request) -> Vec<u8> {
        self.answer(&ClientMessage::Request { id, request }.encode())
    }

    /// Opens a stream and says hello. `next_number` 0 begins at the node's head.
    #[must_use]
    pub fn connect(&self, mode: Mode, filter: Filter, next_number: u64, credit: u64) -> Connection {
        let rules = self.server.chain().rules();
        let hello = ClientMessage::Hello {
            chain_id: rules.chain_id,
            genesis_hash: rules.genesis_hash,
            mode,
            filter,
            next_number,
            credit,
        };
        let mut session = self.server.session(SessionConfig { lag: 128 });
        let turn = session.receive(&hello.encode());
        assert!(
            !turn.close,
            "hello was refused: {:?}",
            turn.messages
                .first()
                .map(|bytes| NodeMessage::decode(bytes))
        );
        Connection {
            session,
            waiting: turn.messages,
        }
    }
}

/// A client's stream.
#[derive(Debug)]
pub struct Connection {
    session: Session,
    waiting: Vec<Vec<u8>>,
}

impl Connection {
    /// Everything that the node has to send until its head, the welcome first.
    pub fn receive(&mut self) -> Vec<Vec<u8>> {
        let mut messages = std::mem::take(&mut self.waiting);
        messages.extend(std::iter::from_fn(|| self.session.next_message()));
        messages
    }

    /// Sends a message to the node; its answers are received before anything else.
    pub fn send(&mut self, message: &ClientMessage) {
        self.waiting
            .extend(self.session.receive(&message.encode()).messages);
    }
}
