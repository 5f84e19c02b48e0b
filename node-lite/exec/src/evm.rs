//! revm over the node store: the database adapter and the environments.

use std::sync::Arc;

use alloy_consensus::Header;
use alloy_evm::EvmEnv;
use alloy_primitives::{Address, B256, U256, map::B256Map};
use node_lite_state::StateError;
use parking_lot::RwLock;
use revm::{
    Database, DatabaseRef,
    bytecode::Bytecode,
    context::{BlockEnv, CfgEnv, Context},
    database_interface::DBErrorMarker,
    handler::{MainContext, MainnetContext},
    state::AccountInfo,
};
use sidelight_executor::{ChainSpec, account_info};

use crate::{
    history::History,
    view::{ChainView, Shared, StateView},
};

/// Codes with their jump tables that are kept between blocks.
const CACHED_CODES: usize = 1_024;

/// A state read that failed inside the EVM.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub(crate) struct ReadError(#[from] pub(crate) StateError);

impl DBErrorMarker for ReadError {}

/// Analysed codes by hash, shared by all executions.
#[derive(Clone, Debug, Default)]
pub(crate) struct CodeCache(Arc<RwLock<B256Map<Bytecode>>>);

impl CodeCache {
    /// The code with this hash, analysed.
    fn read(&self, view: &StateView, hash: B256) -> Result<Bytecode, ReadError> {
        if hash.is_zero() {
            return Ok(Bytecode::default());
        }
        self.get_or_insert_with(hash, || {
            let code = view.code_by_hash(hash)?;
            // Bytes that begin like an EIP-7702 designation but are none can only be code from before that rule.
            Ok(Bytecode::new_raw_checked(code.clone())
                .unwrap_or_else(|_| Bytecode::new_legacy(code)))
        })
    }

    fn get_or_insert_with(
        &self,
        hash: B256,
        load: impl FnOnce() -> Result<Bytecode, ReadError>,
    ) -> Result<Bytecode, ReadError> {
        if let Some(code) = self.0.read().get(&hash) {
            return Ok(code.clone());
        }
        let code = load()?;
        let mut codes = self.0.write();
        // Starting over is simpler than tracking use, and costs one analysis for each code in use.
        if codes.len() >= CACHED_CODES {
            codes.clear();
        }
        codes.insert(hash, code.clone());
        Ok(code)
    }
}

/// The state after one block, as revm's database.
#[derive(Clone, Debug)]
pub(crate) struct StateReader<'a> {
    view: StateView,
    codes: &'a CodeCache,
    history: &'a RwLock<History>,
}

impl<'a> StateReader<'a> {
    pub(crate) const fn new(shared: &'a Shared, view: StateView) -> Self {
        Self {
            view,
            codes: &shared.codes,
            history: &shared.history,
        }
    }
}

impl DatabaseRef for StateReader<'_> {
    type Error = ReadError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, ReadError> {
        Ok(self.view.account(address)?.as_ref().map(account_info))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, ReadError> {
        self.codes.read(&self.view, hash)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, ReadError> {
        Ok(self.view.storage(address, slot)?)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, ReadError> {
        // revm asks for the 256 ancestors only; before genesis there are none, and the opcode gives zero.
        Ok(self.history.read().hash_of(number).unwrap_or_default())
    }
}

impl Database for StateReader<'_> {
    type Error = ReadError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, ReadError> {
        self.basic_ref(address)
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, ReadError> {
        self.code_by_hash_ref(hash)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, ReadError> {
        self.storage_ref(address, slot)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, ReadError> {
        self.block_hash_ref(number)
    }
}

/// An EVM context over a database.
pub(crate) fn context<DB: Database>(db: DB, cfg: CfgEnv, block: BlockEnv) -> MainnetContext<DB> {
    Context::mainnet()
        .with_db(db)
        .with_cfg(cfg)
        .with_block(block)
}

/// revm's configuration and environment for a block with this header.
pub(crate) fn environment(spec: &ChainSpec, header: &Header) -> (CfgEnv, BlockEnv) {
    let blobs = spec.blob_params_at(header.timestamp);
    let EvmEnv { cfg_env, block_env } = EvmEnv::for_eth_block(header, spec, spec.chain_id, blobs);
    (cfg_env, block_env)
}

impl ChainView {
    pub(crate) fn reader(&self, view: StateView) -> StateReader<'_> {
        StateReader::new(&self.inner, view)
    }
}
