//! The client over a real node: what it follows, reads and remembers, and which lies it catches.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "tests fail by panicking"
)]

mod common;

use alloy_primitives::{Address, B256, U256};
use common::{Node, Tab, options, watch};
use sidelight_client::{
    BlockId, ClientError,
    dto::{
        ClientState, Event, Mode, PeerState, StartOptions, StorageOption, TrustLevel, WatchEntry,
    },
    files::verify_file,
};
use sidelight_testkit::{Lie, TestChain};

#[tokio::test]
async fn follows_thirty_blocks_in_each_mode_and_every_value_is_the_nodes() {
    for (mode, level) in [
        (Mode::Headers, TrustLevel::Signed),
        (Mode::Watch, TrustLevel::Signed),
        (Mode::Consistent, TrustLevel::Consistent),
    ] {
        let mut chain = TestChain::new(7);
        chain.busy_block();
        let node = Node::start(&chain).await;
        let start = StartOptions {
            watch: watch(&chain),
            ..options(mode, &[&node])
        };
        let mut tab = Tab::synced(start).await;
        for _ in 0..30 {
            let sealed = chain.busy_block();
            let block = tab.block(sealed.number()).await;
            assert_eq!((block.hash, block.level), (sealed.hash, level), "{mode:?}");
            assert_eq!(block.changed_accounts.is_some(), mode != Mode::Headers);
            assert!(block.bytes > 0);
            let account = chain.account(1);
            let view = tab
                .client
                .account(account, &[], BlockId::Hash(sealed.hash))
                .await
                .unwrap();
            let truth = chain
                .chain()
                .state()
                .account_at(sealed.state_root(), account)
                .unwrap()
                .unwrap();
            assert_eq!(
                (view.balance.value, view.nonce.value),
                (truth.balance, truth.nonce)
            );
            assert_eq!(view.balance.trust.level, TrustLevel::Consistent);
        }
        let status = tab.client.status();
        assert_eq!(
            (status.state, status.faults.len()),
            (ClientState::Live, 0),
            "{:?}",
            status.faults
        );
        assert_eq!(status.peers[0].state, PeerState::Streaming);
    }
}

#[tokio::test]
async fn a_node_without_websockets_is_polled() {
    let mut chain = TestChain::new(8);
    let node = Node::start(&chain).await;
    // A proxy that only speaks plain HTTP: the upgrade is not among its routes.
    let upstream = node.url.clone();
    let proxy = axum::Router::new().route(
        "/lite",
        axum::routing::post(move |body: axum::body::Bytes| async move {
            let answer = reqwest::Client::new()
                .post(format!("{upstream}/lite"))
                .header("content-type", "application/octet-stream")
                .body(body.to_vec())
                .send()
                .await
                .unwrap();
            answer.bytes().await.unwrap().to_vec()
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, proxy).await.unwrap() });

    chain.busy_block();
    let mut tab = Tab::synced(StartOptions {
        nodes: vec![url],
        ..options(Mode::Consistent, &[&node])
    })
    .await;
    let sealed = chain.busy_block();
    assert_eq!(tab.block(sealed.number()).await.hash, sealed.hash);
    assert_eq!(tab.client.status().peers[0].state, PeerState::Polling);
}

#[tokio::test]
async fn watched_values_are_served_from_the_verified_set_without_a_node() {
    let mut chain = TestChain::new(9);
    chain.transfer(1, chain.account(2), 5);
    chain.seal();
    let node = Node::start(&chain).await;
    let start = StartOptions {
        watch: watch(&chain),
        ..options(Mode::Watch, &[&node])
    };
    let mut tab = Tab::synced(start).await;
    tab.status(|status| status.verified.proofs >= 3).await;
    chain.transfer(1, chain.account(2), 70_000);
    let sealed = chain.seal();
    tab.block(sealed.number()).await;
    let before = tab.client.status().bytes;
    let view = tab
        .client
        .account(chain.account(2), &[], BlockId::Latest)
        .await
        .unwrap();
    let truth = chain
        .chain()
        .state()
        .account_at(sealed.state_root(), chain.account(2))
        .unwrap()
        .unwrap();
    assert_eq!(view.balance.value, truth.balance);
    assert_eq!(view.balance.trust.block.unwrap().hash, sealed.hash);
    assert_eq!(tab.client.status().bytes, before, "nothing was asked");
    // An account that is not watched is asked for.
    assert!(
        !tab.client
            .account(Address::repeat_byte(0xee), &[], BlockId::Latest)
            .await
            .unwrap()
            .exists
            .value
    );
    assert!(tab.client.status().bytes > before);
}

