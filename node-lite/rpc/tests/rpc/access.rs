//! Who may call, how much, and how it is refused.

use serde_json::{Value, json};
use sidelight_testkit::TestChain;

use crate::support::Node;

#[tokio::test]
async fn a_batch_is_answered_call_by_call() {
    let node = Node::start().await;
    let batch = json!([
        { "jsonrpc": "2.0", "id": 1, "method": "eth_chainId" },
        { "jsonrpc": "2.0", "id": 2, "method": "eth_nonsense" },
        { "jsonrpc": "2.0", "id": 3, "method": "eth_getBalance", "params": [] },
    ]);
    let (_, body) = node.post(batch.to_string(), &[]).await;
    let answers: Vec<Value> = serde_json::from_str(&body).unwrap();
    let of = |id: u64| answers.iter().find(|answer| answer["id"] == id).unwrap();
    assert_eq!(of(1)["result"], "0x7a69");
    assert_eq!(of(2)["error"]["code"], -32601);
    assert_eq!(of(3)["error"]["code"], -32602);
    assert_eq!(
        of(3)["error"]["message"],
        "missing value for required argument 0"
    );
}

#[tokio::test]
async fn bodies_and_batches_have_limits() {
    let node = Node::with(TestChain::new(1), |config| {
        config.limits.body_bytes = 10_000;
        config.limits.batch = 2;
    })
    .await;
    let (status, _) = node.post(format!("\"{}\"", "x".repeat(10_000)), &[]).await;
    assert_eq!(status, 413);
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_chainId" });
    let (_, body) = node.post(json!([call, call, call]).to_string(), &[]).await;
    assert!(body.contains("-32010"), "{body}");
    let (_, body) = node.post("{".into(), &[]).await;
    assert!(body.contains("-32700"), "{body}");
}

#[tokio::test]
async fn a_foreign_page_is_refused_on_every_path_and_a_listed_one_is_not() {
    let node = Node::with(TestChain::new(1), |config| {
        config.origins =
            node_lite_rpc::AllowedOrigins::parse(&["https://app.example".into()]).unwrap();
    })
    .await;
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_chainId" }).to_string();
    for (origin, expected) in [
        ("https://evil.example", 403),
        ("https://app.example", 200),
        ("http://localhost:3000", 200),
    ] {
        assert_eq!(
            node.post(call.clone(), &[("origin", origin)]).await.0,
            expected,
            "{origin}"
        );
    }
    assert_eq!(node.post(call, &[("host", "evil.example")]).await.0, 403);
}

#[tokio::test]
async fn a_full_house_lets_the_next_one_wait_until_somebody_leaves() {
    let node = Node::with(TestChain::new(1), |config| config.limits.connections = 1).await;
    let socket = node.connect("/").await;
    let waiting = tokio::spawn({
        let url = node.url("/livez");
        async move { reqwest::get(url).await.unwrap().status().as_u16() }
    });
    // The one place is taken: nothing is answered until it is free.
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    drop(socket);
    assert_eq!(waiting.await.unwrap(), 200);
}

#[tokio::test]
async fn health_pages_and_other_methods_have_their_places() {
    let node = Node::start().await;
    let (status, health) = node.get("/health").await;
    let health: Value = serde_json::from_str(&health).unwrap();
    assert_eq!(
        (status, &health["status"], &health["chainId"]),
        (200, &json!("ok"), &json!(31_337))
    );
    assert_eq!(node.get("/livez").await.0, 200);
    assert_eq!(node.get("/readyz").await.0, 200);
    assert_eq!(node.get("/").await, (200, "a page".into()));
    assert_eq!(node.get("/block/1").await, (200, "a page".into()));
    let response = reqwest::Client::new()
        .delete(node.url("/"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 405);
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_it() {
    let node = Node::start().await;
    let address = node.server.address();
    let config = node_lite_rpc::ServerConfig {
        listen: address,
        ..Default::default()
    };
    let error = node_lite_rpc::Server::start(
        node.chain.chain().clone(),
        config,
        axum::Router::new(),
        None,
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}
