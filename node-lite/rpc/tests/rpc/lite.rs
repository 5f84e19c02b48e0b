//! The light protocol's objects: `POST /lite` and `lite_*`.

use alloy_primitives::{Bytes, keccak256};
use serde_json::{Value, json};
use sidelight_core::checkpoint::{
    Checkpoint, CheckpointError, CheckpointPolicy, verify_checkpoint,
};
use sidelight_core::header::SignedHeader;
use sidelight_core::rules::ChainRules;
use sidelight_core::wire::{
    ClientMessage, FailureCode, Filter, Mode, NodeMessage, Request, Response, Update,
};

use crate::support::Node;

async fn ask(node: &Node, request: Request) -> NodeMessage {
    NodeMessage::decode(
        &node
            .ask(ClientMessage::Request { id: 5, request }.encode())
            .await,
    )
    .unwrap()
}

fn failure(message: NodeMessage) -> FailureCode {
    match message {
        NodeMessage::Failure { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

fn bytes(value: &Value) -> Bytes {
    serde_json::from_value(value.clone()).unwrap()
}

#[tokio::test]
async fn every_request_has_its_answer() {
    let mut node = Node::start().await;
    let store = node.chain.store();
    let transaction_hash = node.chain.write(1, 2);
    let block = node.chain.seal();
    let block_hash = block.hash;
    let account = node
        .chain
        .chain()
        .state()
        .account_at(block.state_root(), store)
        .unwrap()
        .unwrap();
    let answer = async |request| match ask(&node, request).await {
        NodeMessage::Response { id: 5, response } => response,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        answer(Request::Head).await,
        Response::Head(block.signed_header.clone())
    );
    let Response::Headers(headers) = answer(Request::Headers { start: 1, count: 9 }).await else {
        panic!()
    };
    assert_eq!(
        headers
            .iter()
            .map(|signed| signed.header.number)
            .collect::<Vec<_>>(),
        [1, 2]
    );
    let Response::Code(code) = answer(Request::Code {
        code_hash: account.code_hash,
    })
    .await
    else {
        panic!()
    };
    assert_eq!(keccak256(code), account.code_hash);
    assert_eq!(
        answer(Request::Body { block_hash }).await,
        Response::Body(block.encoded_transactions())
    );
    assert_eq!(
        answer(Request::Receipts { block_hash }).await,
        Response::Receipts(block.encoded_receipts())
    );
    assert_eq!(
        answer(Request::Locate { transaction_hash }).await,
        Response::Locate {
            block_hash,
            index: 0
        }
    );
    let Response::Execution(input) = answer(Request::Execution { block_hash }).await else {
        panic!()
    };
    let expected = block.execution_input().unwrap().encode();
    assert_eq!(input.as_ref(), expected);
    let witness = node
        .call("debug_executionWitness", json!([block_hash]))
        .await;
    let captured = block.execution.as_ref().unwrap();
    let mut state = captured.state.clone();
    state.sort_unstable();
    assert_eq!(witness["state"], json!(state));
    assert_eq!(witness["codes"], json!(captured.codes));
    assert_eq!(witness["headers"].as_array().unwrap().len(), 1);
    let keys = witness["keys"].as_array().unwrap();
    assert!(keys.contains(&json!(store)));
    let Response::Transition(update) = answer(Request::Transition {
        block_hash,
        mode: Mode::Consistent,
        filter: Filter::default(),
    })
    .await
    else {
        panic!()
    };
    let encoded = node
        .call("lite_getTransition", json!([block_hash, "consistent"]))
        .await;
    assert_eq!(Update::decode(&bytes(&encoded)).unwrap(), update);
}

#[tokio::test]
async fn what_is_not_there_or_not_a_request_is_a_failure() {
    let node = Node::start().await;
    assert_eq!(
        failure(ask(&node, Request::Head).await),
        FailureCode::NotFound,
        "genesis is not signed"
    );
    let nowhere = alloy_primitives::B256::repeat_byte(1);
    for request in [
        Request::Body {
            block_hash: nowhere,
        },
        Request::Code { code_hash: nowhere },
        Request::Locate {
            transaction_hash: nowhere,
        },
    ] {
        assert_eq!(failure(ask(&node, request).await), FailureCode::NotFound);
    }
    for body in [
        vec![],
        vec![3],
        vec![3, 0],
        vec![3, 9, 0xc0],
        vec![0xff; 40],
        ClientMessage::Credit { bytes: 1 }.encode(),
    ] {
        assert_eq!(
            failure(NodeMessage::decode(&node.ask(body.clone()).await).unwrap()),
            FailureCode::Malformed,
            "{body:?}"
        );
    }
}

#[tokio::test]
async fn a_checkpoint_is_of_this_chain_unless_it_was_swapped() {
    let node = Node::start().await;
    let block = node.chain.seal();
    let rules = node.chain.chain().rules().clone();
    let verify = |value: Value| {
        let checkpoint = Checkpoint {
            rules: ChainRules::decode(&bytes(&value["rules"])).unwrap(),
            signed_header: SignedHeader::decode(&bytes(&value["signedHeader"])).unwrap(),
            time_s: value["time"].as_u64().unwrap(),
        };
        verify_checkpoint(
            &checkpoint,
            &rules,
            rules.genesis_signer,
            checkpoint.time_s,
            CheckpointPolicy::default(),
        )
    };
    let honest = node.call("lite_getCheckpoint", json!([])).await;
    assert_eq!(honest["type"], "sidelight/checkpoint@1");
    assert_eq!(verify(honest).unwrap().hash(), block.hash);
    assert_eq!(
        SignedHeader::decode(&bytes(
            &node.call("lite_getHeader", json!([block.hash])).await
        ))
        .unwrap(),
        block.signed_header
    );
    node.call("dev_setLie", json!(["swapped_checkpoint"])).await;
    assert!(matches!(
        verify(node.call("lite_getCheckpoint", json!(["latest"])).await),
        Err(CheckpointError::Rules { .. })
    ));
}
