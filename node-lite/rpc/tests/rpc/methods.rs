//! Ethereum's methods.

use alloy_primitives::{B256, Bytes, TxKind, U256, hex};
use serde_json::{Value, json};
use sidelight_core::proof::{verify_account_proof, verify_storage_proof};

use crate::support::Node;

#[tokio::test]
async fn a_transaction_can_be_sent_found_and_followed_to_its_receipt() {
    let mut node = Node::start().await;
    let (from, to) = (node.chain.account(0), node.chain.account(1));
    let raw = node
        .chain
        .sign(0, TxKind::Call(to), U256::from(5), Bytes::new(), 21_000);
    let hash = node.call("eth_sendRawTransaction", json!([raw])).await;
    assert_eq!(
        node.call("eth_getTransactionReceipt", json!([hash])).await,
        Value::Null
    );
    assert_eq!(
        node.call("eth_getTransactionByHash", json!([hash])).await["blockHash"],
        Value::Null
    );
    assert_eq!(
        node.call("eth_getTransactionCount", json!([from, "pending"]))
            .await,
        "0x1"
    );
    assert_eq!(
        node.call("eth_getTransactionCount", json!([from, "latest"]))
            .await,
        "0x0"
    );

    let block = node.chain.seal();
    let receipt = node.call("eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(
        (&receipt["status"], &receipt["gasUsed"], &receipt["type"]),
        (&json!("0x1"), &json!("0x5208"), &json!("0x2"))
    );
    assert_eq!(receipt["blockHash"], json!(block.hash));
    let transaction = node.call("eth_getTransactionByHash", json!([hash])).await;
    assert_eq!(transaction["from"], json!(from));
    let full = node
        .call("eth_getBlockByNumber", json!(["latest", true]))
        .await;
    assert_eq!(full["transactions"][0], transaction);
    let light = node
        .call("eth_getBlockByHash", json!([block.hash, false]))
        .await;
    assert_eq!(light["transactions"][0], hash);
    assert_eq!(
        node.call("eth_getBlockTransactionCountByHash", json!([block.hash]))
            .await,
        "0x1"
    );
    assert_eq!(
        node.call(
            "eth_getTransactionByBlockNumberAndIndex",
            json!(["0x1", "0x0"])
        )
        .await,
        transaction
    );
    assert_eq!(
        node.call("eth_getBlockReceipts", json!([{ "blockHash": block.hash }]))
            .await[0],
        receipt
    );
    assert_eq!(
        node.call("eth_getRawTransactionByHash", json!([hash]))
            .await,
        json!(raw)
    );
}

#[tokio::test]
async fn refused_transactions_have_ethereums_words() {
    let mut node = Node::start().await;
    let to = TxKind::Call(node.chain.account(1));
    let first = node.chain.sign(0, to, U256::ZERO, Bytes::new(), 21_000);
    node.call("eth_sendRawTransaction", json!([first])).await;
    let (code, text, _) = node.fail("eth_sendRawTransaction", json!([first])).await;
    assert_eq!((code, text.as_str()), (-32003, "already known"));
    node.chain.seal();
    let (code, text, _) = node.fail("eth_sendRawTransaction", json!([first])).await;
    assert_eq!(code, -32003);
    assert!(text.starts_with("nonce too low"), "{text}");
    let rich = node.chain.sign(0, to, U256::MAX >> 8, Bytes::new(), 21_000);
    let (_, text, _) = node.fail("eth_sendRawTransaction", json!([rich])).await;
    assert!(
        text.starts_with("insufficient funds for gas * price + value"),
        "{text}"
    );
    let (code, ..) = node.fail("eth_sendRawTransaction", json!(["0x02"])).await;
    assert_eq!(code, -32602);
}

#[tokio::test]
async fn a_synchronous_send_answers_with_the_receipt_or_says_that_it_waits() {
    let mut node = Node::start().await;
    let to = TxKind::Call(node.chain.account(1));
    let raw = node.chain.sign(0, to, U256::ZERO, Bytes::new(), 21_000);
    let mut pending = node.chain.chain().subscribe_pending();
    let chain = node.chain.chain().clone();
    tokio::spawn(async move {
        pending.recv().await.unwrap();
        tokio::task::spawn_blocking(move || chain.seal().unwrap())
            .await
            .unwrap();
    });
    let receipt = node.call("eth_sendRawTransactionSync", json!([raw])).await;
    assert_eq!(receipt["status"], "0x1");

    let raw = node.chain.sign(0, to, U256::ZERO, Bytes::new(), 21_000);
    let (code, _, data) = node
        .fail("eth_sendRawTransactionSync", json!([raw, "0x1"]))
        .await;
    assert_eq!(code, 4);
    assert_eq!(data, json!(alloy_primitives::keccak256(&raw)));
}

#[tokio::test]
async fn a_revert_carries_its_data_and_its_reason() {
    let mut node = Node::start().await;
    let to = node.chain.reverter();
    let reason = hex!(
        "08c379a0000000000000000000000000000000000000000000000000000000000000002000000000000000000000000000000000000000000000000000000000000000026e6f000000000000000000000000000000000000000000000000000000000000"
    );
    let data = hex::encode_prefixed(reason);
    for method in ["eth_call", "eth_estimateGas"] {
        let got = node.fail(method, json!([{ "to": to, "data": data }])).await;
        assert_eq!(
            got,
            (3, "execution reverted: no".into(), json!(data)),
            "{method}"
        );
    }
    let (code, ..) = node.fail("eth_call", json!([{ "to": to }, "0xffff"])).await;
    assert_eq!(code, -32000);
}

