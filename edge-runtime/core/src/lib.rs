//! The decision record and everything around it that is pure: models' manifests, commitments to inputs and outputs, batches, determinism classes.
//!
//! ```text
//!   tensors --CTE-1 root--> Tensor --salt--> IoCommit --+
//!   model file --SHA-256--> Model ----------------------+--> Decision --EIP-712--> decisionHash --OpenZeppelin's tree--> batch root, on chain
//!   engine, options ------> Runtime --------------------+        |
//!                                                             signature of the executor
//! ```
//!
//! No I/O, no clock, no randomness: salts and times are arguments. A `Verified*` value is made by a `verify_*` function only, and its documentation says what was not checked.
//! `docs/decision-format.md` is the format, `docs/vectors/decision.json` the vectors.
#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        reason = "tests fail by panicking"
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod account;
pub mod batch;
pub mod class;
pub mod commit;
pub mod decision;
pub mod entry;
pub mod graph;
pub mod limits;
pub mod manifest;
pub mod record;
pub mod trace;
mod tree;
pub mod typed;
pub mod verdict;

pub use sidelight_tensor as tensor;
