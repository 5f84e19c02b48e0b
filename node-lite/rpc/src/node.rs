//! What every method works on: the chain, the lies that stand between it and the caller, and the filters.

use std::sync::Arc;
use std::time::Duration;

use alloy_eips::{BlockId, BlockNumberOrTag};
use node_lite_exec::{Chain, ChainError, SealedBlock, StateView};

use crate::api::{Gate, RpcResult};
use crate::config::Limits;
use crate::filters::Filters;
use crate::lie::Lies;
use crate::lite::LiteServer;

/// One node, as its callers see it.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) chain: Chain,
    pub(crate) lies: Arc<Lies>,
    pub(crate) lite: LiteServer,
    pub(crate) filters: Filters,
    pub(crate) gate: Gate,
    pub(crate) limits: Limits,
    pub(crate) control: Option<Arc<dyn Control>>,
}

/// What a developer may change while the node runs; the binary implements it over its sequencer.
pub trait Control: Send + Sync + std::fmt::Debug {
    /// Seals a block every `interval`; `None` stops the clock, blocks then come by `dev_seal` only.
    fn set_interval(&self, interval: Option<Duration>) -> Result<(), String>;
}

impl Node {
    pub(crate) fn client_version(&self) -> String {
        format!(
            "node-lite/v{}/{}-{}",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH
        )
    }

    /// The newest block that this node admits to.
    pub(crate) fn head(&self) -> Arc<SealedBlock> {
        self.lite.head()
    }

    /// A block, or the error that says why there is none.
    pub(crate) fn block(&self, id: BlockId) -> RpcResult<Arc<SealedBlock>> {
        match id {
            BlockId::Number(tag) if tag != BlockNumberOrTag::Earliest && !tag.is_number() => {
                Ok(self.head())
            }
            id => Ok(self.chain.block(id)?),
        }
    }

    /// A block, or `None` if nobody has sealed it.
    pub(crate) fn find_block(&self, id: BlockId) -> RpcResult<Option<Arc<SealedBlock>>> {
        match self.block(id) {
            Ok(block) => Ok(Some(block)),
            Err(error) if error == ChainError::UnknownBlock.into() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The state after a block; the head's where none is named.
    pub(crate) fn state_at(&self, id: Option<BlockId>) -> RpcResult<StateView> {
        let block = self.block(id.unwrap_or_default())?;
        Ok(self.chain.state_at(block.hash.into())?)
    }
}
