//! What client and node say to each other. `docs/wire-format.md` sections 2 and 3.
//!
//! ```text
//! envelope = type || encoding || payload          Envelope: limits, zstd
//!                                |
//!              ClientMessage | NodeMessage        RLP of one message
//!                      |             |
//!                   Request   Update | Response   what is asked and answered
//! ```
//!
//! Decoding says that the bytes have the shape, nothing more: every value in here is untrusted.

mod envelope;
mod filter;
mod message;
mod request;
mod response;
mod update;

pub use self::{
    envelope::{Envelope, EnvelopeError, MessageType},
    filter::{Filter, FilterAccount, Mode},
    message::{ClientMessage, FailureCode, GapReason, NodeMessage},
    request::{Delta, Request},
    response::{ProofResponse, Response, WitnessResponse},
    update::{Body, Update, Watched},
};

/// The version of the protocol in *hello* and *welcome*.
pub const PROTOCOL_VERSION: u64 = 1;

#[cfg(test)]
mod tests;
