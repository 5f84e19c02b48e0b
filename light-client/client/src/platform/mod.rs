//! Everything that differs between a browser and a native program, behind one trait: time, timers, randomness, tasks, connections, storage.
//!
//! `cfg(target_arch = "wasm32")` appears in this folder and in the store back ends, nowhere else. The trait is used as `Arc<dyn Platform>`: no code is generated twice,
//! and a test may bring its own.

use std::{future::Future, pin::Pin, sync::Arc};

use crate::store::{Backend, StoreError};

mod execute;
pub(crate) use self::execute::field_named;
pub use self::execute::{EXECUTION_LIMIT_MS, Job, Verdict};

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

/// A boxed future that may move between threads, where there are threads.
#[cfg(not(target_arch = "wasm32"))]
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// A boxed future that may move between threads, where there are threads.
#[cfg(target_arch = "wasm32")]
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// `Send + Sync` where there are threads.
#[cfg(not(target_arch = "wasm32"))]
pub trait MaybeSend: Send + Sync {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send + Sync + ?Sized> MaybeSend for T {}
/// `Send + Sync` where there are threads.
#[cfg(target_arch = "wasm32")]
pub trait MaybeSend {}
#[cfg(target_arch = "wasm32")]
impl<T: ?Sized> MaybeSend for T {}

/// What the client needs from the machine that it runs on.
pub trait Platform: MaybeSend {
    /// Unix time in milliseconds; may jump.
    fn now_ms(&self) -> u64;
    /// Milliseconds since some fixed point; never falls. For durations.
    fn ticks_ms(&self) -> f64;
    /// Unpredictable bits, for jitter and choice of peers.
    fn random(&self) -> u64;
    /// Bits that nobody else can know, for choices that a peer must not foresee; none where the machine gives none.
    fn secret(&self) -> Option<[u8; 32]>;
    /// Blocks that it executes at the same time; 0: it executes none.
    fn executors(&self) -> usize {
        0
    }
    /// Executes a block, away from the thread that asks.
    fn execute(&self, job: Job) -> BoxFuture<'static, Verdict> {
        drop(job);
        Box::pin(async { Verdict::Failed("blocks are not executed here".into()) })
    }
    /// Waits.
    fn sleep(&self, ms: u32) -> BoxFuture<'static, ()>;
    /// Runs a task beside the others.
    fn spawn(&self, task: BoxFuture<'static, ()>);
    /// Opens a binary WebSocket. Messages above `max_bytes` end it.
    fn connect(
        &self,
        url: String,
        max_bytes: usize,
    ) -> BoxFuture<'static, Result<Box<dyn Socket>, NetError>>;
    /// Sends an HTTP POST. An answer above `max_bytes` is cut off and refused.
    fn post(
        &self,
        url: String,
        body: Vec<u8>,
        max_bytes: usize,
        timeout_ms: u32,
    ) -> BoxFuture<'static, Result<Vec<u8>, NetError>>;
    /// Opens the store that survives a restart: an IndexedDB database or a folder of that name.
    fn open_store(
        &self,
        name: Option<String>,
    ) -> BoxFuture<'static, Result<Box<dyn Backend>, StoreError>>;
}

/// An open WebSocket.
pub trait Socket: MaybeSend {
    /// Queues a message.
    fn send(&mut self, message: Vec<u8>) -> Result<(), NetError>;
    /// Waits for the next message. Dropping the future loses nothing.
    fn receive(&mut self) -> BoxFuture<'_, Result<Vec<u8>, NetError>>;
}

/// Why bytes could not be exchanged. Never a peer's lie: those are found later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// No connection could be made.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The connection ended.
    #[error("connection closed")]
    Closed,
    /// No answer in time.
    #[error("no answer within {0} ms")]
    Timeout(u32),
    /// A message or answer was larger than allowed.
    #[error("answer too large: limit {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The HTTP status was not 200.
    #[error("HTTP status {0}")]
    Status(u16),
    /// A text message where binary ones are spoken.
    #[error("text message on a binary stream")]
    NotBinary,
    /// This build or this platform cannot do it.
    #[error("not supported here: {0}")]
    Unsupported(&'static str),
}

/// The platform that this program was built for. Natively, call it inside a tokio runtime.
#[cfg(not(target_arch = "wasm32"))]
#[must_use]
pub fn current() -> Arc<dyn Platform> {
    Arc::new(native::Native::new())
}

/// The platform that this program was built for: a page, a worker or Node.
#[cfg(target_arch = "wasm32")]
#[must_use]
pub fn current() -> Arc<dyn Platform> {
    Arc::new(web::Web::default())
}

/// As [`current`], with a function that executes blocks, up to `parallel` at a time: `(chainId, parent, header, input, limitMs) => Promise<string>`, the string as
/// [`Verdict::parse`] reads it.
#[cfg(target_arch = "wasm32")]
#[must_use]
pub fn with_executor(execute: js_sys::Function, parallel: usize) -> Arc<dyn Platform> {
    Arc::new(web::Web::with_executor(execute, parallel))
}

/// As [`current`]: a native program executes blocks itself, and there is no function of a page to do it.
#[cfg(not(target_arch = "wasm32"))]
#[must_use]
pub fn with_executor<F>(_execute: F, _parallel: usize) -> Arc<dyn Platform> {
    current()
}
