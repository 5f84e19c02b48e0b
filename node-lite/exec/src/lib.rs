//! Execution of node-lite: genesis, mempool, revm, sealing and import, and the handles that everything else holds: [`Chain`] seals, [`ChainView`] reads.
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
mod forks;
mod genesis;
mod history;
mod import;
mod pool;
mod seal;
mod sequencer;
mod signer;
mod view;

pub use block::SealedBlock;
pub use call::{AccessListOutcome, CallOverrides};
pub use chain::Chain;
pub use config::{PoolLimits, SealMode, SequencerConfig, ViewConfig};
pub use error::{CallError, ChainError, GenesisError, PoolError};
pub use forks::{ForkConfig, ForkSchedule};
pub use genesis::{
    DECISION_PREDEPLOY, DEV_CHAIN_ID, DEV_GENESIS_HASH, DEV_GENESIS_JSON, DEV_SIGNER,
    DEV_SIGNER_KEY, MODEL_PREDEPLOY, SIGNER_PREDEPLOY, dev_genesis, dev_rules, parse_genesis,
};
pub use import::{ImportError, ImportedChain};
pub use pool::{PoolStatus, PooledTransaction};
pub use sequencer::Sequencer;
pub use signer::Signer;
pub use view::{ChainView, StateView};

pub use alloy_genesis::Genesis;
pub use node_lite_state::{Account, AccountProof, StateDb, StateError, StorageProof};
