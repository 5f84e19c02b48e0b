//! A record of a run, made and signed.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolStruct;
use k256::ecdsa::SigningKey;
use serde::Deserialize;
use serde_json::{Value, json};
use sidelight_edge_core::{
    commit::{Role, compute_commitment},
    decision::compute_decision_hash,
    manifest::{Manifest, ManifestError},
    record::{Opening, RECORD_TYPE, Record},
    tensor::{Tensor, decode_message},
    typed::{Decision, domain},
    verdict::verify_record,
};

use crate::{Refusal, parse, runtime::RuntimeUsed};

/// What the caller knows of a run. Salts are zero only where the values are public.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Draft {
    chain_id: u64,
    registry: Address,
    runtime: RuntimeUsed,
    input_salt: B256,
    output_salt: B256,
    /// A contract that accepts the key's signatures; the key's own address, if there is none.
    executor: Option<Address>,
    /// Of a run that was traced.
    #[serde(default)]
    trace_root: B256,
    #[serde(default)]
    parent: B256,
    #[serde(default)]
    requester: Address,
    nonce: u64,
    anchor_block: u64,
    anchor_hash: B256,
    issued_at: u64,
}

pub(crate) fn manifest(text: &str) -> Result<Value, Refusal> {
    let manifest = decode(text)?;
    Ok(json!({ "modelHash": manifest.to_model().eip712_hash_struct() }))
}

pub(crate) fn graph(manifest: &str, file: &[u8]) -> Result<(), Refusal> {
    decode(manifest)?.verify_graph(file).map_err(|error| {
        let refusal = Refusal::argument("graphRoot", &error);
        match error {
            ManifestError::GraphRoot { expected, got } => Refusal {
                expected: Some(expected.to_string()),
                got: Some(got.to_string()),
                ..refusal
            },
            _ => refusal,
        }
    })
}

/// A record of a run on this device. What it says is judged as any other before it is given out.
pub(crate) fn record(
    draft: &str,
    manifest: &str,
    inputs: &[u8],
    outputs: &[u8],
    key: &[u8],
) -> Result<String, Refusal> {
    let draft: Draft = parse("draft", draft)?;
    let manifest = decode(manifest)?;
    let tensors = |field, message: &[u8]| {
        decode_message(message).map_err(|error| Refusal::argument(field, error))
    };
    let (inputs, outputs) = (tensors("inputs", inputs)?, tensors("outputs", outputs)?);
    manifest
        .check_inputs(&inputs)
        .map_err(|error| Refusal::argument("inputs", error))?;
    let key = signing_key(key)?;
    let model = manifest.to_model();
    let runtime = draft.runtime.to_runtime()?;
    let input = Opening {
        salt: draft.input_salt,
        tensors: inputs,
    };
    let output = Opening {
        salt: draft.output_salt,
        tensors: outputs,
    };
    let decision = Decision {
        taskHash: B256::ZERO,
        modelHash: model.eip712_hash_struct(),
        runtimeHash: runtime.eip712_hash_struct(),
        inputCommit: commit(Role::Input, &input)?,
        outputCommit: commit(Role::Output, &output)?,
        traceRoot: draft.trace_root,
        zkInput: B256::ZERO,
        parent: draft.parent,
        executor: draft
            .executor
            .unwrap_or_else(|| Address::from_public_key(key.verifying_key())),
        requester: draft.requester,
        agentId: U256::ZERO,
        nonce: draft.nonce,
        anchorBlock: draft.anchor_block,
        anchorHash: draft.anchor_hash,
        issuedAt: draft.issued_at,
        maxLevel: 1,
    };
    let hash = compute_decision_hash(&decision, &domain(draft.chain_id, draft.registry));
    let record = Record {
        r#type: RECORD_TYPE.into(),
        chain_id: draft.chain_id,
        registry: draft.registry,
        decision,
        signature: sign(&key, hash)?.to_vec().into(),
        model,
        runtime,
        input: Some(input),
        output: Some(output),
        batch: None,
    };
    // Whether a contract accepts it is for the caller to ask.
    if draft.executor.is_none() {
        let _verified = verify_record(&record, draft.chain_id, draft.registry)?;
    }
    Ok(record.encode()?)
}

pub(crate) fn address(key: &[u8]) -> Result<String, Refusal> {
    let key = signing_key(key)?;
    Ok(Address::from_public_key(key.verifying_key()).to_string())
}

pub(crate) fn signing_key(key: &[u8]) -> Result<SigningKey, Refusal> {
    SigningKey::from_slice(key).map_err(|_| Refusal::argument("key", "expected 32 bytes of a key"))
}

/// `r || s || v` with a low `s`, deterministic (RFC 6979).
pub(crate) fn sign(key: &SigningKey, digest: B256) -> Result<[u8; 65], Refusal> {
    let (signature, recovery) = key
        .sign_prehash_recoverable(digest.as_slice())
        .map_err(|error| Refusal::argument("key", error))?;
    let mut bytes = [0_u8; 65];
    let [rs @ .., v] = &mut bytes;
    rs.copy_from_slice(&signature.to_bytes());
    *v = 27_u8.saturating_add(recovery.to_byte());
    Ok(bytes)
}

fn decode(manifest: &str) -> Result<Manifest, Refusal> {
    Manifest::decode(manifest.as_bytes()).map_err(|error| Refusal::argument("manifest", error))
}

fn commit(role: Role, opening: &Opening) -> Result<B256, Refusal> {
    let tensors: &[Tensor] = &opening.tensors;
    compute_commitment(role, opening.salt(), tensors)
        .map_err(|error| Refusal::argument("tensors", error))
}
