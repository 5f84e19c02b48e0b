//! How nodes are reached: their addresses, when to try again, what is thought of them, and the task that keeps one connection alive.

mod backoff;
mod endpoint;
mod score;

pub use endpoint::{Endpoint, EndpointError};

pub(crate) use backoff::Backoff;
pub(crate) use score::Score;
