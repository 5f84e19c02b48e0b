//! The chain as a whole: every block that these tests seal is checked by the verifier that clients run.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod blocks;
mod calls;
mod contract;
mod decisions;
mod execution;
mod pitfalls;
mod pool;
mod support;
mod window;
