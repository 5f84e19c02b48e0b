//! Logs by query and by polled filter.

use std::time::Instant;

use alloy_eips::BlockNumberOrTag;
use alloy_primitives::{B128, B256};
use alloy_rpc_types_eth::{Filter, FilterBlockOption, Log};
use jsonrpsee::server::RegisterMethodError;
use serde::Serialize;

use super::convert;
use crate::api::{Api, RpcResult};
use crate::args::Args;
use crate::error::RpcError;
use crate::filters::{Kind, Poll};
use crate::node::Node;
use crate::params::Logs;

/// What `eth_getFilterChanges` returns, by kind of filter.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Changes {
    Hashes(Vec<B256>),
    Logs(Vec<Log>),
}

pub(super) fn register(api: &mut Api<Node>) -> Result<(), RegisterMethodError> {
    api.heavy("eth_getLogs", 1, |node, mut args| {
        query(node, &args.required::<Logs>()?.0)
    })?;
    api.light("eth_newFilter", 1, new_filter)?;
    api.light("eth_newBlockFilter", 0, |node, _| {
        let next = node.head().number().saturating_add(1);
        Ok(short_id(
            node.filters.add(Kind::Blocks { next }, Instant::now())?,
        ))
    })?;
    api.light("eth_newPendingTransactionFilter", 1, new_pending_filter)?;
    api.heavy("eth_getFilterChanges", 1, changes)?;
    api.heavy("eth_getFilterLogs", 1, |node, mut args| {
        let filter = node
            .filters
            .log_filter(&parse_id(&mut args)?, Instant::now())?;
        query(node, &filter)
    })?;
    api.light("eth_uninstallFilter", 1, |node, mut args| {
        Ok(node.filters.remove(&parse_id(&mut args)?))
    })
}

/// Whether a block's bloom and then its logs match; appends those that do.
pub(super) fn append_matching(
    block: &node_lite_exec::SealedBlock,
    filter: &Filter,
    found: &mut Vec<Log>,
) {
    if filter.matches_bloom(block.header().logs_bloom) {
        found.extend(convert::logs(block).filter(|log| filter.matches(&log.inner)));
    }
}

fn query(node: &Node, filter: &Filter) -> RpcResult<Vec<Log>> {
    match filter.block_option {
        FilterBlockOption::AtBlockHash(hash) => {
            let mut found = Vec::new();
            let block = node.find_block(hash.into())?;
            let block = block.ok_or_else(|| RpcError::Execution("unknown block".to_owned()))?;
            append_matching(&block, filter, &mut found);
            Ok(found)
        }
        FilterBlockOption::Range {
            from_block,
            to_block,
        } => {
            let head = node.head().number();
            let first = number_of(node, from_block)?;
            let last = number_of(node, to_block)?;
            if first > last {
                return Err(RpcError::invalid("invalid block range params"));
            }
            if last > head {
                return Err(RpcError::invalid(
                    "block range extends beyond current head block",
                ));
            }
            scan(node, filter, first, last)
        }
    }
}

fn scan(node: &Node, filter: &Filter, first: u64, last: u64) -> RpcResult<Vec<Log>> {
    let limits = &node.limits;
    if last.saturating_sub(first) >= limits.log_blocks {
        return Err(RpcError::invalid(format!(
            "query exceeds max block range {}",
            limits.log_blocks
        )));
    }
    let mut found = Vec::new();
    for number in first..=last {
        append_matching(&*node.block(number.into())?, filter, &mut found);
        if found.len() > limits.logs {
            let text = format!(
                "query returned more than {} results, try a smaller block range, up to {number:#x}",
                limits.logs
            );
            return Err(RpcError::invalid(text));
        }
    }
    Ok(found)
}

/// The number of a block that may not be there yet; the head's where none is named.
fn number_of(node: &Node, bound: Option<BlockNumberOrTag>) -> RpcResult<u64> {
    match bound {
        Some(BlockNumberOrTag::Number(number)) => Ok(number),
        Some(BlockNumberOrTag::Earliest) => Ok(0),
        tag => Ok(node.block(tag.unwrap_or_default().into())?.number()),
    }
}

fn new_filter(node: &Node, mut args: Args<'_>) -> RpcResult<String> {
    let Logs(filter) = args.required()?;
    if matches!(filter.block_option, FilterBlockOption::AtBlockHash(_)) {
        return Err(RpcError::invalid(
            "a filter cannot follow one block hash; use eth_getLogs",
        ));
    }
    let next = node.head().number().saturating_add(1);
    Ok(short_id(node.filters.add(
        Kind::Logs {
            filter: Box::new(filter),
            next,
        },
        Instant::now(),
    )?))
}

fn new_pending_filter(node: &Node, mut args: Args<'_>) -> RpcResult<String> {
    if args.optional::<bool>()?.unwrap_or(false) {
        return Err(RpcError::NotSupported(
            "a filter of full pending transactions".to_owned(),
        ));
    }
    Ok(short_id(node.filters.add(
        Kind::Pending(node.chain.subscribe_pending()),
        Instant::now(),
    )?))
}

fn changes(node: &Node, mut args: Args<'_>) -> RpcResult<Changes> {
    let head = node.head().number();
    match node
        .filters
        .poll(&parse_id(&mut args)?, head, Instant::now())?
    {
        Poll::Hashes(hashes) => Ok(Changes::Hashes(hashes)),
        Poll::Blocks { first, last } => (first..=last)
            .map(|number| Ok(node.block(number.into())?.hash))
            .collect::<RpcResult<_>>()
            .map(Changes::Hashes),
        Poll::Logs {
            filter,
            first,
            last,
        } => {
            let until = match filter.block_option {
                FilterBlockOption::Range {
                    to_block: Some(BlockNumberOrTag::Number(number)),
                    ..
                } => last.min(number),
                _ => last,
            };
            let from = match filter.block_option {
                FilterBlockOption::Range {
                    from_block: Some(BlockNumberOrTag::Number(number)),
                    ..
                } => first.max(number),
                _ => first,
            };
            scan(node, &filter, from, until).map(Changes::Logs)
        }
    }
}

/// A filter id as callers see it: a quantity without leading zeros, as go-ethereum writes it.
fn short_id(id: B128) -> String {
    format!("{:#x}", alloy_primitives::U128::from_be_bytes(id.0))
}

fn parse_id(args: &mut Args<'_>) -> RpcResult<B128> {
    Ok(B128::from(
        args.required::<alloy_primitives::U128>()?
            .to_be_bytes::<16>(),
    ))
}
