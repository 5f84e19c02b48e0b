//! A server on a free port over a seeded chain, and clients that are no more than they must be.

use std::net::Ipv4Addr;

use futures::{SinkExt, StreamExt};
use node_lite_rpc::{Server, ServerConfig};
use serde_json::{Value, json};
use sidelight_testkit::TestChain;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A running node and the chain behind it.
pub(crate) struct Node {
    pub(crate) chain: TestChain,
    pub(crate) server: Server,
    http: reqwest::Client,
}

/// A WebSocket.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Node {
    pub(crate) async fn start() -> Self {
        Self::with(TestChain::new(1), |config| config.dev = true).await
    }

    pub(crate) async fn with(chain: TestChain, edit: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut config = ServerConfig {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            ..ServerConfig::default()
        };
        edit(&mut config);
        let pages = axum::Router::new().fallback(|| async { "a page" });
        let server = Server::start(chain.chain().clone(), config, pages, None)
            .await
            .unwrap();
        Self {
            chain,
            server,
            http: reqwest::Client::new(),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address())
    }

    /// A POST of JSON with further headers: status and body.
    pub(crate) async fn post(&self, body: String, headers: &[(&str, &str)]) -> (u16, String) {
        let mut request = self
            .http
            .post(self.url("/"))
            .header("content-type", "application/json")
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let response = self.http.get(self.url(path)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// A POST of bytes to `/lite`.
    pub(crate) async fn ask(&self, body: Vec<u8>) -> Vec<u8> {
        let response = self
            .http
            .post(self.url("/lite"))
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        response.bytes().await.unwrap().to_vec()
    }

    async fn answer(&self, method: &str, params: Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let (status, body) = self.post(request.to_string(), &[]).await;
        assert_eq!(status, 200, "{method}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// The result of a call that must succeed.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// Code, message and data of a call that must fail.
    pub(crate) async fn fail(&self, method: &str, params: Value) -> (i64, String, Value) {
        let answer = self.answer(method, params).await;
        let error = answer
            .get("error")
            .unwrap_or_else(|| panic!("{method}: {answer}"));
        (
            error["code"].as_i64().unwrap(),
            error["message"].as_str().unwrap().to_owned(),
            error["data"].clone(),
        )
    }

    pub(crate) async fn connect(&self, path: &str) -> Socket {
        let (socket, _) = connect_async(format!("ws://{}{path}", self.server.address()))
            .await
            .unwrap();
        Socket(socket)
    }
}

impl Socket {
    pub(crate) async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// As [`Self::send`], where the node may hang up in the middle.
    pub(crate) async fn try_send(&mut self, message: Message) {
        let _ = self.0.send(message).await;
    }

    /// The next message that is not a ping; `None` when the node has closed.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        loop {
            match self.0.next().await? {
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(message) => return Some(message),
            }
        }
    }

    /// The next JSON message.
    pub(crate) async fn next_json(&mut self) -> Value {
        let message = self.next().await.unwrap();
        serde_json::from_str(message.to_text().unwrap()).unwrap()
    }

    /// A JSON-RPC call whose answer is the next message.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        self.send(Message::text(request.to_string())).await;
        self.next_json().await
    }
}
