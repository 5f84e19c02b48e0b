//! Balances, nonces, code, storage and [EIP-1186](https://eips.ethereum.org/EIPS/eip-1186) proofs.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{B256, Bytes, U64, U256};
use alloy_rpc_types_eth::{EIP1186AccountProofResponse, EIP1186StorageProof};
use alloy_serde::JsonStorageKey;
use jsonrpsee::server::RegisterMethodError;
use node_lite_exec::StateView;
use sidelight_core::limits::MAX_FILTER_SLOTS;

use crate::api::{Api, RpcResult};
use crate::args::Args;
use crate::error::RpcError;
use crate::lie::Lie;
use crate::node::Node;
use crate::params::{Account, Block, storage_key};

pub(super) fn register(api: &mut Api<Node>) -> Result<(), RegisterMethodError> {
    api.light("eth_getBalance", 2, balance)?;
    api.light("eth_getTransactionCount", 2, nonce)?;
    api.light("eth_getCode", 2, code)?;
    api.light("eth_getStorageAt", 3, storage)?;
    api.heavy("eth_getProof", 3, proof)
}

/// The state after the block that the next parameter names; after the head if none is named.
fn state_at(node: &Node, args: &mut Args<'_>) -> RpcResult<StateView> {
    node.state_at(args.optional::<Block>()?.map(BlockId::from))
}

fn balance(node: &Node, mut args: Args<'_>) -> RpcResult<U256> {
    let Account(address) = args.required()?;
    let account = state_at(node, &mut args)?.account(address)?;
    let balance = account.map_or(U256::ZERO, |account| account.balance);
    Ok(if node.lies.is_on(Lie::WrongBalance) {
        crate::lie::inflate(balance)
    } else {
        balance
    })
}

fn nonce(node: &Node, mut args: Args<'_>) -> RpcResult<U64> {
    let Account(address) = args.required()?;
    let at = args.optional::<Block>()?.map(BlockId::from);
    if at == Some(BlockId::Number(BlockNumberOrTag::Pending)) {
        return Ok(U64::from(node.chain.pending_nonce(address)?));
    }
    let account = node.state_at(at)?.account(address)?;
    Ok(U64::from(account.map_or(0, |account| account.nonce)))
}

fn code(node: &Node, mut args: Args<'_>) -> RpcResult<Bytes> {
    let Account(address) = args.required()?;
    let code = state_at(node, &mut args)?.code(address)?;
    Ok(if node.lies.is_on(Lie::WrongCode) {
        crate::lie::alter_code(code)
    } else {
        code
    })
}

fn storage(node: &Node, mut args: Args<'_>) -> RpcResult<B256> {
    let Account(address) = args.required()?;
    let slot = storage_key(&args.required::<String>()?)?;
    let value = state_at(node, &mut args)?.storage(address, slot.as_b256().into())?;
    Ok(if node.lies.is_on(Lie::WrongStorage) {
        crate::lie::inflate(value)
    } else {
        value
    }
    .into())
}

fn proof(node: &Node, mut args: Args<'_>) -> RpcResult<EIP1186AccountProofResponse> {
    let Account(address) = args.required()?;
    let keys: Vec<String> = args.optional()?.unwrap_or_default();
    if keys.len() > MAX_FILTER_SLOTS {
        return Err(RpcError::invalid(format!(
            "too many slots: limit {MAX_FILTER_SLOTS}, got {}",
            keys.len()
        )));
    }
    let keys = keys.iter().map(|key| storage_key(key));
    let keys = keys.collect::<RpcResult<Vec<JsonStorageKey>>>()?;
    let slots: Vec<U256> = keys.iter().map(|key| key.as_b256().into()).collect();
    let mut proof = state_at(node, &mut args)?.prove(address, &slots)?;
    node.lies.alter_proof(&mut proof);
    let account = proof.account.unwrap_or_default();
    let storage_proof =
        keys.into_iter()
            .zip(proof.storage)
            .map(|(key, slot)| EIP1186StorageProof {
                key,
                value: slot.value,
                proof: slot.nodes,
            });
    Ok(EIP1186AccountProofResponse {
        address,
        balance: account.balance,
        code_hash: account.code_hash,
        nonce: account.nonce,
        storage_hash: account.storage_root,
        account_proof: proof.nodes,
        storage_proof: storage_proof.collect(),
    })
}
