//! A client without sockets: a follower, the nodes that it is connected to, and a clock that the test moves.

use sidelight_core::follower::{Event, Follower, FollowerConfig, PeerId, Want};
use sidelight_core::header::VerifiedHeader;
use sidelight_core::wire::{Filter, Mode, NodeMessage};

use crate::chain::TestChain;
use crate::node::{Connection, LyingNode};

/// Credit that a tab gives at once: it never runs out in a test.
const CREDIT: u64 = 1 << 30;
/// Rounds of questions and answers until a tab must have come to rest.
const MAX_ROUNDS: usize = 1_000;

/// A client that follows a test chain from genesis.
#[derive(Debug)]
pub struct Tab {
    follower: Follower,
    peers: Vec<(PeerId, LyingNode, Connection)>,
    now_ms: u64,
}

impl Tab {
    /// A tab that knows the rules of `chain` and nothing else.
    #[must_use]
    pub fn new(chain: &TestChain, mode: Mode, filter: Filter) -> Self {
        Self::with_config(
            chain,
            FollowerConfig {
                mode,
                filter,
                ..FollowerConfig::default()
            },
        )
    }

    /// As [`Self::new`], with other settings than the defaults.
    #[must_use]
    pub fn with_config(chain: &TestChain, config: FollowerConfig) -> Self {
        let genesis = chain.chain().block_by_number(0).unwrap();
        let rules = chain.chain().rules().clone();
        let start = VerifiedHeader::genesis(genesis.header().clone(), &rules).unwrap();
        Self {
            follower: Follower::new(rules, start, config),
            peers: Vec::new(),
            now_ms: 0,
        }
    }

    /// The follower.
    #[must_use]
    pub const fn follower(&self) -> &Follower {
        &self.follower
    }

    /// Connects to a node, whose stream begins at block 1.
    pub fn join(&mut self, node: &LyingNode) -> PeerId {
        let id = PeerId(self.peers.len() as u32 + 1);
        let config = self.follower.config();
        let connection = node.connect(config.mode, config.filter.clone(), 1, CREDIT);
        self.follower.add_peer(id, self.now_ms);
        self.peers.push((id, node.clone(), connection));
        id
    }

    /// Moves the clock.
    pub fn set_time(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
    }

    /// Takes what the nodes send, asks what the follower wants, until both are at rest. Returns what happened.
    pub fn run(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..MAX_ROUNDS {
            let mut is_quiet = true;
            for index in 0..self.peers.len() {
                let id = self.peers[index].0;
                for bytes in self.peers[index].2.receive() {
                    is_quiet = false;
                    self.take(id, &bytes);
                }
            }
            for want in self.follower.wanted(self.now_ms) {
                is_quiet = false;
                self.ask(want);
            }
            while let Some(event) = self.follower.next_event() {
                events.push(event);
            }
            if is_quiet {
                return events;
            }
        }
        panic!("the tab does not come to rest: {events:#?}");
    }

    fn take(&mut self, id: PeerId, bytes: &[u8]) {
        match NodeMessage::decode(bytes) {
            Ok(NodeMessage::Update { update, .. }) => {
                self.follower.on_update(id, update, self.now_ms)
            }
            Ok(_) => {}
            Err(error) => self.follower.report(id, error.fault(), self.now_ms),
        }
    }

    fn ask(&mut self, want: Want) {
        let Some((_, node, _)) = self.peers.iter().find(|(id, ..)| *id == want.peer) else {
            return;
        };
        match NodeMessage::decode(&node.ask(want.id, want.request)) {
            Ok(NodeMessage::Response { id, response }) => {
                self.follower
                    .on_response(id, want.peer, response, self.now_ms)
            }
            Ok(NodeMessage::Failure { code, .. }) => {
                self.follower
                    .on_failure(want.id, want.peer, Some(code), self.now_ms)
            }
            Ok(_) => self
                .follower
                .on_failure(want.id, want.peer, None, self.now_ms),
            Err(error) => {
                self.follower.report(want.peer, error.fault(), self.now_ms);
                self.follower
                    .on_failure(want.id, want.peer, None, self.now_ms);
            }
        }
    }
}
