//! `dev_*`: what a developer may do to a development chain. These methods exist with `--dev` only.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{B256, U64};
use jsonrpsee::server::RegisterMethodError;
use serde::Serialize;

use crate::api::{Api, RpcResult};
use crate::args::Args;
use crate::error::RpcError;
use crate::lie::Lie;
use crate::node::Peer;

/// Most blocks that one `dev_seal` seals.
const MAX_SEAL: u64 = 1_000;

/// One lie, as `dev_lies` lists it.
#[derive(Clone, Debug, Serialize)]
struct LieEntry {
    kind: &'static str,
    description: &'static str,
    on: bool,
}

pub(crate) fn register(api: &mut Api<Peer>) -> Result<(), RegisterMethodError> {
    api.light("dev_setLie", 2, set_lie)?;
    api.light("dev_lies", 0, |node, _| Ok(list(node)))?;
    api.heavy("dev_seal", 1, seal)?;
    api.heavy("evm_mine", 1, |node, _| {
        node.chain.seal()?;
        Ok("0x0")
    })?;
    api.light("dev_setInterval", 1, set_interval)
}

fn list(node: &Peer) -> Vec<LieEntry> {
    Lie::ALL
        .iter()
        .map(|lie| LieEntry {
            kind: lie.name(),
            description: lie.description(),
            on: node.lies.is_on(*lie),
        })
        .collect()
}

/// `dev_setLie(kind, on = true)`; the kind `none` takes every lie back.
fn set_lie(node: &Peer, mut args: Args<'_>) -> RpcResult<Vec<LieEntry>> {
    let kind: String = args.required()?;
    let on = args.optional()?.unwrap_or(true);
    if kind == "none" {
        node.lies.clear();
    } else {
        let lie = Lie::from_name(&kind).ok_or_else(|| {
            let known: Vec<_> = Lie::ALL.iter().map(|lie| lie.name()).collect();
            RpcError::invalid(format!(
                "unknown lie {kind:?}; expected none or one of {}",
                known.join(", ")
            ))
        })?;
        node.lies.set(lie, on, node.chain.head().number());
        tracing::warn!(lie = lie.name(), on, "the node lies");
    }
    Ok(list(node))
}

/// `dev_seal(count = 1)`: the hash of the last block sealed.
fn seal(node: &Peer, mut args: Args<'_>) -> RpcResult<B256> {
    let count = args
        .optional::<U64>()?
        .map_or(1, |count| count.saturating_to::<u64>());
    if !(1..=MAX_SEAL).contains(&count) {
        return Err(RpcError::invalid(format!(
            "invalid argument 0: expected 1 to {MAX_SEAL}, got {count}"
        )));
    }
    let mut last = B256::ZERO;
    for _ in 0..count {
        last = node.chain.seal()?.hash;
    }
    Ok(last)
}

/// `dev_setInterval(milliseconds)`; 0 stops the clock.
fn set_interval(node: &Peer, mut args: Args<'_>) -> RpcResult<bool> {
    let millis: u64 = args.required::<U64>()?.saturating_to();
    let control = node
        .control
        .as_ref()
        .map(Arc::clone)
        .ok_or_else(|| RpcError::NotSupported("dev_setInterval".to_owned()))?;
    let interval = (millis > 0).then(|| Duration::from_millis(millis));
    control
        .set_interval(interval)
        .map_err(RpcError::InvalidParams)?;
    Ok(true)
}
