//! A signed request to a node: what is to be computed, and under which conditions. `docs/decision-format.md`, section 10.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolStruct;
use serde::Deserialize;
use serde_json::{Value, json};
use sidelight_edge_core::{
    commit::{Role, compute_commitment},
    manifest::Manifest,
    record::Opening,
    tensor::decode_message,
    typed::{TaskRequest, domain},
};

use crate::{
    Refusal,
    make::{sign, signing_key},
    parse,
};

/// The kind of a task that is one inference.
const INFERENCE: u8 = 1;

/// What the requester chooses.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Draft {
    chain_id: u64,
    registry: Address,
    min_level: u8,
    det_class: u8,
    deadline: u64,
    nonce: u64,
    input_salt: B256,
}

/// The fields as a node takes them, their signature, and the hash that the decision will name.
pub(crate) fn make(
    draft: &str,
    manifest: &str,
    inputs: &[u8],
    key: &[u8],
) -> Result<Value, Refusal> {
    let draft: Draft = parse("draft", draft)?;
    let manifest = Manifest::decode(manifest.as_bytes())
        .map_err(|error| Refusal::argument("manifest", error))?;
    let tensors = decode_message(inputs).map_err(|error| Refusal::argument("inputs", error))?;
    manifest
        .check_inputs(&tensors)
        .map_err(|error| Refusal::argument("inputs", error))?;
    let opening = Opening {
        salt: draft.input_salt,
        tensors,
    };
    let key = signing_key(key)?;
    let task = TaskRequest {
        modelHash: manifest.to_model().eip712_hash_struct(),
        inputCommit: compute_commitment(Role::Input, opening.salt(), &opening.tensors)
            .map_err(|error| Refusal::argument("inputs", error))?,
        kind: INFERENCE,
        minLevel: draft.min_level,
        detClass: draft.det_class,
        deadline: draft.deadline,
        maxFee: U256::ZERO,
        localOnly: false,
        requester: Address::from_public_key(key.verifying_key()),
        nonce: draft.nonce,
    };
    let digest = task.eip712_signing_hash(&domain(draft.chain_id, draft.registry));
    let fields = json!({
        "modelHash": task.modelHash,
        "inputCommit": task.inputCommit,
        "kind": task.kind,
        "minLevel": task.minLevel,
        "detClass": task.detClass,
        "deadline": task.deadline.to_string(),
        "maxFee": task.maxFee.to_string(),
        "localOnly": task.localOnly,
        "requester": task.requester,
        "nonce": task.nonce.to_string(),
    });
    Ok(json!({
        "task": fields.to_string(),
        "signature": Bytes::copy_from_slice(&sign(&key, digest)?),
        "taskHash": task.eip712_hash_struct(),
        "requester": task.requester,
        "inputCommit": task.inputCommit,
        "modelHash": task.modelHash,
    }))
}