#[tokio::test]
async fn synced_means_at_the_height_that_the_node_had_when_it_was_met() {
    let chain = TestChain::new(10);
    (0..2).for_each(|_| drop(chain.seal()));
    let node = Node::start(&chain).await;
    for mode in [Mode::Headers, Mode::Consistent] {
        let tab = Tab::synced(options(mode, &[&node])).await;
        let head = tab.client.status().head.unwrap();
        // One or two blocks behind is near enough later, not at the start.
        assert_eq!(head.number, 2);
    }
}

#[tokio::test]
async fn blocks_transactions_storage_and_code_are_read_and_proven() {
    let mut chain = TestChain::new(10);
    let store = chain.store();
    let hash = chain.write(3, 44);
    let sealed = chain.seal();
    let node = Node::start(&chain).await;
    let tab = Tab::synced(options(Mode::Headers, &[&node])).await;
    let client = &tab.client;

    let block = client.block(BlockId::Latest).await.unwrap();
    assert_eq!((block.hash, block.transactions.len()), (sealed.hash, 1));
    assert_eq!(block.transactions[0].from, Some(chain.account(0)));
    let transaction = client.transaction(hash).await.unwrap();
    assert_eq!(
        (transaction.block.hash, transaction.summary.hash),
        (sealed.hash, hash)
    );
    assert!(transaction.receipt.unwrap().status);

    let view = client
        .account(store, &[U256::from(3), U256::from(4)], BlockId::Latest)
        .await
        .unwrap();
    assert_eq!(view.storage[0].labelled.value, U256::from(44));
    assert_eq!(view.storage[1].labelled.value, U256::ZERO, "proven absent");
    let drawn = view.storage[0].labelled.trust.proof.as_ref().unwrap();
    assert_eq!(drawn.paths.len(), 2);
    assert!(drawn.paths.iter().all(|path| !path.nodes.is_empty()));
    let code = client.code(store, BlockId::Latest).await.unwrap();
    assert_eq!(
        alloy_primitives::keccak256(&code.value),
        view.code_hash.value
    );

    let file = client
        .save_proof(store, &[U256::from(3)], BlockId::Latest)
        .await
        .unwrap();
    let verdict = verify_file(&file, None);
    assert!(verdict.ok, "{verdict:?}");
    assert!(
        verify_file(&file.replace("0x2c", "0x2d"), None)
            .reason
            .is_some()
    );
    assert!(verify_file(&client.checkpoint().unwrap(), None).ok);

    // The provider's shapes.
    let call = async |method: &str, params: &str| -> serde_json::Value {
        serde_json::from_str(&client.call(method, params).await.unwrap()).unwrap()
    };
    assert_eq!(call("eth_blockNumber", "[]").await, "0x2");
    assert_eq!(call("eth_chainId", "[]").await, "0x7a69");
    let full = call("eth_getBlockByNumber", r#"["latest", true]"#).await;
    assert_eq!(
        full["transactions"][0]["from"]
            .as_str()
            .unwrap()
            .to_lowercase(),
        chain.account(0).to_string().to_lowercase()
    );
    assert_eq!(full["hash"], sealed.hash.to_string());
    let labelled = call(
        "sidelight_request",
        &format!(r#"["eth_getStorageAt", ["{store}", "0x3", "latest"]]"#),
    )
    .await;
    assert_eq!(labelled["trust"]["level"], "consistent");
    assert_eq!(labelled["value"], B256::from(U256::from(44)).to_string());
    assert_eq!(
        client
            .call("eth_sendRawTransaction", "[]")
            .await
            .unwrap_err()
            .code,
        4200
    );
    assert_eq!(
        client.call("eth_getBalance", "[7]").await.unwrap_err().code,
        -32602
    );
    assert_eq!(
        client
            .call("eth_getBlockByNumber", r#"["0xffff", false]"#)
            .await
            .unwrap_err()
            .code,
        -32001
    );
}

#[tokio::test]
async fn each_lie_about_a_block_is_caught_and_its_block_never_shown_as_true() {
    let lies = [
        (
            Lie::AlteredDiffValue,
            &["altered_change", "bad_bal_hash"][..],
        ),
        (
            Lie::AlteredDiffCommitted,
            &["post_state_mismatch", "state_root_mismatch"],
        ),
        (Lie::OmittedChange, &["omitted_change", "bad_bal_hash"]),
        (Lie::FalseAbsence, &["false_absence", "bad_bal_hash"]),
        (
            Lie::OtherBlockDiff,
            &[
                "bad_bal_hash",
                "false_absence",
                "altered_change",
                "omitted_change",
                "bad_witness",
                "incomplete_witness",
            ],
        ),
        (Lie::WrongParent, &["wrong_parent", "bad_header"]),
        (Lie::ForgedSignature, &["bad_signature"]),
        (Lie::TruncatedFrame, &["bad_envelope"]),
        (Lie::OversizedFrame, &["oversized"]),
        (
            Lie::DecompressionBomb,
            &["decompression_bomb", "bad_envelope", "oversized"],
        ),
    ];
    for mode in [Mode::Watch, Mode::Consistent] {
        for (lie, kinds) in lies {
            let mut chain = TestChain::new(11);
            chain.busy_block();
            let node = Node::start(&chain).await;
            let start = StartOptions {
                watch: watch(&chain),
                ..options(mode, &[&node])
            };
            let mut tab = Tab::synced(start).await;
            node.lie(lie, &chain);
            chain.transfer(1, chain.account(2), 12);
            let sealed = chain.seal();
            let fault = tab.fault().await;
            assert!(
                kinds.contains(&fault.kind.as_str()),
                "{lie:?} in {mode:?}: {fault:?}"
            );
            assert!(
                !fault.expected.is_empty() && fault.expected != fault.got,
                "{fault:?}"
            );
            let shown = tab.client.status().head.unwrap();
            assert!(
                shown.number < sealed.number() || shown.hash == sealed.hash,
                "{lie:?}"
            );
            if lie != Lie::AlteredDiffCommitted {
                assert!(tab.client.status().peers[0].faults > 0, "{lie:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_honest_second_node_carries_on_while_the_first_lies() {
    let mut chain = TestChain::new(12);
    chain.busy_block();
    let (liar, honest) = (Node::start(&chain).await, Node::start(&chain).await);
    let mut tab = Tab::synced(options(Mode::Consistent, &[&liar, &honest])).await;
    liar.lie(Lie::ForgedSignature, &chain);
    for _ in 0..5 {
        let sealed = chain.busy_block();
        let found = tab.until(|event| match event {
            Event::Block(block) if block.number == sealed.number() => Some(block),
            _ => None,
        });
        assert_eq!(found.await.hash, sealed.hash);
    }
    let status = tab.status(|status| !status.faults.is_empty()).await;
    assert!(
        status.faults.iter().all(|fault| fault.peer == liar.url),
        "{:?}",
        status.faults
    );
}

#[tokio::test]
async fn lies_about_values_are_errors_with_expected_and_got_and_are_retried_elsewhere() {
    let mut chain = TestChain::new(13);
    let store = chain.store();
    chain.write(1, 9);
    chain.seal();
    for (lie, kind) in [
        (Lie::WrongBalance, "bad_proof"),
        (Lie::WrongStorage, "bad_proof"),
        (Lie::WrongCode, "bad_code"),
    ] {
        let (liar, honest) = (Node::start(&chain).await, Node::start(&chain).await);
        let alone = Tab::synced(options(Mode::Headers, &[&liar])).await;
        let both = Tab::synced(options(Mode::Headers, &[&liar, &honest])).await;
        liar.lie(lie, &chain);
        let method = if lie == Lie::WrongCode {
            "eth_getCode"
        } else {
            "sidelight_account"
        };
        let params = if lie == Lie::WrongCode {
            format!(r#"["{store}"]"#)
        } else {
            format!(r#"["{store}", ["0x1"]]"#)
        };
        let error = alone.client.call(method, &params).await.unwrap_err();
        let data = error.data.unwrap();
        assert_eq!(
            (error.code, data.kind.as_str(), data.method.as_str()),
            (-32090, kind, method),
            "{lie:?}"
        );
        assert_ne!(data.expected, data.got);
        assert_eq!(alone.client.status().faults.last().unwrap().peer, liar.url);
        // Whoever is asked first, the answer is the true one.
        for _ in 0..4 {
            assert!(both.client.call(method, &params).await.is_ok(), "{lie:?}");
        }
    }
}

#[tokio::test]
async fn equivocation_halts_the_client_for_good_and_leaves_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = TestChain::new(14);
    chain.busy_block();
    let node = Node::start(&chain).await;
    let start = StartOptions {
        storage: StorageOption::Auto,
        store_name: Some(folder.path().display().to_string()),
        ..options(Mode::Consistent, &[&node])
    };
    let mut tab = Tab::synced(start.clone()).await;
    node.lie(Lie::Equivocation, &chain);
    chain.busy_block();
    let evidence = tab
        .until(|event| match event {
            Event::Halted(evidence) => Some(evidence),
            _ => None,
        })
        .await;
    assert!(verify_file(&evidence.file, None).ok && evidence.file.len() < 1_000);
    assert_eq!(tab.client.status().state, ClientState::Conflict);
    let error = tab.client.block(BlockId::Latest).await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Verification { fault, .. } if fault.kind() == "equivocation"),
        "{error}"
    );
    tab.client.close().await;

    // The node tells the truth again; the evidence is still there.
    node.server.lies().clear();
    let again = Tab::open(start.clone()).await;
    assert_eq!(again.client.status().state, ClientState::Conflict);
    again.client.forget().await.unwrap();
    again.client.close().await;
    let fresh = Tab::synced(start).await;
    assert_eq!(fresh.client.status().anchor, "genesis");
}

#[tokio::test]
async fn a_restart_goes_on_from_the_store_and_a_swapped_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = TestChain::new(15);
    for _ in 0..5 {
        chain.busy_block();
    }
    let node = Node::start(&chain).await;
    let start = StartOptions {
        storage: StorageOption::Auto,
        store_name: Some(folder.path().display().to_string()),
        ..options(Mode::Consistent, &[&node])
    };
    let first = Tab::synced(start.clone()).await;
    let head = first
        .status(|status| status.head.is_some_and_at(chain.chain().head().number()))
        .await
        .head
        .unwrap();
    first.client.close().await;

    // Without any node: the head is there, verified again, with its age.
    let offline = Tab::open(StartOptions {
        nodes: vec!["http://127.0.0.1:9".into()],
        ..start.clone()
    })
    .await;
    let status = offline.client.status();
    assert_eq!(
        (status.anchor.as_str(), status.storage.kind.as_str()),
        ("store", "file")
    );
    assert_eq!(status.head.unwrap().hash, head.hash);
    offline.client.close().await;

    let sealed = chain.busy_block();
    let mut second = Tab::open(start.clone()).await;
    assert_eq!(second.client.status().anchor, "store");
    assert_eq!(second.block(sealed.number()).await.hash, sealed.hash);
    second.client.close().await;

    // Headers of a stranger's chain, put in the place of ours.
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("headers-")
        {
            let mut bytes = std::fs::read(&path).unwrap();
            let last = bytes.len() - 100;
            bytes[last] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
    }
    let third = Tab::open(start).await;
    let status = third.client.status();
    assert_eq!(status.faults.len(), 1, "{status:?}");
    assert_eq!(
        (
            status.faults[0].kind.as_str(),
            status.faults[0].peer.as_str()
        ),
        ("bad_checkpoint", "store")
    );
    third.client.wait_synced().await.unwrap();
    let status = third
        .status(|status| status.head.is_some_and_at(sealed.number()))
        .await;
    assert_eq!(
        (status.anchor.as_str(), status.head.unwrap().hash),
        ("genesis", sealed.hash)
    );
}

#[tokio::test]
async fn a_pinned_checkpoint_is_a_start_and_another_block_is_not() {
    let mut chain = TestChain::new(16);
    let third = (0..5).map(|_| chain.busy_block()).nth(2).unwrap();
    let head = chain.chain().head().number();
    let node = Node::start(&chain).await;
    let start = StartOptions {
        checkpoint: Some(third.hash),
        ..options(Mode::Consistent, &[&node])
    };
    let tab = Tab::synced(start).await;
    let status = tab.status(|status| status.head.is_some_and_at(head)).await;
    assert_eq!(status.anchor, "checkpoint");
    // What lies below it is proven from it.
    let first = tab.client.block(BlockId::Number(1)).await.unwrap();
    assert_eq!(first.hash, chain.chain().block_by_number(1).unwrap().hash);
    let above = tab.client.block(BlockId::Number(head + 1)).await;
    assert_eq!(above.unwrap_err().code(), -32001);

    let nowhere = StartOptions {
        checkpoint: Some(B256::repeat_byte(5)),
        ..options(Mode::Consistent, &[&node])
    };
    let tab = Tab::open(nowhere).await;
    tab.status(|status| status.peers[0].state == PeerState::Streaming)
        .await;
    assert_eq!(
        tab.client.block(BlockId::Latest).await.unwrap_err().code(),
        4900
    );
    assert_eq!(tab.client.status().head, None);
}

#[tokio::test]
async fn a_stale_head_is_noticed_with_two_nodes() {
    let mut chain = TestChain::new(17);
    chain.busy_block();
    let (liar, honest) = (Node::start(&chain).await, Node::start(&chain).await);
    let tab = Tab::synced(options(Mode::Headers, &[&liar, &honest])).await;
    liar.lie(Lie::StaleHead, &chain);
    for _ in 0..12 {
        chain.busy_block();
    }
    let head = chain.chain().head().number();
    tab.status(|status| status.head.is_some_and_at(head)).await;
    let status = tab
        .status(|status| status.faults.iter().any(|fault| fault.kind == "stale_head"))
        .await;
    assert!(
        status.faults.iter().all(|fault| fault.peer == liar.url),
        "{:?}",
        status.faults
    );
}

#[tokio::test]
async fn other_accounts_can_be_watched_while_it_runs_and_are_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = TestChain::new(18);
    chain.busy_block();
    let node = Node::start(&chain).await;
    let start = StartOptions {
        storage: StorageOption::Auto,
        store_name: Some(folder.path().display().to_string()),
        ..options(Mode::Watch, &[&node])
    };
    let mut tab = Tab::synced(start.clone()).await;
    let entry = WatchEntry {
        address: chain.account(2),
        slots: vec![],
    };
    assert_eq!(tab.client.watch(&[entry]).await.unwrap().watching, 1);
    chain.transfer(1, chain.account(2), 1);
    let sealed = chain.seal();
    let block = tab.block(sealed.number()).await;
    assert_eq!(block.changed_accounts, Some(1));
    tab.client.close().await;
    assert_eq!(Tab::open(start).await.client.status().watching, 1);
}

/// Reads better in the tests.
trait HeadAt {
    fn is_some_and_at(&self, number: u64) -> bool;
}

impl HeadAt for Option<sidelight_client::dto::HeadView> {
    fn is_some_and_at(&self, number: u64) -> bool {
        self.as_ref().is_some_and(|head| head.number == number)
    }
}
