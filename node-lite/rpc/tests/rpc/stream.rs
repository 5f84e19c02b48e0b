//! The binary stream over a real socket, verified with the client's core.

use alloy_primitives::{B256, U256};
use node_lite_exec::{SealMode, SequencerConfig};
use node_lite_rpc::SessionConfig;
use sidelight_core::header::{VerifiedHeader, verify_header};
use sidelight_core::state::PartialState;
use sidelight_core::update::{verify_consistent, verify_watch};
use sidelight_core::wire::{
    Body, ClientMessage, FailureCode, Filter, GapReason, Mode, NodeMessage, Request, Response,
    Update,
};
use sidelight_testkit::{LyingNode, TestChain};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Node, Socket};

fn hello(node: &Node, mode: Mode, filter: Filter, next_number: u64, credit: u64) -> ClientMessage {
    let rules = node.chain.chain().rules();
    ClientMessage::Hello {
        chain_id: rules.chain_id,
        genesis_hash: rules.genesis_hash,
        mode,
        filter,
        next_number,
        credit,
    }
}

async fn say(socket: &mut Socket, message: &ClientMessage) {
    socket.send(Message::binary(message.encode())).await;
}

async fn hear(socket: &mut Socket) -> NodeMessage {
    let message = socket.next().await.unwrap();
    NodeMessage::decode(&message.into_data()).unwrap()
}

async fn next_update(socket: &mut Socket, expected_seq: u64) -> Update {
    match hear(socket).await {
        NodeMessage::Update { seq, update } if seq == expected_seq => update,
        other => panic!("expected update {expected_seq}, got {other:?}"),
    }
}

fn genesis(node: &Node) -> VerifiedHeader {
    let block = node.chain.chain().block_by_number(0).unwrap();
    VerifiedHeader::genesis(block.header().clone(), node.chain.chain().rules()).unwrap()
}

#[tokio::test]
async fn a_client_verifies_every_block_from_the_first_and_then_live() {
    let mut node = Node::start().await;
    for _ in 0..4 {
        node.chain.busy_block();
    }
    let mut socket = node.connect("/stream").await;
    say(
        &mut socket,
        &hello(&node, Mode::Consistent, Filter::default(), 1, 1 << 20),
    )
    .await;
    let head = node.chain.chain().head().number();
    assert!(
        matches!(hear(&mut socket).await, NodeMessage::Welcome { head_number, .. } if head_number == head)
    );

    let mut parent = genesis(&node);
    let mut state = PartialState::from_root(parent.state_root());
    for seq in 0..head + 3 {
        if seq >= head {
            node.chain.busy_block();
        }
        let update = next_update(&mut socket, seq).await;
        let now_s = update.signed_header.header.timestamp;
        let header = verify_header(
            &update.signed_header,
            &parent,
            node.chain.chain().rules(),
            now_s,
        )
        .unwrap();
        let _ = verify_consistent(&update, &header, &parent, &mut state).unwrap();
        parent = header;
    }
    assert_eq!(parent.hash(), node.chain.chain().head().hash);
}

#[tokio::test]
async fn a_watcher_gets_its_accounts_and_may_change_its_mind() {
    let mut node = Node::start().await;
    let store = node.chain.store();
    let filter = Filter::new([
        (store, vec![U256::from(1)]),
        (node.chain.account(2), vec![]),
    ])
    .unwrap();
    let mut socket = node.connect("/stream").await;
    say(
        &mut socket,
        &hello(&node, Mode::Watch, filter.clone(), 2, 1 << 20),
    )
    .await;
    hear(&mut socket).await;
    node.chain.write(1, 77);
    let block = node.chain.seal();
    let update = next_update(&mut socket, 0).await;
    let parent = genesis(&node);
    let first = node.chain.chain().block_by_number(1).unwrap();
    let rules = node.chain.chain().rules();
    let parent = verify_header(
        &first.signed_header,
        &parent,
        rules,
        block.header().timestamp,
    )
    .unwrap();
    let header = verify_header(
        &update.signed_header,
        &parent,
        rules,
        block.header().timestamp,
    )
    .unwrap();
    assert_eq!(
        verify_watch(&update, &header, &filter)
            .unwrap()
            .accounts()
            .len(),
        2
    );

    say(
        &mut socket,
        &ClientMessage::SetFilter {
            mode: Mode::Headers,
            filter: Filter::default(),
        },
    )
    .await;
    say(
        &mut socket,
        &ClientMessage::Request {
            id: 9,
            request: Request::Head,
        },
    )
    .await;
    assert!(matches!(
        hear(&mut socket).await,
        NodeMessage::Response {
            id: 9,
            response: Response::Head(_)
        }
    ));
    node.chain.seal();
    assert_eq!(next_update(&mut socket, 1).await.body, Body::Headers);
}

#[tokio::test]
async fn without_credit_there_are_headers_and_with_it_there_are_bodies_again() {
    let mut node = Node::start().await;
    node.chain.busy_block();
    let mut socket = node.connect("/stream").await;
    say(
        &mut socket,
        &hello(&node, Mode::Consistent, Filter::default(), 1, 100),
    )
    .await;
    hear(&mut socket).await;
    let head = node.chain.chain().head().number();
    for seq in 0..head {
        assert_eq!(next_update(&mut socket, seq).await.mode(), Mode::Headers);
    }
    say(&mut socket, &ClientMessage::Credit { bytes: 1 << 20 }).await;
    say(
        &mut socket,
        &ClientMessage::Request {
            id: 1,
            request: Request::Head,
        },
    )
    .await;
    hear(&mut socket).await;
    node.chain.busy_block();
    assert_eq!(
        next_update(&mut socket, head).await.mode(),
        Mode::Consistent
    );
}

