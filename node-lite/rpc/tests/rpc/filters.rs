//! Log queries and polled filters.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use serde_json::{Value, json};
use sidelight_testkit::TestChain;

use crate::support::Node;

fn topic() -> B256 {
    U256::from(42).into()
}

fn emit(chain: &mut TestChain, logger: Address) -> B256 {
    let raw = chain.sign(1, TxKind::Call(logger), U256::ZERO, Bytes::new(), 50_000);
    chain.chain().submit(&raw).unwrap()
}

#[tokio::test]
async fn logs_are_found_by_address_topic_and_block() {
    let mut node = Node::start().await;
    let logger = node.chain.logger();
    let hash = emit(&mut node.chain, logger);
    emit(&mut node.chain, logger);
    let block = node.chain.seal();
    let logs = node
        .call(
            "eth_getLogs",
            json!([{ "fromBlock": "earliest", "address": logger, "topics": [topic()] }]),
        )
        .await;
    let logs = logs.as_array().unwrap();
    assert_eq!(logs.len(), 2);
    assert_eq!(
        (&logs[0]["transactionHash"], &logs[0]["logIndex"]),
        (&json!(hash), &json!("0x0"))
    );
    assert_eq!(
        (&logs[1]["logIndex"], &logs[1]["blockHash"]),
        (&json!("0x1"), &json!(block.hash))
    );
    for (filter, expected) in [
        (json!({ "blockHash": block.hash }), 2),
        (
            json!({ "blockHash": block.hash, "topics": [B256::ZERO] }),
            0,
        ),
        (json!({ "fromBlock": "0x0", "toBlock": "0x1" }), 0),
        (
            json!({ "fromBlock": "0x0", "toBlock": "latest", "address": [node.chain.account(0), logger] }),
            2,
        ),
    ] {
        let got = node.call("eth_getLogs", json!([filter.clone()])).await;
        assert_eq!(got.as_array().unwrap().len(), expected, "{filter}");
    }
    for (filter, text) in [
        (
            json!({ "fromBlock": "0x0", "toBlock": "0xffff" }),
            "block range extends beyond current head block",
        ),
        (json!({ "blockHash": B256::ZERO }), "unknown block"),
        (
            json!({ "blockHash": block.hash, "toBlock": "0x1" }),
            "invalid argument 0: cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other",
        ),
    ] {
        let (_, got, _) = node.fail("eth_getLogs", json!([filter])).await;
        assert_eq!(got, text);
    }
}

#[tokio::test]
async fn a_log_query_has_limits() {
    let mut node = Node::with(TestChain::new(1), |config| {
        config.limits.log_blocks = 3;
        config.limits.logs = 1;
    })
    .await;
    let logger = node.chain.logger();
    emit(&mut node.chain, logger);
    emit(&mut node.chain, logger);
    node.chain.seal();
    for _ in 0..3 {
        node.chain.seal();
    }
    let (code, text, _) = node
        .fail(
            "eth_getLogs",
            json!([{ "fromBlock": "0x0", "toBlock": "latest" }]),
        )
        .await;
    assert_eq!(code, -32602);
    assert!(text.contains("block range"), "{text}");
    let (_, text, _) = node
        .fail(
            "eth_getLogs",
            json!([{ "fromBlock": "0x2", "toBlock": "0x2" }]),
        )
        .await;
    assert!(text.contains("more than 1 results"), "{text}");
    let (code, ..) = node
        .fail(
            "eth_getLogs",
            json!([{ "fromBlock": "0x3", "toBlock": "0x2" }]),
        )
        .await;
    assert_eq!(code, -32602);
}

#[tokio::test]
async fn filters_report_what_is_new_once() {
    let mut node = Node::start().await;
    let logger = node.chain.logger();
    let blocks = node.call("eth_newBlockFilter", json!([])).await;
    let logs = node
        .call("eth_newFilter", json!([{ "address": logger }]))
        .await;
    let pending = node
        .call("eth_newPendingTransactionFilter", json!([]))
        .await;
    let hash = emit(&mut node.chain, logger);
    let block = node.chain.seal();

    assert_eq!(
        node.call("eth_getFilterChanges", json!([blocks])).await,
        json!([block.hash])
    );
    assert_eq!(
        node.call("eth_getFilterChanges", json!([pending])).await,
        json!([hash])
    );
    assert_eq!(
        node.call("eth_getFilterChanges", json!([logs])).await[0]["transactionHash"],
        json!(hash)
    );
    for filter in [&blocks, &pending, &logs] {
        assert_eq!(
            node.call("eth_getFilterChanges", json!([filter])).await,
            json!([])
        );
    }
    assert_eq!(node.call("eth_uninstallFilter", json!([logs])).await, true);
    assert_eq!(node.call("eth_uninstallFilter", json!([logs])).await, false);
    let (code, text, _) = node.fail("eth_getFilterChanges", json!([logs])).await;
    assert_eq!((code, text.as_str()), (-32000, "filter not found"));
}

#[tokio::test]
async fn the_number_of_filters_is_bounded() {
    let node = Node::with(TestChain::new(1), |config| config.limits.filters = 1).await;
    assert!(matches!(
        node.call("eth_newBlockFilter", json!([])).await,
        Value::String(_)
    ));
    let (code, ..) = node.fail("eth_newBlockFilter", json!([])).await;
    assert_eq!(code, -32005);
}
