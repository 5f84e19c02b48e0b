//! Blocks older than the headers that a client keeps, over a real node: found by jumps and runs back to genesis, with their transactions, receipts and logs, and no false ancestor is believed.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "tests fail by panicking"
)]

mod common;

use alloy_primitives::{B256, Bytes, TxKind, U256};
use common::{Node, Tab, options};
use node_lite_exec::{SealMode, SequencerConfig};
use serde_json::{Value, json};
use sidelight_client::{
    BlockId, Client,
    dto::{Mode, StartOptions},
};
use sidelight_testkit::{Lie, TestChain};

/// A chain that keeps few states, with a log in each of its first blocks.
fn chain(seed: u64, blocks: u64) -> TestChain {
    let mut chain = TestChain::with_config(
        seed,
        SequencerConfig {
            seal: SealMode::Manual,
            retain_blocks: 8,
            ..SequencerConfig::default()
        },
    );
    let logger = chain.logger();
    for _ in 0..5 {
        let raw = chain.sign(0, TxKind::Call(logger), U256::ZERO, Bytes::new(), 60_000);
        chain.chain().submit(&raw).unwrap();
        chain.seal();
    }
    while chain.chain().head().number() < blocks {
        chain.seal();
    }
    chain
}

/// A client that begins two blocks below the head, and so keeps three headers.
async fn young(chain: &TestChain, nodes: &[&Node]) -> Tab {
    let start = chain.chain().head().number() - 2;
    let checkpoint = chain.chain().block_by_number(start).unwrap().hash;
    Tab::synced(StartOptions {
        checkpoint: Some(checkpoint),
        ..options(Mode::Headers, nodes)
    })
    .await
}

async fn ask(client: &Client, method: &str, params: Value) -> Value {
    let answer = client.call(method, &params.to_string()).await;
    let text = answer.unwrap_or_else(|error| panic!("{method}: {error:?}"));
    serde_json::from_str(&text).unwrap()
}

async fn told(node: &Node, method: &str, params: Value) -> Value {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let answer = reqwest::Client::new()
        .post(&node.url)
        .header("content-type", "application/json")
        .body(request.to_string())
        .send()
        .await
        .unwrap();
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    answer["result"].clone()
}

#[tokio::test]
async fn any_block_back_to_genesis_is_read_from_a_checkpoint() {
    let chain = chain(21, 60);
    let node = Node::start(&chain).await;
    let tab = young(&chain, &[&node]).await;
    let at = |number| chain.chain().block_by_number(number).unwrap();
    for (number, how) in [
        (50, "parent hashes"),
        (20, "EIP-2935"),
        (3, "EIP-2935"),
        (0, "EIP-2935"),
    ] {
        let view = tab.client.block(BlockId::Number(number)).await.unwrap();
        assert_eq!(view.hash, at(number).hash);
        assert!(
            view.trust.checks.iter().any(|check| check.contains(how)),
            "{:?}",
            view.trust.checks
        );
        assert_eq!(view.trust.level, sidelight_client::dto::TrustLevel::Signed);
        let view = tab
            .client
            .block(BlockId::Hash(at(number).hash))
            .await
            .unwrap();
        assert_eq!(view.number, number);
    }
    let call = *at(3).transactions[0].tx_hash();
    let range = json!([{ "fromBlock": "earliest", "toBlock": "latest" }]);
    for (method, params) in [
        ("eth_getTransactionByHash", json!([call])),
        ("eth_getTransactionReceipt", json!([call])),
        ("eth_getBlockReceipts", json!(["0x4"])),
        ("eth_getBlockByNumber", json!(["0x2", true])),
        ("eth_getLogs", range.clone()),
        (
            "eth_getLogs",
            json!([{ "fromBlock": "0x3", "toBlock": "0x4" }]),
        ),
    ] {
        let ours = ask(&tab.client, method, params.clone()).await;
        assert_eq!(
            ours,
            told(&node, method, params.clone()).await,
            "{method} {params}"
        );
    }
    let logs = ask(&tab.client, "sidelight_getLogs", range).await;
    assert_eq!(logs["logs"].as_array().unwrap().len(), 5);
    assert_eq!(tab.client.status().faults, []);
    // What is no block of this chain is not found, and the state of an old one is gone: neither is a zero.
    let unknown = tab.client.block(BlockId::Hash(B256::repeat_byte(5))).await;
    assert_eq!(unknown.unwrap_err().code(), -32001);
    let gone = tab
        .client
        .account(chain.account(0), &[], BlockId::Number(20))
        .await;
    assert_eq!(gone.unwrap_err().code(), -32001);
}

#[tokio::test]
async fn milestones_lead_over_more_blocks_than_the_history_contract_remembers() {
    let chain = chain(22, 8_300);
    let node = Node::start(&chain).await;
    let tab = young(&chain, &[&node]).await;
    let view = tab.client.block(BlockId::Number(4)).await.unwrap();
    assert_eq!(view.hash, chain.chain().block_by_number(4).unwrap().hash);
    let jumps = view
        .trust
        .checks
        .iter()
        .filter(|check| check.contains("EIP-2935"));
    assert_eq!(jumps.count(), 2, "{:?}", view.trust.checks);
    let logs = ask(&tab.client, "eth_getLogs", json!([{ "fromBlock": "0x0" }])).await;
    assert_eq!(
        logs,
        told(
            &node,
            "eth_getLogs",
            json!([{ "fromBlock": "0x0", "toBlock": "0x64" }])
        )
        .await
    );
}

#[tokio::test]
async fn no_false_ancestor_is_believed() {
    let chain = chain(23, 60);
    let cases = [
        (
            Lie::WrongAncestor,
            "eth_getLogs",
            json!([{ "fromBlock": "0x0" }]),
            "wrong_parent",
        ),
        (
            Lie::WrongAncestor,
            "eth_getBlockByNumber",
            json!(["0x32", false]),
            "wrong_parent",
        ),
        (
            Lie::WrongStorage,
            "eth_getBlockByNumber",
            json!(["0x5", false]),
            "bad_proof",
        ),
        (
            Lie::ForgedSignature,
            "eth_getBlockByNumber",
            json!(["0x5", false]),
            "bad_signature",
        ),
    ];
    for (lie, method, params, kind) in cases {
        let liar = Node::start(&chain).await;
        let tab = young(&chain, &[&liar]).await;
        liar.lie(lie, &chain);
        let error = tab.client.call(method, &params.to_string()).await;
        let error = error.map_or_else(|error| error, |value| panic!("{lie:?} {method}: {value}"));
        assert_eq!(error.code, -32090, "{lie:?} {method}: {error:?}");
        assert_eq!(error.data.unwrap().kind, kind, "{lie:?} {method}");
        let honest = Node::start(&chain).await;
        let both = young(&chain, &[&liar, &honest]).await;
        assert_eq!(
            ask(&both.client, method, params.clone()).await,
            told(&honest, method, params).await,
            "{lie:?} {method}"
        );
    }
}
