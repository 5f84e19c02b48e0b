//! Mode `execute` over a real node: what is executed, what is skipped, and who is blamed for what.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "tests fail by panicking"
)]

mod common;

use std::{
    cell::Cell,
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use alloy_primitives::B256;
use common::{Node, Tab, options};
use node_lite_exec::Signer;
use sidelight_client::{
    BlockId, ClientError,
    dto::{
        ClientState, Event, ExecutedEvent, FaultView, FileOutcome, Mode, PeerState, Share,
        StartOptions, StorageOption, TrustLevel,
    },
};
use sidelight_core::{
    execution::{ExecutionInput, Policy, hash_chunks},
    header::SignedHeader,
    wire::{ClientMessage, Delta, FailureCode, NodeMessage, Request, Response, WitnessResponse},
};
use sidelight_testkit::{LyingNode, TestChain};

type Alter = Box<dyn Fn(Response) -> Result<Response, FailureCode> + Send + Sync>;

/// Stands between an honest node and a client, over plain HTTP, and may change any answer.
struct Relay {
    node: LyingNode,
    alter: Alter,
    /// Nobody is there.
    is_down: AtomicBool,
    /// Headers that take the place of others, by the hashes of those.
    forged: Mutex<HashMap<B256, SignedHeader>>,
    /// What witnesses were asked for.
    asked: Mutex<Vec<Delta>>,
}

impl Relay {
    async fn start(
        chain: &TestChain,
        alter: impl Fn(Response) -> Result<Response, FailureCode> + Send + Sync + 'static,
    ) -> (Arc<Self>, String) {
        let relay = Arc::new(Self {
            node: LyingNode::new(chain),
            alter: Box::new(alter),
            is_down: AtomicBool::new(false),
            forged: Mutex::default(),
            asked: Mutex::default(),
        });
        let inside = relay.clone();
        let router = axum::Router::new().route(
            "/lite",
            axum::routing::post(async move |body: axum::body::Bytes| {
                match inside.is_down.load(Ordering::SeqCst) {
                    true => Err(axum::http::StatusCode::SERVICE_UNAVAILABLE),
                    false => Ok(inside.answer(&body)),
                }
            }),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (relay, url)
    }

    fn answer(&self, bytes: &[u8]) -> Vec<u8> {
        let Ok(ClientMessage::Request { id, mut request }) = ClientMessage::decode(bytes) else {
            panic!("the client asks in requests only");
        };
        if let Request::Witness(delta) = request {
            self.asked.lock().unwrap().push(delta);
        }
        self.unforge(&mut request);
        match NodeMessage::decode(&self.node.ask(id, request)).unwrap() {
            NodeMessage::Response { id, response } => match (self.alter)(self.forge(response)) {
                Ok(response) => NodeMessage::Response { id, response },
                Err(code) => NodeMessage::Failure {
                    id,
                    code,
                    text: String::new(),
                },
            }
            .encode(),
            other => other.encode(),
        }
    }

    /// The block that a false hash stands for.
    fn unforge(&self, request: &mut Request) {
        let forged = self.forged.lock().unwrap();
        let true_hash = |hash: B256| {
            let found = forged.iter().find(|(_, signed)| signed.hash() == hash);
            found.map_or(hash, |(hash, _)| *hash)
        };
        match request {
            Request::Transition { block_hash, .. } | Request::Execution { block_hash } => {
                *block_hash = true_hash(*block_hash)
            }
            Request::Witness(delta) | Request::Chunk { delta, .. } => {
                delta.block_hash = true_hash(delta.block_hash)
            }
            _ => {}
        }
    }

    fn forge(&self, mut response: Response) -> Response {
        let forged = self.forged.lock().unwrap();
        let replace = |signed: &mut SignedHeader| {
            if let Some(other) = forged.get(&signed.hash()) {
                *signed = other.clone();
            }
        };
        match &mut response {
            Response::Head(signed) => replace(signed),
            Response::Headers(headers) => headers.iter_mut().for_each(replace),
            Response::Transition(update) => replace(&mut update.signed_header),
            _ => {}
        }
        response
    }
}

/// Other bytes in the one chunk of an answer, which commits to them.
fn committed(witness: &WitnessResponse, input: Vec<u8>) -> WitnessResponse {
    assert_eq!(witness.hashes.len(), 1);
    WitnessResponse {
        length: input.len() as u64,
        hashes: hash_chunks(&input),
        first: input.into(),
        ..witness.clone()
    }
}

fn execute(urls: &[&str]) -> StartOptions {
    StartOptions {
        nodes: urls.iter().map(|url| (*url).into()).collect(),
        ..options(Mode::Execute, &[])
    }
}

async fn executed_at(tab: &mut Tab, number: u64) -> ExecutedEvent {
    tab.until(|event| match event {
        Event::Executed(block) if block.number == number => Some(block),
        _ => None,
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_block_is_executed_and_the_head_follows_in_order() {
    let mut chain = TestChain::new(41);
    chain.busy_block();
    let node = Node::start(&chain).await;
    let mut tab = Tab::synced(execute(&[&node.url])).await;
    let newest = Cell::new(0);
    for _ in 0..12 {
        let sealed = chain.busy_block();
        let block = tab.block(sealed.number()).await;
        assert_eq!(
            block.level,
            TrustLevel::Consistent,
            "not before its verdict"
        );
        let status = tab
            .status(|status| {
                let head = status.executed.as_ref().unwrap().head;
                let number = head.map_or(0, |head| head.number);
                assert!(number >= newest.get(), "the executed head never falls");
                newest.set(number);
                number == sealed.number()
            })
            .await;
        let executed = status.executed.unwrap();
        assert_eq!(executed.head.unwrap().hash, sealed.hash);
        assert_eq!(executed.skipped, 0);
        let view = tab.client.block(BlockId::Hash(sealed.hash)).await.unwrap();
        assert_eq!(view.trust.level, TrustLevel::Executed);
        let account = tab
            .client
            .account(chain.account(1), &[], BlockId::Hash(sealed.hash))
            .await
            .unwrap();
        assert_eq!(account.balance.trust.level, TrustLevel::Executed);
    }
    let sealed = chain.busy_block();
    let event = executed_at(&mut tab, sealed.number()).await;
    assert_eq!(
        (event.hash, event.gas_used, event.transactions),
        (
            sealed.hash,
            sealed.header().gas_used,
            sealed.transactions.len() as u64
        )
    );
    assert!(event.bytes > 0 && event.ms > 0.0);
    assert_eq!(tab.client.status().faults, []);
    assert_eq!(
        tab.client.status().head.unwrap().level,
        TrustLevel::Executed
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_modes_execute_nothing_and_a_share_needs_the_mode() {
    let mut chain = TestChain::new(42);
    let node = Node::start(&chain).await;
    let mut tab = Tab::synced(options(Mode::Consistent, &[&node])).await;
    let sealed = chain.busy_block();
    tab.block(sealed.number()).await;
    assert_eq!(tab.client.status().executed, None);
    let start = StartOptions {
        share: Share::new(10),
        ..options(Mode::Consistent, &[&node])
    };
    let refused = sidelight_client::Client::start(start, sidelight_client::platform::current());
    assert!(matches!(
        refused.await.map(|_| ()),
        Err(ClientError::Params(_))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_input_is_its_senders_fault_and_the_next_node_is_asked() {
    type Change = fn(Vec<u8>) -> Vec<u8>;
    let changes: [Change; 3] = [
        |bytes| bytes[..bytes.len() / 2].to_vec(),
        |mut bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            bytes
        },
        |_| vec![0xc0],
    ];
    let kinds = [
        "bad_witness",
        "incomplete_witness",
        "bad_bal_hash",
        "wrong_response",
    ];
    for change in changes {
        let mut chain = TestChain::new(43);
        chain.busy_block();
        let lies = Arc::new(AtomicBool::new(false));
        let is_lying = lies.clone();
        let (_relay, liar) = Relay::start(&chain, move |response| {
            Ok(match response {
                Response::Witness(witness) if is_lying.load(Ordering::SeqCst) => {
                    Response::Witness(committed(&witness, change(witness.first.to_vec())))
                }
                other => other,
            })
        })
        .await;
        let (honest, honest_url) = Relay::start(&chain, Ok).await;
        honest.is_down.store(true, Ordering::SeqCst);
        let mut tab = Tab::synced(execute(&[&liar, &honest_url])).await;
        // The one that will lie has earned itself the first question by then.
        let number = chain.busy_block().number();
        executed_at(&mut tab, number).await;
        honest.is_down.store(false, Ordering::SeqCst);
        tab.status(|status| status.peers[1].state == PeerState::Polling)
            .await;
        lies.store(true, Ordering::SeqCst);
        chain.busy_block();
        let fault = tab.fault().await;
        assert!(kinds.contains(&fault.kind.as_str()), "{}", fault.message);
        assert_eq!(fault.peer, liar, "{}", fault.message);
        let number = fault.block.unwrap();
        let status = tab
            .status(|status| {
                let head = status.executed.as_ref().unwrap().head;
                head.is_some_and(|head| head.number >= number)
            })
            .await;
        assert_eq!(status.executed.unwrap().skipped, 0);
        let view = tab.client.block(BlockId::Number(number)).await.unwrap();
        assert_eq!(view.trust.level, TrustLevel::Executed);
        assert_ne!(tab.client.status().state, ClientState::Conflict);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_nobody_can_show_is_skipped_and_counted_and_stays_consistent() {
    let mut chain = TestChain::new(44);
    chain.busy_block();
    let (_relay, url) = Relay::start(&chain, |response| match response {
        Response::Witness(_) => Err(FailureCode::NotFound),
        other => Ok(other),
    })
    .await;
    let tab = Tab::synced(execute(&[&url])).await;
    let sealed = chain.busy_block();
    let status = tab
        .status(|status| status.executed.as_ref().unwrap().skipped > 0)
        .await;
    let executed = status.executed.unwrap();
    assert_eq!((executed.head, executed.count), (None, 0));
    assert_eq!(executed.skipped_for.unavailable, executed.skipped);
    tab.status(|status| {
        status
            .head
            .as_ref()
            .is_some_and(|head| head.number == sealed.number())
    })
    .await;
    let view = tab.client.block(BlockId::Latest).await.unwrap();
    assert_eq!(view.trust.level, TrustLevel::Consistent);
    assert_eq!(tab.client.status().faults, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_block_is_a_conflict_whoever_serves_it() {
    type Corrupt = fn(&mut SignedHeader);
    let lies: [(Corrupt, &str); 3] = [
        (
            |signed| signed.header.receipts_root = B256::repeat_byte(7),
            "header.receipts_root",
        ),
        (|signed| signed.header.gas_used += 1, "header.gas_used"),
        (
            |signed| signed.header.requests_hash = Some(B256::repeat_byte(7)),
            "header.requests_hash",
        ),
    ];
    for (corrupt, field) in lies {
        let mut chain = TestChain::new(45);
        chain.busy_block();
        let (relay, url) = Relay::start(&chain, Ok).await;
        let mut tab = Tab::synced(execute(&[&url])).await;
        let good = chain.busy_block();
        executed_at(&mut tab, good.number()).await;

        // Between sealing and forging, the client may not see the honest header.
        let (sealed, false_hash) = {
            let mut forged = relay.forged.lock().unwrap();
            let sealed = chain.busy_block();
            let header = forge(chain.chain().signer(), &sealed.signed_header, corrupt);
            let hash = header.hash();
            forged.insert(sealed.hash, header);
            (sealed, hash)
        };

        let fault = tab.fault().await;
        assert_eq!(
            (fault.kind.as_str(), fault.field.as_str(), fault.block),
            ("invalid_execution", field, Some(sealed.number())),
            "{}",
            fault.message
        );
        assert_ne!(fault.expected, fault.got);
        let status = tab
            .status(|status| status.state == ClientState::Conflict)
            .await;
        let head = status.executed.unwrap().head.unwrap();
        assert_eq!((head.number, head.hash), (good.number(), good.hash));
        assert_eq!(status.peers[0].faults, 0, "the peer only passed it on");
        let error = tab.client.block(BlockId::Hash(false_hash)).await;
        let Err(ClientError::Verification { fault, .. }) = error else {
            panic!("{error:?}");
        };
        assert_eq!(fault.kind(), "invalid_execution");
        let conflict = status.conflict.unwrap();
        assert_eq!(
            (conflict.kind.as_str(), conflict.number),
            ("invalid_execution", sealed.number())
        );
        assert!(conflict.has_evidence);
        // What it keeps is enough for anybody else.
        let evidence = tab.client.evidence().unwrap().unwrap();
        let verdict = tab.client.verify_file(&evidence, None).await;
        assert_eq!(verdict.outcome, FileOutcome::Proven, "{verdict:?}");
        let named = verdict.facts.iter().any(|fact| fact.value == field);
        assert!(named, "{verdict:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_executes_some_blocks_and_each_client_others() {
    let mut chain = TestChain::new(46);
    chain.busy_block();
    let node = Node::start(&chain).await;
    let start = StartOptions {
        share: Share::new(50),
        ..execute(&[&node.url])
    };
    let mut tabs = [Tab::synced(start.clone()).await, Tab::synced(start).await];
    let blocks = 40;
    let mut last = 0;
    for _ in 0..blocks {
        let sealed = chain.seal();
        last = sealed.number();
        for tab in &mut tabs {
            tab.block(last).await;
        }
    }
    let mut chosen = Vec::new();
    for tab in &tabs {
        let status = tab
            .status(|status| status.executed.as_ref().unwrap().waiting == 0)
            .await;
        let executed = status.executed.unwrap();
        assert_eq!((executed.skipped, executed.share.percent()), (0, 50));
        // Chance: fewer than 5 or more than 35 of 40 happens once in a million.
        assert!((5..=35).contains(&executed.count), "{executed:?}");
        assert!(executed.head.is_some_and(|head| head.number <= last));
        let mut levels = Vec::new();
        for number in last - blocks + 1..=last {
            let block = tab.client.block(BlockId::Number(number)).await.unwrap();
            levels.push(block.trust.level);
        }
        let count = levels
            .iter()
            .filter(|level| **level == TrustLevel::Executed)
            .count() as u64;
        assert!(count <= executed.count);
        chosen.push(levels);
    }
    assert_ne!(chosen[0], chosen[1], "equal once in 2^40");
}

/// Seals blocks until the client has executed them, each before the next.
async fn execute_blocks(tab: &mut Tab, chain: &mut TestChain, count: usize) -> Vec<ExecutedEvent> {
    let mut events = Vec::new();
    for _ in 0..count {
        let number = chain.busy_block().number();
        events.push(executed_at(tab, number).await);
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_executed_the_blocks_before_receives_only_what_it_lacks() {
    let mut chain = TestChain::new(47);
    chain.busy_block();
    let (relay, url) = Relay::start(&chain, Ok).await;
    let mut tab = Tab::synced(execute(&[&url])).await;
    let events = execute_blocks(&mut tab, &mut chain, 10).await;
    assert_eq!(tab.client.status().faults, []);
    assert_eq!(tab.client.status().executed.unwrap().skipped, 0);
    let asked = relay.asked.lock().unwrap();
    assert_eq!(asked[0].policy, Policy::Nothing, "the first is full");
    let first = chain.chain().block_by_hash(asked[0].block_hash).unwrap();
    for delta in &asked[1..] {
        assert_eq!(
            (delta.policy, delta.since),
            (Policy::Window, first.number())
        );
    }
    for event in &events[1..] {
        let block = chain.chain().block_by_hash(event.hash).unwrap();
        let full = block.execution_input().unwrap().encode().len() as u64;
        assert!(event.bytes < full, "{} of {full} bytes", event.bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delta_that_lacks_something_is_nobodys_fault_and_the_full_witness_is_asked_for() {
    let mut chain = TestChain::new(48);
    chain.busy_block();
    let dropped = Arc::new(AtomicBool::new(false));
    let has_dropped = dropped.clone();
    let (relay, url) = Relay::start(&chain, move |response| {
        Ok(match response {
            Response::Witness(witness) if witness.policy == Policy::Window => {
                let mut input = ExecutionInput::decode(&witness.first).unwrap();
                if input.state.pop().is_some() {
                    has_dropped.store(true, Ordering::SeqCst);
                }
                Response::Witness(committed(&witness, input.encode()))
            }
            other => other,
        })
    })
    .await;
    let mut tab = Tab::synced(execute(&[&url])).await;
    execute_blocks(&mut tab, &mut chain, 6).await;
    assert!(dropped.load(Ordering::SeqCst));
    let status = tab.client.status();
    // On a busy machine it may have been slow.
    let blamed = |fault: &&FaultView| fault.kind != "unresponsive";
    assert_eq!(status.faults.iter().find(blamed), None);
    assert_eq!(status.executed.unwrap().skipped, 0);
    let asked = relay.asked.lock().unwrap();
    let repeated = asked.windows(2).filter(|pair| {
        pair[0].block_hash == pair[1].block_hash && pair[1].policy == Policy::Nothing
    });
    assert!(repeated.count() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_that_its_sender_did_not_commit_to_is_its_fault() {
    let mut chain = TestChain::new(49);
    chain.busy_block();
    let (_relay, url) = Relay::start(&chain, |response| {
        Ok(match response {
            Response::Witness(mut witness) => {
                witness.hashes[0] = B256::ZERO;
                Response::Witness(witness)
            }
            other => other,
        })
    })
    .await;
    let mut tab = Tab::synced(execute(&[&url])).await;
    chain.busy_block();
    let fault = tab.fault().await;
    assert_eq!(
        (fault.kind.as_str(), fault.field.as_str()),
        ("bad_witness", "witness.chunk")
    );
    let status = tab
        .status(|status| status.executed.as_ref().unwrap().skipped > 0)
        .await;
    let executed = status.executed.unwrap();
    assert_eq!(executed.skipped_for.refused, executed.skipped);
    assert_eq!(executed.count, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_block_stays_a_conflict_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let stored = |url: &str, mode| StartOptions {
        storage: StorageOption::Auto,
        store_name: Some(folder.path().to_string_lossy().into_owned()),
        mode,
        ..execute(&[url])
    };
    let mut chain = TestChain::new(50);
    chain.busy_block();
    let (relay, url) = Relay::start(&chain, Ok).await;
    let mut tab = Tab::synced(stored(&url, Mode::Execute)).await;
    execute_blocks(&mut tab, &mut chain, 1).await;
    let sealed = {
        let mut forged = relay.forged.lock().unwrap();
        let sealed = chain.busy_block();
        let corrupt = |signed: &mut SignedHeader| signed.header.gas_used += 1;
        let header = forge(chain.chain().signer(), &sealed.signed_header, corrupt);
        forged.insert(sealed.hash, header);
        sealed
    };
    tab.status(|status| status.state == ClientState::Conflict)
        .await;
    tab.client.close().await;
    drop(tab);

    // Nobody is there: what the store has is enough. A client that executes judges the block again, another one keeps the verdict.
    relay.is_down.store(true, Ordering::SeqCst);
    for mode in [Mode::Execute, Mode::Consistent] {
        let mut tab = Tab::open(stored(&url, mode)).await;
        let fault = tab.fault().await;
        assert_eq!(
            (fault.kind.as_str(), fault.field.as_str(), fault.block),
            (
                "invalid_execution",
                "header.gas_used",
                Some(sealed.number())
            )
        );
        assert_eq!(fault.peer, "store");
        assert_eq!(tab.client.status().state, ClientState::Conflict);
        let error = tab.client.block(BlockId::Latest).await;
        assert!(matches!(error, Err(ClientError::Verification { .. })));
        tab.client.close().await;
    }
}

/// What a sequencer signs that does not care what execution gives.
fn forge(
    signer: &Signer,
    signed: &SignedHeader,
    corrupt: impl FnOnce(&mut SignedHeader),
) -> SignedHeader {
    let mut forged = signed.clone();
    corrupt(&mut forged);
    signer.sign(forged.header, forged.extension).unwrap()
}
