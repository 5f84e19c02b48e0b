//! The server over real sockets: JSON-RPC by HTTP and WebSocket, the light protocol by `POST /lite` and `/stream`.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod access;
mod dev;
mod filters;
mod lite;
mod methods;
mod stream;
mod subscriptions;
mod support;
