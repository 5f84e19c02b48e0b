//! Files of decisions, judged.

use alloy_primitives::{Address, B256, U256, hex};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sidelight_edge_core::{
    account::{Question, ask_account},
    record::{Opening, Record},
    tensor::{decode_message, encode_message},
    trace::{compute_trace_root, decode_trace},
    verdict::{
        Agreement, ChainFacts, Rerun, VerifiedRecord, compute_batch_slot, verify_record,
        verify_record_by_account,
    },
};

use crate::{Refusal, parse, runtime::pinned_options_hash};

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
    /// Whether the pinned engine ran with fused operators; `null` where the options are not its own.
    optimise: Option<bool>,
    /// Whether it offers the values of every operator.
    has_trace: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Facts {
    head: u64,
    batch: U256,
    anchor_hash: Option<B256>,
}

/// The call that asks the executor of a file about its signature, as `eth_call` takes it.
pub(crate) fn question(file: &str, chain_id: u64, registry: &str) -> Result<Value, Refusal> {
    let record = Record::decode(file.as_bytes())?;
    let Question { account, data, gas } = ask_account(&record, chain_id, address(registry)?)?;
    Ok(json!({ "to": account, "data": hex::encode_prefixed(data), "gas": format!("{gas:#x}") }))
}

fn address(text: &str) -> Result<Address, Refusal> {
    text.parse()
        .map_err(|error| Refusal::argument("registry", error))
}

/// The values of a run, operator by operator, and the root over them.
pub(crate) fn read_trace(bytes: &[u8]) -> Result<Value, Refusal> {
    let values = decode_trace(bytes).map_err(|error| Refusal::argument("trace", error))?;
    let shown: Vec<Value> = values
        .iter()
        .map(|value| json!({ "name": value.name, "dtype": value.dtype, "shape": value.shape, "byteLength": value.byteLength, "root": value.root }))
        .collect();
    Ok(json!({ "root": compute_trace_root(&values), "values": shown }))
}

/// A file that was opened once: its parts and the executor's signature hold. Levels are judged from it.
#[derive(Debug)]
pub(crate) struct Opened {
    record: Record,
    verified: VerifiedRecord,
}

impl Opened {
    /// With the answer of the executor, where it is a contract.
    pub(crate) fn read(
        file: &str,
        chain_id: u64,
        registry: &str,
        answer: Option<&[u8]>,
    ) -> Result<Self, Refusal> {
        let registry = address(registry)?;
        let record = Record::decode(file.as_bytes())?;
        let verified = match answer {
            None => verify_record(&record, chain_id, registry)?,
            Some(answer) => verify_record_by_account(&record, chain_id, registry, answer)?,
        };
        Ok(Self { record, verified })
    }

    pub(crate) fn reading(&self) -> Reading {
        let Self { record, verified } = self;
        Reading {
            hash: verified.hash(),
            class: verified.class().number(),
            slot: verified.batch_root().map(compute_batch_slot),
            batch_root: verified.batch_root(),
            anchor_block: verified.decision().anchorBlock.to_string(),
            has_input: record.input.is_some(),
            has_output: record.output.is_some(),
            model_sha256: hex::encode(record.model.fileSha256),
            optimise: [false, true]
                .into_iter()
                .find(|&optimise| pinned_options_hash(optimise) == verified.options_hash()),
            has_trace: !verified.decision().traceRoot.is_zero(),
        }
    }

    pub(crate) fn anchor(&self, facts: &str) -> Result<Value, Refusal> {
        let facts: Facts = parse("facts", facts)?;
        let anchored = self.verified.verify_anchor(&ChainFacts {
            head: facts.head,
            batch: facts.batch,
            anchor_hash: facts.anchor_hash,
        })?;
        Ok(json!({ "poster": anchored.poster, "block": anchored.block, "count": anchored.count }))
    }

    pub(crate) fn reproduction(
        &self,
        engine_sha256: &[u8],
        optimise: bool,
        outputs: &[u8],
    ) -> Result<String, Refusal> {
        let engine_sha256 = B256::try_from(engine_sha256)
            .map_err(|error| Refusal::argument("engineSha256", error))?;
        let outputs =
            decode_message(outputs).map_err(|error| Refusal::argument("outputs", error))?;
        let agreement = self.verified.verify_reproduction(&Rerun {
            engine_sha256,
            options_hash: pinned_options_hash(optimise),
            outputs: &outputs,
        })?;
        Ok(match agreement {
            // Said so often that nothing is built for it.
            Agreement::Exact => r#"{"agreement":"exact"}"#.to_owned(),
            Agreement::Within(tolerance) => json!({
                "agreement": "within",
                "atolE9": tolerance.absolute_e9.to_string(),
                "rtolE9": tolerance.relative_e9.to_string(),
            })
            .to_string(),
        })
    }

    pub(crate) fn trace(&self, root: &str) -> Result<(), Refusal> {
        let root: B256 = root
            .parse()
            .map_err(|error| Refusal::argument("root", error))?;
        Ok(self.verified.verify_trace(root)?)
    }

    pub(crate) fn input_message(&self) -> Result<Vec<u8>, Refusal> {
        let missing = || Refusal {
            level: Some("reproduced"),
            kind: crate::refusal::Kind::Missing,
            ..Refusal::argument("input", "the file does not have it")
        };
        let Opening { tensors, .. } = self.record.input.as_ref().ok_or_else(missing)?;
        encode_message(tensors).map_err(|error| Refusal::argument("input", error))
    }
}
