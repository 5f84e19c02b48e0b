//! `eth_subscribe` over WebSocket.

use alloy_primitives::{Bytes, TxKind, U256};
use serde_json::json;
use sidelight_testkit::TestChain;

use crate::support::Node;

#[tokio::test]
async fn heads_logs_and_transactions_arrive_under_their_hex_ids() {
    let mut node = Node::start().await;
    let logger = node.chain.logger();
    let mut socket = node.connect("/").await;
    assert_eq!(
        socket.call("eth_chainId", json!([])).await["result"],
        "0x7a69"
    );
    let mut ids = Vec::new();
    for params in [
        json!(["newPendingTransactions"]),
        json!(["newHeads"]),
        json!(["logs", { "address": logger }]),
    ] {
        let id = socket.call("eth_subscribe", params).await["result"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(id.starts_with("0x") && id.len() == 34, "{id}");
        ids.push(id);
    }
    let raw = node
        .chain
        .sign(1, TxKind::Call(logger), U256::ZERO, Bytes::new(), 50_000);
    let hash = node.chain.chain().submit(&raw).unwrap();
    let pending = socket.next_json().await;
    assert_eq!(
        pending["params"],
        json!({ "subscription": ids[0], "result": hash })
    );

    let block = node.chain.seal();
    for _ in 0..2 {
        let note = socket.next_json().await;
        assert_eq!(note["method"], "eth_subscription");
        let result = &note["params"]["result"];
        if note["params"]["subscription"] == json!(ids[1]) {
            assert_eq!(
                (&result["hash"], &result["number"]),
                (&json!(block.hash), &json!("0x2"))
            );
        } else {
            assert_eq!(note["params"]["subscription"], json!(ids[2]));
            assert_eq!(result["transactionHash"], json!(hash));
        }
    }
    assert_eq!(
        socket.call("eth_unsubscribe", json!([ids[1]])).await["result"],
        true
    );
    assert_eq!(
        socket.call("eth_unsubscribe", json!([ids[1]])).await["result"],
        false
    );
}

#[tokio::test]
async fn subscriptions_are_bounded_and_unknown_ones_refused() {
    let node = Node::with(TestChain::new(1), |config| config.limits.subscriptions = 1).await;
    let mut socket = node.connect("/").await;
    assert_eq!(
        socket.call("eth_subscribe", json!(["miniBlocks"])).await["error"]["code"],
        -32602
    );
    assert_eq!(
        socket.call("eth_subscribe", json!(["syncing"])).await["error"]["code"],
        -32004
    );
    assert!(socket.call("eth_subscribe", json!(["newHeads"])).await["result"].is_string());
    assert_eq!(
        socket.call("eth_subscribe", json!(["newHeads"])).await["error"]["code"],
        -32006
    );
}

#[tokio::test]
async fn one_connection_cannot_end_the_subscription_of_another() {
    let node = Node::start().await;
    let (mut first, mut second) = (node.connect("/").await, node.connect("/").await);
    let id = first.call("eth_subscribe", json!(["newHeads"])).await["result"].clone();
    assert_eq!(
        second.call("eth_unsubscribe", json!([id])).await["result"],
        false
    );
    let block = node.chain.seal();
    assert_eq!(
        first.next_json().await["params"]["result"]["hash"],
        json!(block.hash)
    );
}
