//! Execution without a transaction: `eth_call`, `eth_estimateGas`, `eth_createAccessList`.

use alloy_eips::BlockId;
use alloy_primitives::{Bytes, U64, U256};
use alloy_rpc_types_eth::{AccessListResult, TransactionRequest};
use jsonrpsee::server::RegisterMethodError;
use node_lite_exec::CallOverrides;

use crate::api::{Api, RpcResult};
use crate::args::Args;
use crate::node::Node;
use crate::params::Block;

pub(super) fn register(api: &mut Api<Node>) -> Result<(), RegisterMethodError> {
    api.heavy("eth_call", 4, call)?;
    api.heavy("eth_estimateGas", 4, estimate)?;
    api.heavy("eth_createAccessList", 3, access_list)
}

/// The request, the block that it runs on, and what it sees differently.
fn scene(
    node: &Node,
    args: &mut Args<'_>,
) -> RpcResult<(TransactionRequest, BlockId, CallOverrides)> {
    let request = args.required()?;
    let at = args.optional::<Block>()?;
    let block = node.block(at.map(BlockId::from).unwrap_or_default())?;
    let overrides = CallOverrides {
        state: args.optional()?,
        block: args.optional()?,
    };
    Ok((request, block.hash.into(), overrides))
}

fn call(node: &Node, mut args: Args<'_>) -> RpcResult<Bytes> {
    let (request, at, overrides) = scene(node, &mut args)?;
    Ok(node.chain.call(&request, at, &overrides)?)
}

fn estimate(node: &Node, mut args: Args<'_>) -> RpcResult<U64> {
    let (request, at, overrides) = scene(node, &mut args)?;
    Ok(U64::from(
        node.chain.estimate_gas(&request, at, &overrides)?,
    ))
}

fn access_list(node: &Node, mut args: Args<'_>) -> RpcResult<AccessListResult> {
    let (request, at, overrides) = scene(node, &mut args)?;
    let outcome = node.chain.create_access_list(&request, at, &overrides)?;
    Ok(AccessListResult {
        access_list: outcome.access_list,
        gas_used: U256::from(outcome.gas_used),
        error: outcome.error,
    })
}
