//! Runs compiled Solidity over state that is handed out piece by piece, as the worker does.
#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod call;
mod estimate;
mod prover;
