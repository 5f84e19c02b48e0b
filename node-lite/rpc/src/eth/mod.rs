//! Ethereum's JSON-RPC as wallets and libraries use it: `eth_*`, `net_*`, `web3_*` and `txpool_*`.

pub(crate) mod blocks;
pub(crate) mod calls;
pub(crate) mod chain;
pub(crate) mod convert;
pub(crate) mod fees;
pub(crate) mod logs;
pub(crate) mod state;
pub(crate) mod subscribe;
pub(crate) mod transactions;
pub(crate) mod txpool;

use alloy_primitives::{Address, B256, Bytes, U64, keccak256};
use jsonrpsee::server::RegisterMethodError;

use crate::api::Api;
use crate::node::Node;

/// Registers everything in this module.
pub(crate) fn register(api: &mut Api<Node>) -> Result<(), RegisterMethodError> {
    api.light("web3_clientVersion", 0, |node, _| Ok(node.client_version()))?;
    api.light("web3_sha3", 1, |_, mut args| {
        Ok::<B256, _>(keccak256(args.required::<Bytes>()?))
    })?;
    api.light("net_version", 0, |node, _| {
        Ok(node.chain.chain_id().to_string())
    })?;
    api.light("net_listening", 0, |_, _| Ok(true))?;
    api.light("net_peerCount", 0, |_, _| Ok(U64::ZERO))?;
    api.light("eth_chainId", 0, |node, _| {
        Ok(U64::from(node.chain.chain_id()))
    })?;
    api.light("eth_syncing", 0, |_, _| Ok(false))?;
    api.light("eth_accounts", 0, |_, _| Ok(Vec::<Address>::new()))?;
    blocks::register(api)?;
    state::register(api)?;
    transactions::register(api)?;
    calls::register(api)?;
    fees::register(api)?;
    logs::register(api)?;
    subscribe::register(api)?;
    chain::register(api)?;
    txpool::register(api)
}
