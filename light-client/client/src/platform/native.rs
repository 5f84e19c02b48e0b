//! The platform of a native program: tokio, tokio-tungstenite, reqwest, files.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    path::PathBuf,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures::{SinkExt, StreamExt};
use sidelight_core::fault::Mismatch;
use sidelight_executor::judge;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Error as WsError, Message, protocol::WebSocketConfig},
};

use super::{BoxFuture, EXECUTION_LIMIT_MS, Job, NetError, Platform, Socket, Verdict};
use crate::store::{Backend, FileStore, StoreError};

/// How long a connection attempt may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Native {
    started: Instant,
    http: reqwest::Client,
}

impl Native {
    pub(super) fn new() -> Self {
        // A client without TLS and without proxies cannot fail to build; the default one is the same without the time limit.
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .no_proxy()
            .build()
            .unwrap_or_default();
        Self {
            started: Instant::now(),
            http,
        }
    }
}

impl Platform for Native {
    fn now_ms(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
    }

    fn ticks_ms(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1e3
    }

    fn random(&self) -> u64 {
        // The standard library seeds each `RandomState` from the operating system; enough for jitter.
        RandomState::new().build_hasher().finish()
    }

    fn secret(&self) -> Option<[u8; 32]> {
        let mut bits = [0; 32];
        getrandom::getrandom(&mut bits).ok()?;
        Some(bits)
    }

    fn executors(&self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    fn execute(&self, job: Job) -> BoxFuture<'static, Verdict> {
        Box::pin(async move {
            // A thread cannot be ended. It ends by itself: the header's gas bounds what it does.
            let limit = Duration::from_millis(EXECUTION_LIMIT_MS.into());
            let executing = tokio::task::spawn_blocking(move || execute(&job));
            match tokio::time::timeout(limit, executing).await {
                Ok(Ok(verdict)) => verdict,
                Ok(Err(error)) => Verdict::Failed(error.to_string()),
                Err(_) => Verdict::TimedOut,
            }
        })
    }

    fn sleep(&self, ms: u32) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(ms.into())))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }

    fn connect(
        &self,
        url: String,
        max_bytes: usize,
    ) -> BoxFuture<'static, Result<Box<dyn Socket>, NetError>> {
        Box::pin(async move {
            if url.starts_with("wss:") {
                return Err(NetError::Unsupported(
                    "TLS is not built into this program; use ws or http",
                ));
            }
            let config = WebSocketConfig::default()
                .max_message_size(Some(max_bytes))
                .max_frame_size(Some(max_bytes));
            let connecting = connect_async_with_config(url, Some(config), true);
            match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
                Ok(Ok((stream, _))) => Ok(NativeSocket::start(stream, max_bytes)),
                Ok(Err(error)) => Err(NetError::Connect(error.to_string())),
                Err(_) => Err(NetError::Connect(format!(
                    "no answer within {} s",
                    CONNECT_TIMEOUT.as_secs()
                ))),
            }
        })
    }

    fn post(
        &self,
        url: String,
        body: Vec<u8>,
        max_bytes: usize,
        timeout_ms: u32,
    ) -> BoxFuture<'static, Result<Vec<u8>, NetError>> {
        let http = self.http.clone();
        Box::pin(async move {
            if url.starts_with("https:") {
                return Err(NetError::Unsupported(
                    "TLS is not built into this program; use http",
                ));
            }
            let request = http
                .post(url)
                .header("content-type", "application/octet-stream")
                .body(body)
                .timeout(Duration::from_millis(timeout_ms.into()));
            let failed = |error: reqwest::Error| match error.is_timeout() {
                true => NetError::Timeout(timeout_ms),
                false => NetError::Connect(root_cause(&error)),
            };
            let mut response = request.send().await.map_err(failed)?;
            if response.status() != reqwest::StatusCode::OK {
                return Err(NetError::Status(response.status().as_u16()));
            }
            let mut bytes = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                if bytes.len().saturating_add(chunk.len()) > max_bytes {
                    return Err(NetError::TooLarge { limit: max_bytes });
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes)
        })
    }

    fn open_store(
        &self,
        name: Option<String>,
    ) -> BoxFuture<'static, Result<Box<dyn Backend>, StoreError>> {
        Box::pin(async move {
            let Some(folder) = name else {
                return Err(StoreError::Unavailable("no store folder was given".into()));
            };
            Ok(Box::new(FileStore::open(PathBuf::from(folder)).await?) as Box<dyn Backend>)
        })
    }
}

