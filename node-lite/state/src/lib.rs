//! State of node-lite: one store of Merkle Patricia trie nodes from which every retained block's state can be read, proven (EIP-1186) and witnessed.
//!
//! ```text
//!   root of block 7      root of block 8            pinned while retained
//!        |      \         /    |
//!        v       v       v     v
//!      [n1]      [  n2  ]     [n3]                  a node lives while something references it
//!                   |
//!               account leaf ---> storage root
//! ```
//!
//! Nodes are content-addressed and shared between blocks, so a block costs what it changed, and releasing it frees what nobody else references.

mod db;
mod node;
mod proof;
mod store;

pub use db::{Account, Committed, StateDb, StateError, StateStats};
pub use proof::{AccountProof, StorageProof};
