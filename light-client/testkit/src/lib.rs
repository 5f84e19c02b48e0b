//! Seeded chains and a lying node, without a process: what tests of every crate stand on. A dev-dependency only.
//!
//! ```text
//!  TestChain (seed) --blocks--> LyingNode --bytes--> Tab { follower } --events--> the test
//!                                   ^
//!                               lie(Lie)
//! ```
//!
//! Everything is real: the chain executes, the node answers with the code that `node-lite` runs, the tab verifies with the code that a browser runs. Only sockets and clocks are left out.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod chain;
mod node;
mod rng;
mod tab;

pub use chain::{ACCOUNTS, TestChain};
pub use node::{Connection, LyingNode};
pub use rng::Rng;
pub use tab::Tab;

pub use node_lite_rpc::Lie;