fn execute(job: &Job) -> Verdict {
    let began = Instant::now();
    match judge(job.chain_id, &job.parent, &job.header, &job.input) {
        Ok(judged) => Verdict::Verified {
            gas_used: judged.gas_used,
            transactions: judged.transactions as u64,
            ms: began.elapsed().as_secs_f64() * 1e3,
        },
        Err(refusal) => match refusal.kind {
            Some(kind) => Verdict::Refused {
                kind,
                mismatch: Mismatch::new(refusal.field, refusal.expected, refusal.got),
            },
            None => Verdict::Failed(refusal.got),
        },
    }
}

/// The innermost error says what happened ("Connection refused"); the outer ones only where.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A WebSocket whose writing half lives in a task, so that sending never waits.
struct NativeSocket {
    outgoing: futures::channel::mpsc::UnboundedSender<Message>,
    incoming: futures::stream::SplitStream<Stream>,
    max_bytes: usize,
}

impl NativeSocket {
    fn start(stream: Stream, max_bytes: usize) -> Box<dyn Socket> {
        let (mut sink, incoming) = stream.split();
        let (outgoing, mut queue) = futures::channel::mpsc::unbounded();
        tokio::spawn(async move {
            while let Some(message) = queue.next().await {
                if sink.send(message).await.is_err() {
                    return;
                }
            }
            // The socket was dropped: say goodbye, and do not care whether it is heard.
            let _ = sink.close().await;
        });
        Box::new(Self {
            outgoing,
            incoming,
            max_bytes,
        })
    }
}

impl Socket for NativeSocket {
    fn send(&mut self, message: Vec<u8>) -> Result<(), NetError> {
        self.outgoing
            .unbounded_send(Message::Binary(message.into()))
            .map_err(|_| NetError::Closed)
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Vec<u8>, NetError>> {
        Box::pin(async move {
            loop {
                match self.incoming.next().await {
                    Some(Ok(Message::Binary(bytes))) => return Ok(bytes.into()),
                    Some(Ok(Message::Text(_))) => return Err(NetError::NotBinary),
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                    Some(Ok(Message::Close(_))) | None => return Err(NetError::Closed),
                    Some(Err(WsError::Capacity(_))) => {
                        return Err(NetError::TooLarge {
                            limit: self.max_bytes,
                        });
                    }
                    Some(Err(_)) => return Err(NetError::Closed),
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Answers one HTTP request with these bytes as the whole response.
    async fn serve_once(response: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/lite", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0u8; 4096];
            let _ = stream.read(&mut request).await.unwrap();
            stream.write_all(&response).await.unwrap();
            // Kept open: a client that waits for more must give up by itself.
            tokio::time::sleep(Duration::from_secs(5)).await;
        });
        url
    }

    #[tokio::test]
    async fn an_answer_above_the_limit_is_refused_even_without_a_length() {
        let mut response = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for _ in 0..8 {
            response.extend_from_slice(b"400\r\n");
            response.extend_from_slice(&[7; 1024]);
            response.extend_from_slice(b"\r\n");
        }
        let url = serve_once(response).await;
        assert_eq!(
            Native::new().post(url, vec![1], 4096, 5_000).await,
            Err(NetError::TooLarge { limit: 4096 })
        );
    }

    #[tokio::test]
    async fn a_peer_that_never_finishes_its_answer_times_out() {
        let url = serve_once(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec()).await;
        assert_eq!(
            Native::new().post(url, vec![], 4096, 200).await,
            Err(NetError::Timeout(200))
        );
    }

    #[tokio::test]
    async fn an_error_status_is_not_an_answer() {
        let url =
            serve_once(b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2\r\n\r\nno".to_vec())
                .await;
        assert_eq!(
            Native::new().post(url, vec![], 4096, 5_000).await,
            Err(NetError::Status(429))
        );
    }

    #[tokio::test]
    async fn websocket_messages_above_the_limit_end_the_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/stream", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            let hello = socket.next().await.unwrap().unwrap();
            socket.send(hello).await.unwrap();
            socket
                .send(Message::Binary(vec![0; 100_000].into()))
                .await
                .unwrap();
        });
        let mut socket = Native::new().connect(url, 10_000).await.unwrap();
        socket.send(vec![1, 2, 3]).unwrap();
        assert_eq!(socket.receive().await, Ok(vec![1, 2, 3]));
        assert_eq!(
            socket.receive().await,
            Err(NetError::TooLarge { limit: 10_000 })
        );
    }
}
