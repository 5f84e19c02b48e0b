//! Records of this device: made, signed, checked in their chain, and compared with a second run.

use alloy_primitives::{Address, B256, Bytes};
use serde::Deserialize;
use serde_json::{Value, json};
use sidelight_edge_core::{
    class::check_runtime,
    entry::{EntryError, Recorded},
    tensor::{Difference, compare, decode_message},
};

use crate::{
    Refusal,
    make::{sign, signing_key},
    parse,
    runtime::RuntimeUsed,
};

/// A run, and where its record stands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Draft {
    sequence: u64,
    previous: B256,
    at: u64,
    model_sha256: B256,
    runtime: RuntimeUsed,
    elapsed_ns: u64,
}

/// The record, signed, and its digest, which the next one names.
pub(crate) fn make(
    draft: &str,
    inputs: &[u8],
    outputs: &[u8],
    key: &[u8],
) -> Result<Value, Refusal> {
    let draft: Draft = parse("draft", draft)?;
    let key = signing_key(key)?;
    let mut recorded = Recorded {
        sequence: draft.sequence,
        previous: draft.previous,
        at: draft.at,
        model_sha256: draft.model_sha256,
        runtime: draft.runtime.to_runtime()?.into(),
        optimised: draft.runtime.optimise,
        inputs: Bytes::copy_from_slice(inputs),
        outputs: Bytes::copy_from_slice(outputs),
        elapsed_ns: draft.elapsed_ns,
        signature: Bytes::new(),
    };
    let digest = recorded.digest().map_err(refuse)?;
    recorded.signature = Bytes::copy_from_slice(&sign(&key, digest)?);
    Ok(json!({ "record": recorded, "digest": digest }))
}

/// Checks a record in its place; its digest.
pub(crate) fn check(
    record: &str,
    sequence: u64,
    previous: &str,
    signer: &str,
) -> Result<Value, Refusal> {
    let recorded = read(record)?;
    let previous: B256 = previous
        .parse()
        .map_err(|error| Refusal::argument("previous", error))?;
    let signer: Address = signer
        .parse()
        .map_err(|error| Refusal::argument("signer", error))?;
    let digest = recorded
        .verify(sequence, previous, signer)
        .map_err(refuse)?;
    Ok(json!({ "digest": digest }))
}

/// Where a second run, its outputs as a message, parts from the record; `null` where it does not.
pub(crate) fn differs(record: &str, outputs: &[u8]) -> Result<Value, Refusal> {
    let recorded = read(record)?;
    let (_, tolerance) = check_runtime(&recorded.runtime.to_runtime())
        .map_err(|error| Refusal::argument("runtime", error))?;
    let ours = decode_message(outputs).map_err(|error| Refusal::argument("outputs", error))?;
    let theirs = recorded.outputs().map_err(refuse)?;
    Ok(match compare(&theirs, &ours, tolerance) {
        None => Value::Null,
        Some(difference) => {
            let (tensor, index) = match &difference {
                Difference::Element { name, index, .. } => (Some(name.clone()), Some(*index)),
                Difference::Form { name, .. } => (Some(name.clone()), None),
                _ => (None, None),
            };
            json!({ "message": difference.to_string(), "tensor": tensor, "index": index })
        }
    })
}

fn read(record: &str) -> Result<Recorded, Refusal> {
    parse("record", record)
}

fn refuse(error: EntryError) -> Refusal {
    Refusal::argument("record", error)
}
