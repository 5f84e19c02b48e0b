//! Transactions, receipts and logs through the client over a real node: equal to the node's own answers, complete over a range, and no lie about them is believed.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "tests fail by panicking"
)]

mod common;

use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use common::{Node, Tab, options};
use serde_json::{Value, json};
use sidelight_client::{Client, dto::Mode};
use sidelight_testkit::{Lie, TestChain};

/// A chain with logs in some of its blocks, several in the last.
struct Logs {
    chain: TestChain,
    logger: Address,
    last: B256,
    call: B256,
}

fn logs(seed: u64) -> Logs {
    let mut chain = TestChain::new(seed);
    let logger = chain.logger();
    let call = |chain: &mut TestChain| {
        let raw = chain.sign(0, TxKind::Call(logger), U256::ZERO, Bytes::new(), 60_000);
        chain.chain().submit(&raw).unwrap()
    };
    for _ in 0..3 {
        chain.busy_block();
        call(&mut chain);
        chain.seal();
    }
    call(&mut chain);
    chain.transfer(1, Address::repeat_byte(7), 5);
    let hash = call(&mut chain);
    let last = chain.seal().hash;
    Logs {
        chain,
        logger,
        last,
        call: hash,
    }
}

async fn ask(client: &Client, method: &str, params: Value) -> Value {
    let answer = client.call(method, &params.to_string()).await;
    let text = answer.unwrap_or_else(|error| panic!("{method}: {error:?}"));
    serde_json::from_str(&text).unwrap()
}

/// Kind and block of the refusal.
async fn refused(client: &Client, method: &str, params: Value) -> (String, Option<u64>) {
    let error = client.call(method, &params.to_string()).await;
    let error = error.map_or_else(|error| error, |value| panic!("{method}: {value}"));
    assert_eq!(error.code, -32090, "{method}: {error:?}");
    let data = error.data.unwrap();
    assert_eq!(data.method, method);
    assert!(!data.peer.is_empty() && data.expected != data.got);
    (data.kind, data.block)
}

/// What the node itself says, over JSON-RPC.
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
async fn every_answer_is_the_nodes_own_and_is_labelled() {
    let Logs {
        chain,
        logger,
        last,
        call,
    } = logs(11);
    let node = Node::start(&chain).await;
    let tab = Tab::synced(options(Mode::Headers, &[&node])).await;
    let number = chain.chain().head().number();
    let first = chain.chain().block_by_number(1).unwrap().transactions[0].clone();
    let questions = [
        ("eth_getTransactionByHash", json!([call])),
        ("eth_getTransactionByHash", json!([first.tx_hash()])),
        (
            "eth_getTransactionByBlockHashAndIndex",
            json!([last, "0x1"]),
        ),
        (
            "eth_getTransactionByBlockHashAndIndex",
            json!([last, "0x9"]),
        ),
        (
            "eth_getTransactionByBlockNumberAndIndex",
            json!(["latest", "0x0"]),
        ),
        ("eth_getTransactionReceipt", json!([call])),
        ("eth_getTransactionReceipt", json!([first.tx_hash()])),
        ("eth_getBlockReceipts", json!([last])),
        ("eth_getBlockReceipts", json!(["0x0"])),
        ("eth_getLogs", json!([{ "blockHash": last }])),
        ("eth_getLogs", json!([{ "fromBlock": "earliest" }])),
        (
            "eth_getLogs",
            json!([{ "fromBlock": "0x2", "toBlock": "0x5", "address": logger }]),
        ),
        (
            "eth_getLogs",
            json!([{ "fromBlock": "0x0", "topics": [[B256::ZERO, B256::from(U256::from(42))]] }]),
        ),
        (
            "eth_getLogs",
            json!([{ "fromBlock": "0x0", "topics": [B256::ZERO] }]),
        ),
        ("eth_getBlockByNumber", json!(["0x3", true])),
    ];
    for (method, params) in questions {
        let ours = ask(&tab.client, method, params.clone()).await;
        assert_eq!(
            ours,
            told(&node, method, params.clone()).await,
            "{method} {params}"
        );
        let labelled = ask(&tab.client, "sidelight_request", json!([method, params])).await;
        assert_eq!(labelled["trust"]["level"], "signed", "{method}");
        assert_eq!(labelled["value"], ours);
    }
    // 3 blocks with a log each, and two in the last.
    let view = ask(
        &tab.client,
        "sidelight_getLogs",
        json!([{ "fromBlock": "0x0" }]),
    )
    .await;
    assert_eq!(
        (&view["complete"], &view["from"], &view["to"]),
        (&json!(true), &json!(0), &json!(number))
    );
    assert_eq!(view["logs"].as_array().unwrap().len(), 5);
    assert_eq!(view["missing"], json!([]));
}

#[tokio::test]
async fn a_hash_that_nobody_knows_is_null_and_says_that_this_is_not_proven() {
    let Logs { chain, .. } = logs(12);
    let node = Node::start(&chain).await;
    let tab = Tab::synced(options(Mode::Headers, &[&node])).await;
    for method in ["eth_getTransactionByHash", "eth_getTransactionReceipt"] {
        let labelled = ask(
            &tab.client,
            "sidelight_request",
            json!([method, [B256::ZERO]]),
        )
        .await;
        assert_eq!(labelled["value"], Value::Null);
        assert_eq!(labelled["trust"]["level"], "unverified");
    }
}

