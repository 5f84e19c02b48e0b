//! What a transaction costs: base fee, a tip that was enough lately, and the history of both.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{U64, U128};
use alloy_rpc_types_eth::FeeHistory;
use jsonrpsee::server::RegisterMethodError;
use node_lite_exec::SealedBlock;

use crate::api::{Api, RpcResult};
use crate::args::Args;
use crate::error::RpcError;
use crate::node::Node;

/// The tip that is suggested where nobody has tipped lately, in wei per gas.
const DEFAULT_TIP: u128 = 1_000_000_000;
/// Blocks that the suggested tip looks back on.
const TIP_BLOCKS: u64 = 20;
/// Percentile of their tips that is suggested; go-ethereum's.
const TIP_PERCENTILE: usize = 60;
/// Most blocks in one fee history; go-ethereum's.
const MAX_HISTORY: u64 = 1_024;
/// Most percentiles in one fee history; go-ethereum's.
const MAX_PERCENTILES: usize = 100;
/// Blob gas costs the minimum (EIP-4844), because no block has blobs.
const BLOB_BASE_FEE: u128 = 1;

pub(super) fn register(api: &mut Api) -> Result<(), RegisterMethodError> {
    api.light("eth_gasPrice", 0, |node, _| {
        Ok(U128::from(
            suggest_tip(node) + u128::from(node.chain.next_base_fee()),
        ))
    })?;
    api.light("eth_maxPriorityFeePerGas", 0, |node, _| {
        Ok(U128::from(suggest_tip(node)))
    })?;
    api.light("eth_blobBaseFee", 0, |_, _| Ok(U128::from(BLOB_BASE_FEE)))?;
    api.heavy("eth_feeHistory", 3, history)
}

fn suggest_tip(node: &Node) -> u128 {
    let head = node.chain.head().number();
    let recent = (head.saturating_sub(TIP_BLOCKS - 1)..=head)
        .filter_map(|number| node.chain.block_by_number(number).ok());
    let mut tips: Vec<u128> = recent
        .flat_map(|block| block.rewards())
        .map(|(tip, _)| tip)
        .collect();
    tips.sort_unstable();
    let index = tips.len().saturating_sub(1) * TIP_PERCENTILE / 100;
    tips.get(index).copied().unwrap_or(DEFAULT_TIP)
}

fn history(node: &Node, mut args: Args<'_>) -> RpcResult<FeeHistory> {
    let count: U64 = args.required()?;
    let newest: BlockNumberOrTag = args.required()?;
    let percentiles: Option<Vec<f64>> = args.optional()?;
    check_percentiles(percentiles.as_deref().unwrap_or_default())?;

    let newest = node.block(BlockId::Number(newest))?.number();
    let count = count
        .saturating_to::<u64>()
        .min(MAX_HISTORY)
        .min(newest + 1 - node.chain.oldest_number().min(newest));
    let oldest = newest + 1 - count;
    let blocks = (oldest..=newest)
        .map(|number| Ok(node.chain.block_by_number(number)?))
        .collect::<RpcResult<Vec<_>>>()?;

    let next = match node.chain.block_by_number(newest + 1) {
        Ok(block) => block.base_fee(),
        Err(_) => node.chain.next_base_fee(),
    };
    let base_fees = blocks
        .iter()
        .map(|block| block.base_fee())
        .chain([next])
        .map(u128::from);
    Ok(FeeHistory {
        base_fee_per_gas: base_fees.collect(),
        gas_used_ratio: blocks.iter().map(|block| ratio(block)).collect(),
        base_fee_per_blob_gas: vec![BLOB_BASE_FEE; blocks.len() + 1],
        blob_gas_used_ratio: vec![0.0; blocks.len()],
        oldest_block: oldest,
        reward: percentiles
            .map(|wanted| blocks.iter().map(|block| rewards(block, &wanted)).collect()),
    })
}

fn check_percentiles(wanted: &[f64]) -> RpcResult<()> {
    if wanted.len() > MAX_PERCENTILES {
        return Err(RpcError::invalid(format!(
            "over the query limit {MAX_PERCENTILES}"
        )));
    }
    let in_range = wanted.iter().all(|p| (0.0..=100.0).contains(p));
    if !in_range || !wanted.is_sorted() {
        return Err(RpcError::invalid(
            "invalid reward percentile: expected ascending numbers from 0 to 100",
        ));
    }
    Ok(())
}

fn ratio(block: &SealedBlock) -> f64 {
    block.header().gas_used as f64 / (block.header().gas_limit as f64).max(1.0)
}

/// For each percentile of the block's gas, the tip of the transaction that used it.
fn rewards(block: &SealedBlock, percentiles: &[f64]) -> Vec<u128> {
    let rewards = block.rewards();
    let at = |percentile: &f64| {
        let threshold = (block.header().gas_used as f64 * percentile / 100.0) as u64;
        let mut used = 0_u64;
        let found = rewards.iter().find(|(_, gas)| {
            used = used.saturating_add(*gas);
            used >= threshold
        });
        found.or(rewards.last()).map_or(0, |(tip, _)| *tip)
    };
    percentiles.iter().map(at).collect()
}
