//! Files of decisions, judged.

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sidelight_edge_core::{
    class::OptionValue,
    record::{Opening, Record},
    tensor::{decode_message, encode_message},
    verdict::{Agreement, ChainFacts, Rerun, VerifiedRecord, compute_batch_slot, verify_record},
};

use crate::Refusal;

/// What of a file holds without the chain, and what is to be read from it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reading {
    hash: B256,
    class: u8,
    /// Slot of the registry to prove; `null` where the file names no batch.
    slot: Option<B256>,
    batch_root: Option<B256>,
    anchor_block: String,
    has_input: bool,
    has_output: bool,
    /// Digits of the model file's hash, as manifests have them.
    model_sha256: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Facts {
    head: u64,
    batch: U256,
    anchor_hash: Option<B256>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Run {
    engine_sha256: B256,
    optimise: bool,
}

pub(crate) fn read(file: &str, chain_id: u64, registry: &str) -> Result<Reading, Refusal> {
    let record = Record::decode(file.as_bytes())?;
    let verified = verify(&record, chain_id, registry)?;
    Ok(Reading {
        hash: verified.hash(),
        class: verified.class().number(),
        slot: verified.batch_root().map(compute_batch_slot),
        batch_root: verified.batch_root(),
        anchor_block: verified.decision().anchorBlock.to_string(),
        has_input: record.input.is_some(),
        has_output: record.output.is_some(),
        model_sha256: alloy_primitives::hex::encode(record.model.fileSha256),
    })
}

pub(crate) fn anchor(
    file: &str,
    chain_id: u64,
    registry: &str,
    facts: &str,
) -> Result<Value, Refusal> {
    let record = Record::decode(file.as_bytes())?;
    let facts: Facts =
        serde_json::from_str(facts).map_err(|error| Refusal::argument("facts", error))?;
    let anchored = verify(&record, chain_id, registry)?.verify_anchor(&ChainFacts {
        head: facts.head,
        batch: facts.batch,
        anchor_hash: facts.anchor_hash,
    })?;
    Ok(json!({ "poster": anchored.poster, "block": anchored.block, "count": anchored.count }))
}

pub(crate) fn reproduction(
    file: &str,
    chain_id: u64,
    registry: &str,
    rerun: &str,
    outputs: &[u8],
) -> Result<Value, Refusal> {
    let record = Record::decode(file.as_bytes())?;
    let run: Run =
        serde_json::from_str(rerun).map_err(|error| Refusal::argument("rerun", error))?;
    let outputs = decode_message(outputs).map_err(|error| Refusal::argument("outputs", error))?;
    let agreement = verify(&record, chain_id, registry)?.verify_reproduction(&Rerun {
        engine_sha256: run.engine_sha256,
        options_hash: hash_options(run.optimise),
        outputs: &outputs,
    })?;
    Ok(match agreement {
        Agreement::Exact => json!({ "agreement": "exact" }),
        Agreement::Within(tolerance) => json!({
            "agreement": "within",
            "atolE9": tolerance.absolute_e9.to_string(),
            "rtolE9": tolerance.relative_e9.to_string(),
        }),
    })
}

pub(crate) fn input_message(file: &str) -> Result<Vec<u8>, Refusal> {
    let record = Record::decode(file.as_bytes())?;
    let missing = || Refusal {
        level: Some("reproduced"),
        kind: crate::refusal::Kind::Missing,
        ..Refusal::argument("input", "the file does not have it")
    };
    let Opening { tensors, .. } = record.input.ok_or_else(missing)?;
    encode_message(&tensors).map_err(|error| Refusal::argument("input", error))
}

/// The pinned engine's options.
pub(crate) fn hash_options(optimise: bool) -> B256 {
    sidelight_edge_core::class::hash_options(&[("optimise", OptionValue::Flag(optimise))].into())
}

fn verify(record: &Record, chain_id: u64, registry: &str) -> Result<VerifiedRecord, Refusal> {
    let registry: Address = registry
        .parse()
        .map_err(|error| Refusal::argument("registry", error))?;
    Ok(verify_record(record, chain_id, registry)?)
}
