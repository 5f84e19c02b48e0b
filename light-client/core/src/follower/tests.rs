//! A world of nodes around one follower: who answers what is up to each test.

mod bodies;
mod branches;
mod chaos;
mod execution;
mod fetch;
mod forks;
mod honest;
mod lies;

use super::*;
use crate::{
    tests::TestChain,
    wire::{Request, Response},
};
use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};

const A: PeerId = PeerId(1);
const B: PeerId = PeerId(2);
const C: PeerId = PeerId(3);

/// What a node answers; none: nothing, ever.
type Answer = Option<Result<Response, FailureCode>>;
type Node = Box<dyn FnMut(&Request) -> Answer>;

struct World {
    follower: Follower,
    now_ms: u64,
    nodes: BTreeMap<PeerId, Node>,
    events: Vec<Event>,
    /// Every question that was put, with its time.
    asked: Vec<(u64, PeerId, Request)>,
    /// Blocks that the head may stand on next, with the level they were given.
    seen: BTreeMap<B256, TrustLevel>,
}

/// A node that has this chain and says the truth.
fn honest(chain: &TestChain) -> Node {
    let chain = chain.clone();
    Box::new(move |request| Some(chain.answer(request)))
}

/// A node that takes questions and says nothing.
fn silent() -> Node {
    Box::new(|_| None)
}

/// Times that make tests short; no polling, so that each test sees its own requests only.
fn config(mode: Mode) -> FollowerConfig {
    FollowerConfig {
        mode,
        filter: filter(),
        poll_ms: u64::MAX,
        stale_after_ms: u64::MAX,
        ..FollowerConfig::default()
    }
}

fn filter() -> Filter {
    let slots = [1, 2, 3, 100, 101].map(alloy_primitives::U256::from);
    let accounts = [0, 3, 5, 11, 200].map(|seed| (crate::tests::account(seed), slots.to_vec()));
    Filter::new(accounts).unwrap()
}

impl World {
    /// A follower that starts at the chain's genesis at the time of the chain's tip.
    fn new(chain: &TestChain, config: FollowerConfig) -> Self {
        let start = chain.headers[0].clone();
        let seen = BTreeMap::from([(start.hash(), TrustLevel::Signed)]);
        let follower = Follower::new(chain.rules.clone(), start, config);
        let (nodes, events, asked) = Default::default();
        Self {
            follower,
            now_ms: chain.now_ms(),
            nodes,
            events,
            asked,
            seen,
        }
    }

    fn with_node(mut self, id: PeerId, node: Node) -> Self {
        self.nodes.insert(id, node);
        self.follower.add_peer(id, self.now_ms);
        self
    }

    /// A peer announces a block; whatever follows is answered until nothing is asked any more.
    fn announce(&mut self, id: PeerId, update: Update) {
        self.follower.on_update(id, update, self.now_ms);
        self.settle();
    }

    fn settle(&mut self) {
        for _ in 0..1_000 {
            self.collect();
            let wants = self.follower.wanted(self.now_ms);
            self.collect();
            if wants.is_empty() {
                return;
            }
            for want in wants {
                self.asked
                    .push((self.now_ms, want.peer, want.request.clone()));
                let node = self
                    .nodes
                    .get_mut(&want.peer)
                    .expect("only peers are asked");
                match node(&want.request) {
                    Some(Ok(response)) => {
                        self.follower
                            .on_response(want.id, want.peer, response, self.now_ms);
                    }
                    Some(Err(code)) => {
                        self.follower
                            .on_failure(want.id, want.peer, Some(code), self.now_ms);
                    }
                    None => {}
                }
                self.collect();
            }
        }
        panic!("the follower asks without end");
    }

    /// Lets time pass in steps, settling at each.
    fn pass(&mut self, ms: u64, step: u64) {
        for _ in 0..ms / step {
            self.now_ms += step;
            self.settle();
        }
    }

    /// Takes events, and checks what must hold whatever happens.
    fn collect(&mut self) {
        while let Some(event) = self.follower.next_event() {
            if let Event::Verified(block) = &event {
                let header = &block.header;
                assert!(
                    self.seen.contains_key(&header.header().parent_hash),
                    "block {} is verified before its parent",
                    header.number()
                );
                let is_full = matches!(block.body, VerifiedBody::Consistent(_));
                assert_eq!(block.level == TrustLevel::Consistent, is_full);
                // What was checked stays checked when a branch is left and taken again, though its bodies are not asked for a second time.
                let seen = self.seen.entry(header.hash()).or_insert(block.level);
                *seen = block.level.max(*seen);
            }
            self.events.push(event);
        }
        let head = self.follower.head();
        assert!(
            self.seen.contains_key(&head.hash()),
            "the head was never said to be verified"
        );
        assert!(self.follower.tip().number() >= head.number());
    }

    fn head(&self) -> u64 {
        self.follower.head().number()
    }

    fn tip(&self) -> u64 {
        self.follower.tip().number()
    }

    fn level_of(&self, header: &VerifiedHeader) -> TrustLevel {
        self.follower.level(header.hash())
    }

    fn level_at(&self, number: u64) -> TrustLevel {
        let header = self.follower.header_by_number(number);
        header.map_or(TrustLevel::Unverified, |header| self.level_of(header))
    }

    /// Kinds of the faults so far, with the peers.
    fn faults(&self) -> Vec<(Option<PeerId>, &'static str)> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Fault { peer, fault } => Some((*peer, fault.kind())),
                _ => None,
            })
            .collect()
    }

    /// Numbers and levels of the blocks that the head moved to.
    fn verified(&self) -> Vec<(u64, TrustLevel)> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Verified(block) => Some((block.header.number(), block.level)),
                _ => None,
            })
            .collect()
    }

    fn asked_of(&self, peer: PeerId) -> usize {
        self.asked
            .iter()
            .filter(|(_, asked, _)| *asked == peer)
            .count()
    }
}