#[tokio::test]
async fn a_proof_verifies_against_the_state_root_of_its_block() {
    let mut node = Node::start().await;
    let store = node.chain.store();
    node.chain.write(3, 99);
    let block = node.chain.seal();
    let proof = node
        .call(
            "eth_getProof",
            json!([store, ["0x3", "0x4"], { "blockHash": block.hash }]),
        )
        .await;
    let nodes = |value: &Value| serde_json::from_value::<Vec<Bytes>>(value.clone()).unwrap();
    let account = verify_account_proof(block.state_root(), store, &nodes(&proof["accountProof"]))
        .unwrap()
        .unwrap();
    assert_eq!(proof["storageHash"], json!(account.storage_root));
    for (index, slot, value) in [(0, 3, 99), (1, 4, 0)] {
        let entry = &proof["storageProof"][index];
        assert_eq!(entry["value"], format!("{value:#x}"));
        let got = verify_storage_proof(
            account.storage_root,
            B256::from(U256::from(slot)),
            &nodes(&entry["proof"]),
        )
        .unwrap();
        assert_eq!(got, U256::from(value));
    }
    assert_eq!(
        node.call("eth_getStorageAt", json!([store, "0x3", "latest"]))
            .await,
        json!(B256::from(U256::from(99)))
    );
}

#[tokio::test]
async fn blocks_are_named_by_tag_number_and_hash() {
    let node = Node::start().await;
    node.chain.seal();
    let latest = node
        .call("eth_getBlockByNumber", json!(["latest", false]))
        .await;
    for tag in ["pending", "safe", "finalized", "0x1"] {
        assert_eq!(
            node.call("eth_getBlockByNumber", json!([tag, false])).await["hash"],
            latest["hash"],
            "{tag}"
        );
    }
    assert_eq!(
        node.call("eth_getBlockByNumber", json!(["earliest", false]))
            .await["number"],
        "0x0"
    );
    assert_eq!(
        node.call("eth_getBlockByNumber", json!(["0x2", false]))
            .await,
        Value::Null
    );
    let (code, text, _) = node
        .fail("eth_getBalance", json!([node.chain.account(0), "0x2"]))
        .await;
    assert_eq!((code, text.as_str()), (-32000, "header not found"));
    let header: alloy_rpc_types_eth::Header = serde_json::from_value(latest.clone()).unwrap();
    assert_eq!(json!(header.inner.hash_slow()), latest["hash"]);
}

#[tokio::test]
async fn fees_have_a_history() {
    let mut node = Node::start().await;
    let to = node.chain.account(1);
    node.chain.transfer(0, to, 1);
    node.chain.seal();
    let history = node
        .call("eth_feeHistory", json!(["0x2", "latest", [0, 100]]))
        .await;
    assert_eq!(history["oldestBlock"], "0x0");
    assert_eq!(history["baseFeePerGas"].as_array().unwrap().len(), 3);
    assert_eq!(history["reward"][1], json!(["0x3b9aca00", "0x3b9aca00"]));
    assert_eq!(
        node.call("eth_maxPriorityFeePerGas", json!([])).await,
        "0x3b9aca00"
    );
    let (code, ..) = node
        .fail("eth_feeHistory", json!(["0x2", "latest", [50, 10]]))
        .await;
    assert_eq!(code, -32602);
}

#[tokio::test]
async fn an_access_list_names_what_a_call_touches() {
    let mut node = Node::start().await;
    let store = node.chain.store();
    let data = hex::encode_prefixed(
        [
            U256::from(3).to_be_bytes::<32>(),
            U256::from(4).to_be_bytes(),
        ]
        .concat(),
    );
    let list = node
        .call(
            "eth_createAccessList",
            json!([{ "from": node.chain.account(0), "to": store, "data": data }]),
        )
        .await;
    assert_eq!(list["accessList"][0]["address"], json!(store));
    assert_eq!(
        list["accessList"][0]["storageKeys"],
        json!([B256::from(U256::from(3))])
    );
}

/// `cast send --legacy` estimates with this very price.
#[tokio::test]
async fn the_suggested_price_is_enough_for_the_newest_block_while_base_fees_fall() {
    let node = Node::start().await;
    let quantity = |value: Value| value.as_str().unwrap().parse::<U256>().unwrap();
    for _ in 0..3 {
        node.chain.seal();
        let newest = node
            .call("eth_getBlockByNumber", json!(["latest", false]))
            .await;
        let base_fee = quantity(newest["baseFeePerGas"].clone());
        let next = quantity(node.call("eth_baseFee", json!([])).await);
        assert!(next < base_fee, "{next} < {base_fee}");
        let tip = quantity(node.call("eth_maxPriorityFeePerGas", json!([])).await);
        let price = quantity(node.call("eth_gasPrice", json!([])).await);
        assert_eq!(price, base_fee + tip);
    }
}
