//! What an operator can set about the server, and the limits on everything that comes from a caller.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::access::AllowedOrigins;

/// How the server listens and what it allows.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Which web pages may call.
    pub origins: AllowedOrigins,
    /// Host names, besides addresses and `localhost`, under which the node may be called.
    pub hosts: Vec<String>,
    /// Whether the `dev_*` methods exist.
    pub dev: bool,
    /// The limits.
    pub limits: Limits,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8545)),
            origins: AllowedOrigins::Loopback,
            hosts: Vec::new(),
            dev: false,
            limits: Limits::default(),
        }
    }
}

/// Limits on callers. Each bounds memory or time that a caller can make the node spend.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections of every kind.
    pub connections: usize,
    /// Largest body of a JSON-RPC request, and largest JSON message over WebSocket, in bytes.
    pub body_bytes: u32,
    /// Largest JSON-RPC response, in bytes.
    pub response_bytes: u32,
    /// Most calls in one batch.
    pub batch: u32,
    /// Most `eth_subscribe` subscriptions of one connection.
    pub subscriptions: u32,
    /// Messages that wait for one slow WebSocket before its subscriptions fall behind.
    pub subscription_queue: u32,
    /// Most filters of `eth_newFilter` and its like, over all callers.
    pub filters: usize,
    /// How long a filter lives without being asked.
    pub filter_life: Duration,
    /// Most blocks that one log query may span.
    pub log_blocks: u64,
    /// Most logs in one answer.
    pub logs: usize,
    /// Gas that `eth_call` and `eth_estimateGas` may use.
    pub call_gas: u64,
    /// Expensive calls (execution, proofs, log scans) that run at once.
    pub heavy_calls: usize,
    /// Expensive calls that may wait for their turn; more are refused.
    pub heavy_queue: usize,
    /// Binary streams at once.
    pub streams: usize,
    /// Blocks that a live stream may fall behind before it skips to the head.
    pub stream_lag: u64,
    /// How long one write to a stream may take before the socket is given up.
    pub stream_write: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            body_bytes: 2 << 20,
            response_bytes: 32 << 20,
            batch: 256,
            subscriptions: 64,
            subscription_queue: 256,
            filters: 1_024,
            filter_life: Duration::from_secs(300),
            log_blocks: 10_000,
            logs: 20_000,
            call_gas: 50_000_000,
            heavy_calls: std::thread::available_parallelism().map_or(2, usize::from),
            heavy_queue: 1_024,
            streams: 256,
            stream_lag: 128,
            stream_write: Duration::from_secs(30),
        }
    }
}
