//! Blocks by number and hash.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{B256, U64};
use alloy_rpc_types_eth::{Block, Header, TransactionReceipt};
use jsonrpsee::server::RegisterMethodError;

use super::convert;
use crate::api::{Api, RpcResult};
use crate::args::Args;
use crate::node::Node;

pub(super) fn register(api: &mut Api) -> Result<(), RegisterMethodError> {
    api.light("eth_blockNumber", 0, |node, _| {
        Ok(U64::from(node.head().number()))
    })?;
    api.light("eth_getBlockByNumber", 2, block::<BlockNumberOrTag>)?;
    api.light("eth_getBlockByHash", 2, block::<B256>)?;
    api.light("eth_getHeaderByNumber", 1, header::<BlockNumberOrTag>)?;
    api.light("eth_getHeaderByHash", 1, header::<B256>)?;
    api.light(
        "eth_getBlockTransactionCountByNumber",
        1,
        transaction_count::<BlockNumberOrTag>,
    )?;
    api.light(
        "eth_getBlockTransactionCountByHash",
        1,
        transaction_count::<B256>,
    )?;
    api.light(
        "eth_getUncleCountByBlockNumber",
        1,
        uncle_count::<BlockNumberOrTag>,
    )?;
    api.light("eth_getUncleCountByBlockHash", 1, uncle_count::<B256>)?;
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
    Ok(node.find_block(id.into())?.map(|_| U64::ZERO))
}

fn receipts(node: &Node, mut args: Args<'_>) -> RpcResult<Option<Vec<TransactionReceipt>>> {
    let found = node.find_block(args.required()?)?;
    Ok(found.map(|block| {
        (0..block.transactions.len())
            .filter_map(|index| convert::receipt(&block, index))
            .collect()
    }))
}
