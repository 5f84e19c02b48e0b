//! Execution of node-lite: genesis, mempool, revm at Osaka, sealing, and the [`Chain`] handle that everything else holds.
//!
//! ```text
//!  submit(raw) --> pool --> builder (revm, BAL) --> commit (node-lite-state) --> sign --> verify_header --> publish
//!                   ^                                                                                         |
//!                   +----------------------- drop what was included, promote what follows --------------------+
//! ```
//!
//! One thread seals; readers take `Arc`s of sealed blocks and read state by root, so they never wait for it. A block that `sidelight-core` would refuse is not published.

mod block;
mod builder;
mod call;
mod chain;
mod config;
mod error;
mod evm;
mod genesis;
mod history;
mod import;
mod pool;
mod seal;
mod sequencer;
mod signer;

pub use block::SealedBlock;
pub use call::{AccessListOutcome, CallOverrides};
pub use chain::{Chain, StateView};
pub use config::{PoolLimits, SealMode, SequencerConfig};
pub use error::{CallError, ChainError, GenesisError, PoolError};
pub use genesis::{
    DEV_CHAIN_ID, DEV_GENESIS_HASH, DEV_GENESIS_JSON, DEV_SIGNER, DEV_SIGNER_KEY, SIGNER_PREDEPLOY,
    dev_genesis, dev_rules, parse_genesis,
};
pub use import::{ImportError, ImportedChain};
pub use pool::{PoolStatus, PooledTransaction};
pub use sequencer::Sequencer;
pub use signer::Signer;

pub use alloy_genesis::Genesis;
pub use node_lite_state::{Account, AccountProof, StateDb, StateError, StorageProof};
