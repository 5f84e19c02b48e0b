//! What every method works on: the chain, the lies that stand between it and the caller, and the filters.
//!
//! ```text
//!   Node   any chain, imported or sequenced:  eth_*, net_*, txpool_*, debug_*
//!     ^
//!   Peer   a chain with a sequencer:          lite_*, dev_*, POST /lite, /stream
//! ```

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use alloy_eips::{BlockId, BlockNumberOrTag};
use node_lite_exec::{Chain, ChainError, ChainView, SealedBlock, StateView};

use crate::api::{Gate, RpcResult};
use crate::config::Limits;
use crate::decisions::Shelf;
use crate::filters::Filters;
use crate::lie::Lies;
use crate::lite::LiteServer;

/// One node, as its callers see it.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) chain: ChainView,
    pub(crate) lies: Arc<Lies>,
    pub(crate) filters: Filters,
    pub(crate) gate: Gate,
    pub(crate) limits: Limits,
}

/// A node whose chain has a sequencer, as light clients and developers see it.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) node: Arc<Node>,
    pub(crate) chain: Chain,
    pub(crate) lite: LiteServer,
    pub(crate) control: Option<Arc<dyn Control>>,
    pub(crate) decisions: Shelf,
}

impl Deref for Peer {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.node
    }
}

impl AsRef<Gate> for Node {
    fn as_ref(&self) -> &Gate {
        &self.gate
    }
}

impl AsRef<Gate> for Peer {
    fn as_ref(&self) -> &Gate {
        &self.node.gate
    }
}

/// What a developer may change while the node runs; the binary implements it over its sequencer.
pub trait Control: Send + Sync + std::fmt::Debug {
    /// Seals a block every `interval`; `None` stops the clock, blocks then come by `dev_seal` only.
    fn set_interval(&self, interval: Option<Duration>) -> Result<(), String>;
}

impl Node {
    pub(crate) fn new(chain: ChainView, lies: Arc<Lies>, limits: Limits) -> Self {
        Self {
            filters: Filters::new(limits.filters, limits.filter_life),
            gate: Gate::new(limits.heavy_calls, limits.heavy_queue),
            limits,
            lies,
            chain,
        }
    }

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
        let frozen = self.lies.frozen_head();
        let frozen = frozen.and_then(|number| self.chain.block_by_number(number).ok());
        frozen.unwrap_or_else(|| self.chain.head())
    }

    /// A block, or the error that says why there is none.
    pub(crate) fn block(&self, id: BlockId) -> RpcResult<Arc<SealedBlock>> {
        match id {
            BlockId::Number(BlockNumberOrTag::Latest | BlockNumberOrTag::Pending) => {
                Ok(self.head())
            }
            BlockId::Number(BlockNumberOrTag::Safe | BlockNumberOrTag::Finalized) => {
                let (marked, head) = (self.chain.block(id)?, self.head());
                Ok(if marked.number() > head.number() {
                    head
                } else {
                    marked
                })
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
