//! Re-execution of blocks from a witness: check 11 of the threat model, natively and in the browser.
//!
//! ```text
//!   block RLP --> decode --> header rules --> body rules --> execute over the witness --> outcome == header?
//!                              (parent)       (roots, blobs)      revm, strict BAL          receipts, bloom, gas,
//!                                                                                           requests, state root, BAL
//! ```
//!
//! The crate does no I/O. It knows the rules of Ethereum from Frontier to Osaka, so that official test chains run through the same code as Sidelight's own blocks.
//! Proof-of-work seals are not checked: nothing here trusts a chain because of its work.

mod account;
mod block;
mod body;
mod difficulty;
mod error;
mod execute;
mod header;
mod history;
mod input;
mod judge;
mod outcome;
mod record;
mod spec;
mod transaction;
mod wide;
mod witness;

pub use account::account_info;
pub use block::{DecodedBlock, decode_block};
pub use body::{Ancestor, verify_body};
pub use error::{BlockError, HeaderRule, Rule, TransactionError};
pub use execute::{Executed, Execution, Roots, StateSource, execute_block, request_contracts};
pub use header::verify_header_rules;
pub use history::ForkRules;
pub use input::{InputError, full_input, verify_input};
pub use judge::{Judged, Refusal, judge};
pub use outcome::verify_outcome;
pub use record::Recorded;
pub use sidelight_core::execution::ExecutionInput;
pub use spec::{ChainSpec, Fork};
pub use transaction::{VerifiedTransaction, recover_sender, verify_transaction};
pub use witness::{ExecutionWitness, VerifiedExecution, WitnessError, verify_execution};
