//! The development methods, and the lies that JSON-RPC itself tells.

use alloy_primitives::{B256, U256};
use node_lite_rpc::{Lie, ServerConfig};
use serde_json::{Value, json};
use sidelight_testkit::TestChain;

use crate::support::Node;

#[tokio::test]
async fn without_dev_there_are_no_dev_methods() {
    let node = Node::with(TestChain::new(1), |config: &mut ServerConfig| {
        config.dev = false
    })
    .await;
    for method in [
        "dev_setLie",
        "dev_lies",
        "dev_seal",
        "dev_setInterval",
        "evm_mine",
    ] {
        assert_eq!(node.fail(method, json!([])).await.0, -32601, "{method}");
    }
}

#[tokio::test]
async fn lies_are_listed_switched_and_taken_back() {
    let node = Node::start().await;
    let lies = node.call("dev_lies", json!([])).await;
    assert_eq!(lies.as_array().unwrap().len(), Lie::ALL.len());
    let is_on = |lies: &Value, kind: &str| {
        lies.as_array()
            .unwrap()
            .iter()
            .find(|lie| lie["kind"] == kind)
            .unwrap()["on"]
            == true
    };
    let lies = node
        .call("dev_setLie", json!(["wrong_balance", true]))
        .await;
    assert!(is_on(&lies, "wrong_balance") && !is_on(&lies, "wrong_code"));
    let (code, text, _) = node.fail("dev_setLie", json!(["white_lie"])).await;
    assert_eq!(code, -32602);
    assert!(text.contains("wrong_balance"), "{text}");
    assert!(!is_on(
        &node.call("dev_setLie", json!(["none"])).await,
        "wrong_balance"
    ));
}

#[tokio::test]
async fn the_json_answers_lie_too_and_the_chain_stays_honest() {
    let mut node = Node::start().await;
    let store = node.chain.store();
    node.chain.write(1, 5);
    node.chain.seal();
    let account = node.chain.account(2);
    let read = async |node: &Node| {
        let balance = node.call("eth_getBalance", json!([account])).await;
        let code = node.call("eth_getCode", json!([store])).await;
        let value = node.call("eth_getStorageAt", json!([store, "0x1"])).await;
        let number = node.call("eth_blockNumber", json!([])).await;
        [balance, code, value, number]
    };
    let honest = read(&node).await;
    assert_eq!(honest[2], json!(B256::from(U256::from(5))));
    for kind in ["wrong_balance", "wrong_code", "wrong_storage", "stale_head"] {
        node.call("dev_setLie", json!([kind])).await;
    }
    node.chain.seal();
    let lying = read(&node).await;
    for (honest, lying) in honest[..3].iter().zip(&lying) {
        assert_ne!(honest, lying);
    }
    assert_eq!(honest[3], lying[3], "the head stands still");
    node.call("dev_setLie", json!(["none"])).await;
    let again = read(&node).await;
    assert_eq!(honest[..3], again[..3]);
    assert_ne!(honest[3], again[3]);
}

#[tokio::test]
async fn blocks_are_sealed_when_asked() {
    let node = Node::start().await;
    let hash = node.call("dev_seal", json!(["0x3"])).await;
    assert_eq!(node.call("eth_blockNumber", json!([])).await, "0x3");
    assert_eq!(json!(node.chain.chain().head().hash), hash);
    node.call("evm_mine", json!([])).await;
    assert_eq!(node.call("eth_blockNumber", json!([])).await, "0x4");
    assert_eq!(node.fail("dev_seal", json!(["0xfffff"])).await.0, -32602);
    assert_eq!(
        node.fail("dev_setInterval", json!(["0x64"])).await.0,
        -32004,
        "nobody runs a clock here"
    );
}