#[tokio::test]
async fn what_is_behind_the_history_is_a_gap_that_says_so() {
    let config = SequencerConfig {
        seal: SealMode::Manual,
        retain_blocks: 3,
        ..SequencerConfig::default()
    };
    let node = Node::with(TestChain::with_config(1, config), |_| {}).await;
    for _ in 0..10 {
        node.chain.seal();
    }
    let oldest = node.chain.chain().oldest_number();
    assert!(oldest > 2);
    let mut socket = node.connect("/stream").await;
    say(
        &mut socket,
        &hello(&node, Mode::Headers, Filter::default(), 2, 0),
    )
    .await;
    hear(&mut socket).await;
    let gap = NodeMessage::Gap {
        first_seq: 0,
        last_seq: oldest - 3,
        reason: GapReason::BehindHistory,
        next_number: oldest,
    };
    assert_eq!(hear(&mut socket).await, gap);
    assert_eq!(
        next_update(&mut socket, oldest - 2)
            .await
            .signed_header
            .header
            .number,
        oldest
    );
}

#[tokio::test]
async fn a_client_of_another_chain_is_turned_away() {
    let node = Node::start().await;
    let mut socket = node.connect("/stream").await;
    let other = ClientMessage::Hello {
        chain_id: 1,
        genesis_hash: B256::ZERO,
        mode: Mode::Headers,
        filter: Filter::default(),
        next_number: 0,
        credit: 0,
    };
    say(&mut socket, &other).await;
    assert!(matches!(
        hear(&mut socket).await,
        NodeMessage::Failure {
            id: 0,
            code: FailureCode::WrongChain,
            ..
        }
    ));
    assert_eq!(socket.next().await, None);
}

#[tokio::test]
async fn what_is_no_message_ends_the_connection_and_nothing_else() {
    let node = Node::start().await;
    for bytes in [
        vec![],
        vec![1],
        vec![1, 0, 0xc0],
        vec![0x82, 0, 0xc0],
        ClientMessage::Credit { bytes: 1 }.encode(),
    ] {
        let mut socket = node.connect("/stream").await;
        socket.send(Message::binary(bytes.clone())).await;
        assert!(
            matches!(
                hear(&mut socket).await,
                NodeMessage::Failure {
                    id: 0,
                    code: FailureCode::Malformed,
                    ..
                }
            ),
            "{bytes:?}"
        );
        assert_eq!(socket.next().await, None);
    }
    let mut socket = node.connect("/stream").await;
    socket.send(Message::text("hello")).await;
    assert_eq!(socket.next().await, None);
    let mut socket = node.connect("/stream").await;
    socket.try_send(Message::binary(vec![1; 5 << 20])).await;
    assert_eq!(socket.next().await, None);
    assert_eq!(node.get("/livez").await.0, 200);
}

#[tokio::test]
async fn the_number_of_streams_is_bounded() {
    let node = Node::with(TestChain::new(1), |config| config.limits.streams = 1).await;
    let _first = node.connect("/stream").await;
    let refused =
        tokio_tungstenite::connect_async(format!("ws://{}/stream", node.server.address())).await;
    assert!(refused.is_err());
}

#[test]
fn a_client_that_falls_behind_skips_to_the_head_and_is_told() {
    let chain = TestChain::new(1);
    let server = node_lite_rpc::LiteServer::new(chain.chain().clone(), Default::default());
    let mut session = server.session(SessionConfig { lag: 2 });
    let rules = chain.chain().rules();
    let hello = ClientMessage::Hello {
        chain_id: rules.chain_id,
        genesis_hash: rules.genesis_hash,
        mode: Mode::Headers,
        filter: Filter::default(),
        next_number: 1,
        credit: 0,
    };
    session.receive(&hello.encode());
    // A client that catches up may be as far behind as it likes.
    for _ in 0..5 {
        chain.seal();
    }
    for seq in 0..5 {
        let message = NodeMessage::decode(&session.next_message().unwrap()).unwrap();
        assert!(matches!(message, NodeMessage::Update { seq: got, .. } if got == seq));
    }
    assert_eq!(session.next_message(), None);
    for _ in 0..4 {
        chain.seal();
    }
    let gap = NodeMessage::Gap {
        first_seq: 5,
        last_seq: 7,
        reason: GapReason::Overload,
        next_number: 9,
    };
    assert_eq!(
        NodeMessage::decode(&session.next_message().unwrap()).unwrap(),
        gap
    );
    let message = NodeMessage::decode(&session.next_message().unwrap()).unwrap();
    assert!(
        matches!(message, NodeMessage::Update { seq: 8, update } if update.signed_header.header.number == 9)
    );
}

#[test]
fn the_testkit_speaks_with_the_same_server() {
    let mut chain = TestChain::new(1);
    chain.busy_block();
    let mut connection = LyingNode::new(&chain).connect(Mode::Headers, Filter::default(), 1, 0);
    let messages = connection.receive();
    assert_eq!(messages.len() as u64, 1 + chain.chain().head().number());
}
