//! Balances, nonces, code, storage and [EIP-1186](https://eips.ethereum.org/EIPS/eip-1186) proofs.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use alloy_rpc_types_eth::{EIP1186AccountProofResponse, EIP1186StorageProof};
use alloy_serde::JsonStorageKey;
use jsonrpsee::server::RegisterMethodError;
use sidelight_core::limits::MAX_FILTER_SLOTS;

use crate::api::{Api, RpcResult};
use crate::args::Args;
use crate::error::RpcError;
use crate::lie::Lie;
use crate::node::Node;

pub(super) fn register(api: &mut Api) -> Result<(), RegisterMethodError> {
    api.light("eth_getBalance", 2, balance)?;
    api.light("eth_getTransactionCount", 2, nonce)?;
    api.light("eth_getCode", 2, code)?;
    api.light("eth_getStorageAt", 3, storage)?;
    api.heavy("eth_getProof", 3, proof)
}

fn balance(node: &Node, mut args: Args<'_>) -> RpcResult<U256> {
    let address: Address = args.required()?;
    let account = node.state_at(args.optional()?)?.account(address)?;
    let balance = account.map_or(U256::ZERO, |account| account.balance);
    Ok(if node.lies.is_on(Lie::WrongBalance) {
        crate::lie::inflate(balance)
    } else {
        balance
    })
}

fn nonce(node: &Node, mut args: Args<'_>) -> RpcResult<U64> {
    let address: Address = args.required()?;
    let at: Option<BlockId> = args.optional()?;
    if at == Some(BlockId::Number(BlockNumberOrTag::Pending)) {
        return Ok(U64::from(node.chain.pending_nonce(address)?));
    }
    let account = node.state_at(at)?.account(address)?;
    Ok(U64::from(account.map_or(0, |account| account.nonce)))
}

fn code(node: &Node, mut args: Args<'_>) -> RpcResult<Bytes> {
    let address: Address = args.required()?;
    let code = node.state_at(args.optional()?)?.code(address)?;
    Ok(if node.lies.is_on(Lie::WrongCode) {
        crate::lie::alter_code(code)
    } else {
        code
    })
}

fn storage(node: &Node, mut args: Args<'_>) -> RpcResult<B256> {
    let address: Address = args.required()?;
    let slot: JsonStorageKey = args.required()?;
    let value = node
        .state_at(args.optional()?)?
        .storage(address, slot.as_b256().into())?;
    Ok(if node.lies.is_on(Lie::WrongStorage) {
        crate::lie::inflate(value)
    } else {
        value
    }
    .into())
}

fn proof(node: &Node, mut args: Args<'_>) -> RpcResult<EIP1186AccountProofResponse> {
    let address: Address = args.required()?;
    let keys: Vec<JsonStorageKey> = args.optional()?.unwrap_or_default();
    if keys.len() > MAX_FILTER_SLOTS {
        return Err(RpcError::invalid(format!(
            "too many slots: limit {MAX_FILTER_SLOTS}, got {}",
            keys.len()
        )));
    }
    let slots: Vec<U256> = keys.iter().map(|key| key.as_b256().into()).collect();
    let mut proof = node.state_at(args.optional()?)?.prove(address, &slots)?;
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
