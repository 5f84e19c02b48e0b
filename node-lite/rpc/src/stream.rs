//! The light protocol's two carriers: `POST /lite` and the binary WebSocket `GET /stream`.
//!
//! One task serves one socket and does one thing at a time: it reads a message, or builds one and waits until the socket has taken it. So at most one message of each kind is in
//! memory per client, a client has at most one request in work, and a socket that takes nothing for [`Limits::stream_write`](crate::Limits) is closed.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jsonrpsee::server::StopHandle;
use node_lite_exec::SealedBlock;
use sidelight_core::limits::MAX_CLIENT_MESSAGE_BYTES;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, MissedTickBehavior};

use crate::lite::{Session, SessionConfig, Turn};
use crate::node::Peer;

/// Largest message from a client on the wire: an envelope adds at most 6 bytes.
pub(crate) const MAX_CLIENT_MESSAGE: usize = MAX_CLIENT_MESSAGE_BYTES + 6;
/// How long a client may take to say hello.
const HELLO: Duration = Duration::from_secs(10);
/// How often the node pings.
const PING: Duration = Duration::from_secs(20);
/// How long a client may be silent; a browser answers pings by itself.
const SILENCE: Duration = Duration::from_secs(60);

/// What the handlers share.
#[derive(Clone, Debug)]
pub(crate) struct StreamState {
    node: Arc<Peer>,
    stop: StopHandle,
    places: Arc<Semaphore>,
}

impl StreamState {
    pub(crate) fn new(node: Arc<Peer>, stop: StopHandle) -> Self {
        let places = Arc::new(Semaphore::new(node.limits.streams));
        Self { node, stop, places }
    }
}

/// `POST /lite`: one request, one answer. What is wrong with the request is said in the answer.
pub(crate) async fn answer(State(state): State<StreamState>, body: Bytes) -> Response {
    let lite = state.node.lite.clone();
    match state.node.gate.run(move || lite.answer(&body)).await {
        Ok(bytes) => ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

/// `GET /stream`: becomes a WebSocket.
pub(crate) async fn upgrade(
    State(state): State<StreamState>,
    socket: WebSocketUpgrade,
) -> Response {
    let Ok(place) = Arc::clone(&state.places).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many streams\n").into_response();
    };
    let limited = socket
        .max_message_size(MAX_CLIENT_MESSAGE)
        .max_frame_size(MAX_CLIENT_MESSAGE);
    limited.on_upgrade(move |socket| async move {
        let stop = state.stop.clone();
        let stream = Stream::new(state.node, socket, place);
        tokio::select! {
            ended = stream.run() => tracing::debug!(reason = ended, "a stream ended"),
            () = stop.shutdown() => {}
        }
    })
}

/// One client's socket and session.
struct Stream {
    node: Arc<Peer>,
    socket: WebSocket,
    /// Away while a blocking thread works on it.
    session: Option<Session>,
    blocks: Receiver<Arc<SealedBlock>>,
    _place: OwnedSemaphorePermit,
}

impl Stream {
    fn new(node: Arc<Peer>, socket: WebSocket, place: OwnedSemaphorePermit) -> Self {
        let session = node.lite.session(SessionConfig {
            lag: node.limits.stream_lag,
        });
        let blocks = node.chain.subscribe();
        Self {
            node,
            socket,
            session: Some(session),
            blocks,
            _place: place,
        }
    }

    /// Serves until one side ends it, and says why.
    async fn run(mut self) -> &'static str {
        let mut ping = tokio::time::interval(PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let start = Instant::now();
        let mut heard = start;
        loop {
            let Some(session) = &self.session else {
                return "the session was lost";
            };
            let (is_live, wants_send) = (session.is_live(), session.wants_send());
            let outcome = tokio::select! {
                message = self.socket.recv() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(message)) => self.receive(message).await,
                        Some(Err(_)) => Err("the socket failed"),
                        None => Err("the client left"),
                    }
                }
                () = std::future::ready(()), if wants_send => self.send_next().await,
                block = self.blocks.recv(), if !wants_send => match block {
                    Ok(_) | Err(RecvError::Lagged(_)) => Ok(()),
                    Err(RecvError::Closed) => Err("the chain ended"),
                },
                _ = ping.tick() => match () {
                    () if !is_live && start.elapsed() > HELLO => Err("no hello came in time"),
                    () if heard.elapsed() > SILENCE => Err("the client went silent"),
                    () => self.write(Message::Ping(Bytes::new())).await,
                },
            };
            if let Err(reason) = outcome {
                return reason;
            }
        }
    }

    async fn receive(&mut self, message: Message) -> Result<(), &'static str> {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(_) => {
                return self
                    .close(close_code::UNSUPPORTED, "binary messages only")
                    .await;
            }
            Message::Close(_) => return Err("the client closed"),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
        };
        let turn: Turn = self.work(move |session| session.receive(&bytes)).await?;
        for message in turn.messages {
            self.write(Message::Binary(message.into())).await?;
        }
        if turn.close {
            self.close(close_code::PROTOCOL, "see the failure before")
                .await
        } else {
            Ok(())
        }
    }

    async fn send_next(&mut self) -> Result<(), &'static str> {
        match self.work(Session::next_message).await? {
            Some(message) => self.write(Message::Binary(message.into())).await,
            None => Ok(()),
        }
    }

    /// Lets a blocking thread work on the session: proofs take milliseconds.
    async fn work<T: Send + 'static>(
        &mut self,
        job: impl FnOnce(&mut Session) -> T + Send + 'static,
    ) -> Result<T, &'static str> {
        let mut session = self.session.take().ok_or("the session was lost")?;
        let worked = self.node.gate.run(move || {
            let result = job(&mut session);
            (session, result)
        });
        let (session, result) = worked.await.map_err(|_| "the node is overloaded")?;
        self.session = Some(session);
        Ok(result)
    }

    async fn write(&mut self, message: Message) -> Result<(), &'static str> {
        match tokio::time::timeout(self.node.limits.stream_write, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err("the socket failed"),
            Err(_) => Err("the client takes nothing"),
        }
    }

    async fn close(&mut self, code: u16, reason: &'static str) -> Result<(), &'static str> {
        self.write(Message::Close(Some(CloseFrame {
            code,
            reason: reason.into(),
        })))
        .await?;
        Err(reason)
    }
}
