//! What executing a block from its witness is made of, part by part. The same functions are called natively (`main.rs`) and in wasm (`exports.rs`, `e2e/bench/executed.mjs`).
//!
//! ```text
//! total     the verdict, from bytes: what a worker of mode `execute` does
//! decode    input, access list and transactions from RLP
//! witness   every node hashed and put in its place
//! recover   senders
//! root      the changes applied, and the new state root
//! rebuild   the access list that execution gave, encoded and hashed
//! ```
//! What is left of the total is the machine itself, with receipts and roots of lists.

mod case;
#[cfg(target_arch = "wasm32")]
pub mod exports;

pub use case::{Case, PARTS};