#[tokio::test]
async fn no_lie_about_transactions_receipts_or_logs_is_believed() {
    let Logs {
        chain, call, last, ..
    } = logs(13);
    let head = chain.chain().head().number();
    let all = json!([{ "fromBlock": "0x0" }]);
    let cases = [
        (Lie::OmittedLog, "eth_getLogs", all.clone(), "bad_proof"),
        (
            Lie::OmittedLog,
            "eth_getTransactionReceipt",
            json!([call]),
            "bad_proof",
        ),
        (Lie::MislabelledLog, "eth_getLogs", all.clone(), "bad_proof"),
        (
            Lie::MislabelledLog,
            "eth_getBlockReceipts",
            json!([last]),
            "bad_proof",
        ),
        (
            Lie::OtherBlockReceipts,
            "eth_getLogs",
            all.clone(),
            "bad_proof",
        ),
        (
            Lie::OtherBlockReceipts,
            "eth_getTransactionReceipt",
            json!([call]),
            "bad_proof",
        ),
        (
            Lie::OtherBlockBody,
            "eth_getTransactionByHash",
            json!([call]),
            "bad_proof",
        ),
        (Lie::OtherBlockBody, "eth_getLogs", all.clone(), "bad_proof"),
        (
            Lie::WrongIndex,
            "eth_getTransactionByHash",
            json!([call]),
            "wrong_response",
        ),
        (
            Lie::WrongIndex,
            "eth_getTransactionReceipt",
            json!([call]),
            "wrong_response",
        ),
        (
            Lie::WithheldReceipts,
            "eth_getLogs",
            all.clone(),
            "incomplete_logs",
        ),
    ];
    for (lie, method, params, kind) in cases {
        let liar = Node::start(&chain).await;
        let tab = Tab::synced(options(Mode::Headers, &[&liar])).await;
        liar.lie(lie, &chain);
        let (got, block) = refused(&tab.client, method, params.clone()).await;
        assert_eq!(got, kind, "{lie:?} {method}");
        assert!(block.is_some_and(|block| block <= head));
        // With one honest node among them there is a value.
        let honest = Node::start(&chain).await;
        let both = Tab::synced(options(Mode::Headers, &[&liar, &honest])).await;
        assert_eq!(
            ask(&both.client, method, params.clone()).await,
            told(&honest, method, params).await,
            "{lie:?} {method}"
        );
    }
}

#[tokio::test]
async fn logs_of_a_node_that_withholds_receipts_say_which_blocks_are_missing() {
    let Logs { chain, .. } = logs(14);
    let node = Node::start(&chain).await;
    let tab = Tab::synced(options(Mode::Headers, &[&node])).await;
    node.lie(Lie::WithheldReceipts, &chain);
    let view = ask(
        &tab.client,
        "sidelight_getLogs",
        json!([{ "fromBlock": "0x1" }]),
    )
    .await;
    let bloomed: Vec<u64> = (1..=chain.chain().head().number())
        .filter(|number| {
            let block = chain.chain().block_by_number(*number).unwrap();
            !block.header().logs_bloom.is_zero()
        })
        .collect();
    let missing: Vec<u64> = view["missing"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gap| gap["from"].as_u64().unwrap())
        .collect();
    assert_eq!(
        (missing, &view["complete"]),
        (bloomed.clone(), &json!(false))
    );
    assert_eq!(view["logs"], json!([]));
    let error = tab
        .client
        .call("eth_getLogs", r#"[{"fromBlock":"0x1"}]"#)
        .await;
    let range = error.unwrap_err().data.unwrap().logs.unwrap();
    assert_eq!(range.missing.len(), bloomed.len());
    // Blocks that the bloom excludes need no receipts.
    let none = json!([{ "fromBlock": "0x1", "address": Address::repeat_byte(0x77) }]);
    assert_eq!(ask(&tab.client, "eth_getLogs", none).await, json!([]));
}

#[tokio::test]
async fn one_transaction_of_a_large_block_costs_its_path_and_not_the_body() {
    let mut chain = TestChain::new(15);
    for to in 0..120_u64 {
        chain.transfer(1, Address::from_word(U256::from(to + 1).into()), 1);
    }
    let block = chain.seal();
    assert_eq!(block.transactions.len(), 120);
    let node = Node::start(&chain).await;
    let tab = Tab::synced(options(Mode::Headers, &[&node])).await;
    let mut costs = Vec::new();
    for index in [0_usize, 77, 119] {
        let hash = *block.transactions[index].tx_hash();
        let labelled = ask(
            &tab.client,
            "sidelight_request",
            json!(["eth_getTransactionByHash", [hash]]),
        )
        .await;
        assert_eq!(labelled["value"]["hash"], json!(hash));
        assert_eq!(
            labelled["value"]["from"],
            json!(chain.account(1)).as_str().unwrap().to_lowercase()
        );
        costs.push(labelled["trust"]["proofBytes"].as_u64().unwrap());
    }
    let body: usize = block
        .encoded_transactions()
        .iter()
        .map(|raw| raw.len())
        .sum();
    assert!(
        costs.iter().all(|cost| *cost as usize * 5 < body),
        "{costs:?} {body}"
    );
    // A place behind the end is proven to be empty by the whole list.
    let none = json!([block.hash, "0x78"]);
    assert_eq!(
        ask(&tab.client, "eth_getTransactionByBlockHashAndIndex", none).await,
        Value::Null
    );
    // The path is proven as well.
    node.lie(Lie::OtherBlockBody, &chain);
    chain.transfer(1, Address::repeat_byte(9), 1);
    chain.seal();
    let tab = Tab::synced(options(Mode::Headers, &[&node])).await;
    let params = json!([block.hash, "0x0"]);
    let (kind, _) = refused(&tab.client, "eth_getTransactionByBlockHashAndIndex", params).await;
    assert_eq!(kind, "bad_proof");
}
