//! What a transaction costs: base fee, a tip that was enough lately, and the history of both.

use alloy_consensus::Header;
use alloy_eips::BlockId;
use alloy_primitives::{U64, U128};
use alloy_rpc_types_eth::FeeHistory;
use jsonrpsee::server::RegisterMethodError;
use node_lite_exec::SealedBlock;

use crate::api::{Api, RpcResult};
use crate::args::Args;
use crate::error::RpcError;
use crate::node::Node;
use crate::params::Number;

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

pub(super) fn register(api: &mut Api<Node>) -> Result<(), RegisterMethodError> {
    api.light("eth_gasPrice", 0, |node, _| {
        // Enough for the next block, and for an estimate on the newest, whose base fee may be the higher one.
        let base_fee = node.chain.next_base_fee().max(node.chain.head().base_fee());
        Ok(U128::from(suggest_tip(node) + u128::from(base_fee)))
    })?;
    api.light("eth_maxPriorityFeePerGas", 0, |node, _| {
        Ok(U128::from(suggest_tip(node)))
    })?;
    api.light("eth_baseFee", 0, |node, _| {
        Ok(U64::from(node.chain.base_fee_after(node.head().header())))
    })?;
    api.light("eth_blobBaseFee", 0, |node, _| {
        Ok(node
            .chain
            .blob_base_fee(node.head().header())
            .map(U128::from))
    })?;
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
    let Number(newest) = args.required()?;
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

    let headers = || blocks.iter().map(|block| block.header());
    let last = blocks.last().map(|block| block.header());
    // The price after the last block is known from that block.
    let next = last.map_or(0, |last| node.chain.base_fee_after(last));
    let next_blob = last.and_then(|last| node.chain.blob_base_fee_after(last));
    let base_fees = headers().map(|header| header.base_fee_per_gas.unwrap_or_default());
    let blob_fees = headers().map(|header| node.chain.blob_base_fee(header));
    Ok(FeeHistory {
        base_fee_per_gas: base_fees.chain([next]).map(u128::from).collect(),
        gas_used_ratio: headers().map(ratio).collect(),
        base_fee_per_blob_gas: blob_fees
            .chain([next_blob])
            .map(Option::unwrap_or_default)
            .collect(),
        blob_gas_used_ratio: headers().map(|header| blob_ratio(node, header)).collect(),
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

fn ratio(header: &Header) -> f64 {
    header.gas_used as f64 / (header.gas_limit as f64).max(1.0)
}

/// Blob gas used of what a block may hold; zero before Cancun.
fn blob_ratio(node: &Node, header: &Header) -> f64 {
    let params = node.chain.spec().blob_params_at(header.timestamp);
    let most = params.map_or(0, |params| params.max_blob_gas_per_block());
    header.blob_gas_used.unwrap_or_default() as f64 / (most as f64).max(1.0)
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
