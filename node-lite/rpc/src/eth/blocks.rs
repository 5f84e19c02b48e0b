//! Blocks by number and hash.

use alloy_eips::BlockId;
use alloy_primitives::U64;
use alloy_rpc_types_eth::{Block, Header, TransactionReceipt};
use jsonrpsee::server::RegisterMethodError;

use super::convert;
use crate::api::{Api, RpcResult};
use crate::args::Args;
use crate::node::Node;
use crate::params::{self, Hash, Number};

pub(super) fn register(api: &mut Api<Node>) -> Result<(), RegisterMethodError> {
    api.light("eth_blockNumber", 0, |node, _| {
        Ok(U64::from(node.head().number()))
    })?;
    api.light("eth_getBlockByNumber", 2, block::<Number>)?;
    api.light("eth_getBlockByHash", 2, block::<Hash>)?;
    api.light("eth_getHeaderByNumber", 1, header::<Number>)?;
    api.light("eth_getHeaderByHash", 1, header::<Hash>)?;
    api.light(
        "eth_getBlockTransactionCountByNumber",
        1,
        transaction_count::<Number>,
    )?;
    api.light(
        "eth_getBlockTransactionCountByHash",
        1,
        transaction_count::<Hash>,
    )?;
    api.light("eth_getUncleCountByBlockNumber", 1, uncle_count::<Number>)?;
    api.light("eth_getUncleCountByBlockHash", 1, uncle_count::<Hash>)?;
    api.light("eth_getUncleByBlockNumberAndIndex", 2, uncle::<Number>)?;
    api.light("eth_getUncleByBlockHashAndIndex", 2, uncle::<Hash>)?;
    api.light("eth_getBlockReceipts", 1, receipts)
}

fn block<Id: serde::de::DeserializeOwned + Into<BlockId>>(
    node: &Node,
    mut args: Args<'_>,
) -> RpcResult<Option<Block>> {
    let id: Id = args.required()?;
    let full = args.optional()?.unwrap_or(false);
    Ok(node
        .find_block(id.into())?
        .map(|block| convert::block(&block, full)))
}

fn header<Id: serde::de::DeserializeOwned + Into<BlockId>>(
    node: &Node,
    mut args: Args<'_>,
) -> RpcResult<Option<Header>> {
    let id: Id = args.required()?;
    Ok(node
        .find_block(id.into())?
        .map(|block| convert::header(&block)))
}

fn transaction_count<Id: serde::de::DeserializeOwned + Into<BlockId>>(
    node: &Node,
    mut args: Args<'_>,
) -> RpcResult<Option<U64>> {
    let id: Id = args.required()?;
    Ok(node
        .find_block(id.into())?
        .map(|block| U64::from(block.transactions.len())))
}

fn uncle_count<Id: serde::de::DeserializeOwned + Into<BlockId>>(
    node: &Node,
    mut args: Args<'_>,
) -> RpcResult<Option<U64>> {
    let id: Id = args.required()?;
    Ok(node
        .find_block(id.into())?
        .map(|block| U64::from(block.ommers.len())))
}

fn uncle<Id: serde::de::DeserializeOwned + Into<BlockId>>(
    node: &Node,
    mut args: Args<'_>,
) -> RpcResult<Option<Block>> {
    let id: Id = args.required()?;
    let index: usize = args.required::<U64>()?.saturating_to();
    let block = node.find_block(id.into())?;
    Ok(block.and_then(|block| block.ommers.get(index).cloned().map(convert::uncle)))
}

fn receipts(node: &Node, mut args: Args<'_>) -> RpcResult<Option<Vec<TransactionReceipt>>> {
    let found = node.find_block(args.required::<params::Block>()?.into())?;
    Ok(found.map(|block| {
        let blob_price = node.chain.blob_base_fee(block.header());
        (0..block.transactions.len())
            .filter_map(|index| convert::receipt(&block, index, blob_price))
            .collect()
    }))
}
