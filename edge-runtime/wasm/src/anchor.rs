//! A batch, and the transaction that puts its root on the chain.

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Signature, TxKind, U256, hex};
use alloy_sol_types::{SolCall, sol};
use serde::Deserialize;
use serde_json::{Value, json};
use sidelight_edge_core::batch::Batch;

use crate::{
    Refusal,
    make::{sign as sign_digest, signing_key},
    parse,
};

sol! {
    function anchor(bytes32 root, uint32 count, bytes32 dataHash, string uri);
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Call {
    root: B256,
    count: u32,
    #[serde(default)]
    data_hash: B256,
    #[serde(default)]
    uri: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Request {
    chain_id: u64,
    registry: Address,
    nonce: u64,
    gas: u64,
    /// Quantities in wei.
    max_fee_per_gas: U256,
    max_priority_fee_per_gas: U256,
    call: Call,
}

pub(crate) fn batch(hashes: &str) -> Result<Value, Refusal> {
    let hashes: Vec<B256> = parse("hashes", hashes)?;
    let batch = Batch::new(&hashes).map_err(|error| Refusal::argument("hashes", error))?;
    let proofs: Vec<_> = hashes.iter().map(|&hash| batch.prove(hash)).collect();
    Ok(json!({ "root": batch.root(), "proofs": proofs }))
}

pub(crate) fn call(request: &str) -> Result<Value, Refusal> {
    let call: Call = parse("request", request)?;
    Ok(json!(hex::encode_prefixed(encode(call))))
}

pub(crate) fn sign(request: &str, key: &[u8]) -> Result<Value, Refusal> {
    let request: Request = parse("request", request)?;
    let fee = |field, wei: U256| {
        u128::try_from(wei).map_err(|_| Refusal::argument(field, "expected at most 128 bits"))
    };
    let transaction = TxEip1559 {
        chain_id: request.chain_id,
        nonce: request.nonce,
        gas_limit: request.gas,
        max_fee_per_gas: fee("maxFeePerGas", request.max_fee_per_gas)?,
        max_priority_fee_per_gas: fee("maxPriorityFeePerGas", request.max_priority_fee_per_gas)?,
        to: TxKind::Call(request.registry),
        input: encode(request.call).into(),
        ..TxEip1559::default()
    };
    let signature = sign_digest(&signing_key(key)?, transaction.signature_hash())?;
    let signature =
        Signature::from_raw_array(&signature).map_err(|error| Refusal::argument("key", error))?;
    let signed = transaction.into_signed(signature);
    Ok(json!({ "raw": hex::encode_prefixed(signed.encoded_2718()), "hash": signed.hash() }))
}

fn encode(call: Call) -> Vec<u8> {
    anchorCall {
        root: call.root,
        count: call.count,
        dataHash: call.data_hash,
        uri: call.uri,
    }
    .abi_encode()
}
