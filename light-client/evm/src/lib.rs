//! `eth_call` and `eth_estimateGas`, executed here over state that somebody else has proven; and whole blocks, executed from a witness.
//!
//! The crate does no I/O and trusts nobody: it is given a block's environment, a request and a [`ProvenState`], and either
//! finishes or says which accounts, slots, codes and block hashes it still needs. The caller proves those against the
//! block's state root, adds them and asks again.
//!
//! ```text
//!            request                 prove what is missing
//!               |               +----------------------------+
//!               v               v                            |
//!   +---------------------+   run_call / estimate_gas   +-----------+
//!   | ProvenState (empty) | --------------------------> |  Missing  |
//!   +---------------------+          |                  +-----------+
//!                                    v
//!                    Success | Revert | Halt | Invalid
//! ```
//!
//! What it does not check: that the values in the [`ProvenState`] belong to the block. That is the verifier's work, which
//! runs in the same worker and is the only one that fills it.

mod bindings;
mod block;
mod call;
mod database;
mod estimate;
mod execute;
mod limits;
mod revert;
mod state;

pub use bindings::{Call, CallResult, Evm};
pub use block::BlockContext;
pub use call::{AccessListEntry, CallRequest, Fees, Outcome, run_call};
pub use database::Missing;
pub use estimate::{Estimate, estimate_gas};
pub use execute::{execute_block, write_verdict};
pub use limits::{DEFAULT_GAS_CAP, MAX_CODE_BYTES, MAX_ROUNDS, MAX_STATE_ITEMS};
pub use revert::decode_reason;
pub use revm::primitives::{Address, B256, Bytes, U256};
pub use state::{ProvenAccount, ProvenState, StateError};
