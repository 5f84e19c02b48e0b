//! `lite_*`: the light protocol's objects over JSON-RPC, for people and tools. Chain objects are hex of their canonical RLP (`docs/wire-format.md`).

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, Bytes, U256};
use jsonrpsee::server::RegisterMethodError;
use serde::{Deserialize, Serialize};
use sidelight_core::wire::{FailureCode, Filter, Mode};

use crate::api::{Api, RpcResult};
use crate::args::Args;
use crate::error::RpcError;
use crate::lie::{self, Lie};
use crate::lite::Refusal;
use crate::node::Peer;

/// One account of a filter in JSON.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WatchedAccount {
    address: Address,
    #[serde(default)]
    slots: Vec<U256>,
}

/// The word for a mode in JSON.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ModeName {
    Headers,
    Watch,
    Consistent,
}

/// A checkpoint file, `sidelight/checkpoint@1`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checkpoint {
    r#type: &'static str,
    rules: Bytes,
    signed_header: Bytes,
    time: u64,
}

pub(crate) fn register(api: &mut Api<Peer>) -> Result<(), RegisterMethodError> {
    api.heavy("lite_getTransition", 3, transition)?;
    api.light("lite_getCode", 1, |node, mut args| {
        Ok(node.lite.code(args.required::<B256>()?)?)
    })?;
    api.light("lite_getHeader", 1, header)?;
    api.light("lite_getRules", 0, |node, _| {
        Ok(Bytes::from(node.chain.rules().encode()))
    })?;
    api.light("lite_getCheckpoint", 1, checkpoint)
}

/// `lite_getTransition(blockHash, mode = "consistent", filter = [])`: the update.
fn transition(node: &Peer, mut args: Args<'_>) -> RpcResult<Bytes> {
    let block = node.chain.block_by_hash(args.required()?)?;
    let mode = match args.optional()?.unwrap_or(ModeName::Consistent) {
        ModeName::Headers => Mode::Headers,
        ModeName::Watch => Mode::Watch,
        ModeName::Consistent => Mode::Consistent,
    };
    let accounts: Vec<WatchedAccount> = args.optional()?.unwrap_or_default();
    let filter = Filter::new(
        accounts
            .into_iter()
            .map(|account| (account.address, account.slots)),
    );
    let filter =
        filter.map_err(|error| RpcError::invalid(format!("invalid argument 2: {error}")))?;
    Ok(node.lite.update(&block, mode, &filter)?.encode().into())
}

/// `lite_getHeader(hash or number = "latest")`: the signed header.
fn header(node: &Peer, mut args: Args<'_>) -> RpcResult<Bytes> {
    let block = node.block(parse_block(&mut args)?)?;
    Ok(node.lite.signed_header(&block).encode().into())
}

/// `lite_getCheckpoint(hash or number = "latest")`: rules and header to start from. The client decides whether it trusts them.
fn checkpoint(node: &Peer, mut args: Args<'_>) -> RpcResult<Checkpoint> {
    let block = node.block(parse_block(&mut args)?)?;
    if block.number() == 0 {
        return Err(RpcError::Execution(
            "the genesis block is in the rules and has no checkpoint".to_owned(),
        ));
    }
    let mut rules = node.chain.rules().clone();
    let mut signed = node.lite.signed_header(&block);
    if node.lies.is_on(Lie::SwappedCheckpoint) {
        (rules, signed) = lie::swap_checkpoint(&node.chain, rules, signed);
    }
    let time = block.header().timestamp;
    Ok(Checkpoint {
        r#type: "sidelight/checkpoint@1",
        rules: rules.encode().into(),
        signed_header: signed.encode().into(),
        time,
    })
}

/// A block number, tag or hash; a 32-byte hash may stand for itself here.
pub(crate) fn parse_block(args: &mut Args<'_>) -> RpcResult<BlockId> {
    let Some(text) = args.optional::<String>()? else {
        return Ok(BlockId::default());
    };
    if let Ok(hash) = text.parse::<B256>() {
        return Ok(hash.into());
    }
    let tag = text
        .parse::<BlockNumberOrTag>()
        .map_err(|error| RpcError::invalid(format!("invalid argument 0: {error}")))?;
    Ok(tag.into())
}

impl From<Refusal> for RpcError {
    fn from(refusal: Refusal) -> Self {
        match refusal.code {
            FailureCode::Overloaded => Self::Overloaded(refusal.text),
            FailureCode::NotSupported => Self::NotSupported(refusal.text),
            _ => Self::Execution(refusal.text),
        }
    }
}
