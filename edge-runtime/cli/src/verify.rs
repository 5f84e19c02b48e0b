//! `sidelight-edge verify`: what holds of a decision, level by level.
//!
//! ```text
//!   file or hash -> parts and signature (a contract is asked) -> L0: batch and anchor block, by a light client -> L1: run again, in the decision's class
//! ```

use std::{collections::BTreeMap, fs, path::Path};

use alloy_primitives::B256;
use eyre::{Context, Result, bail, eyre};
use serde_json::json;
use sidelight_edge::{BackendName, worker::Answer};
use sidelight_edge_core::{
    account::ask_account,
    class::{DetClass, OptionValue, hash_options},
    limits::MAX_RECORD_BYTES,
    record::Record,
    verdict::{
        Agreement, RecordError, Rerun, VerifiedRecord, verify_record, verify_record_by_account,
    },
};

use crate::{args::Verify, chain::Chain, config::Config, context, pull};

pub(crate) fn run(config: &Config, args: &Verify) -> Result<bool> {
    let (record, asked) = read(args)?;
    let chain = match &args.node {
        Some(node) => Some(Chain::connect(node, &args.chain)?),
        None => None,
    };
    let (verified, signed) = match check_parts(&record, args, chain.as_ref())? {
        Ok(checked) => checked,
        Err(error) => {
            println!("refused   parts     {error}");
            return Ok(false);
        }
    };
    if let Some(expected) = asked.filter(|&expected| expected != verified.hash()) {
        println!(
            "refused   hash      expected {expected}, got {}",
            verified.hash()
        );
        return Ok(false);
    }
    println!("decision  {}", verified.hash());
    println!("holds     parts     {signed}, for chain {}", args.chain_id);
    match &chain {
        None => println!("open      L0        not checked: --node names a node of the chain"),
        Some(chain) => match chain.verify_anchor(args.registry, &verified) {
            Ok(anchored) => println!(
                "holds     L0        anchored by {} in block {}, proven by storage",
                anchored.poster, anchored.block
            ),
            Err(error) => {
                println!("refused   L0        {error:#}");
                return Ok(false);
            }
        },
    }
    if record.input.is_none() || record.output.is_none() {
        println!("open      L1        the file does not open its inputs and outputs");
        return Ok(true);
    }
    if !record.decision.traceRoot.is_zero() {
        println!(
            "open      trace     not checked here; `verifyDecision` of the npm package checks it"
        );
    }
    match reproduce(config, &record, &verified) {
        Ok(Agreement::Exact) => {
            println!("holds     L1        the same result on this device, bit for bit")
        }
        Ok(Agreement::Within(tolerance)) => println!(
            "holds     L1        the same result on this device within {:e} and {:e} of the value",
            tolerance.absolute_e9 as f64 / 1e9,
            tolerance.relative_e9 as f64 / 1e9
        ),
        Err(error) => {
            println!("refused   L1        {error:#}");
            return Ok(false);
        }
    }
    Ok(true)
}

/// Parts and signature, and who stands behind it: the executor's key, or the executor itself where it is a contract (ERC-1271).
fn check_parts(
    record: &Record,
    args: &Verify,
    chain: Option<&Chain>,
) -> Result<Result<(VerifiedRecord, String), RecordError>> {
    let executor = record.decision.executor;
    let error = match verify_record(record, args.chain_id, args.registry) {
        Ok(verified) => return Ok(Ok((verified, format!("signed by {executor}")))),
        Err(error) => error,
    };
    let (true, Some(chain)) = (error.field() == "signature", chain) else {
        return Ok(Err(error));
    };
    let question = match ask_account(record, args.chain_id, args.registry) {
        Ok(question) => question,
        Err(error) => return Ok(Err(error)),
    };
    let Some((answer, block)) = chain.ask(args.chain_id, question)? else {
        return Ok(Err(error));
    };
    let verified = verify_record_by_account(record, args.chain_id, args.registry, &answer);
    Ok(verified.map(|verified| {
        let signed = format!("accepted by the contract {executor} in block {block}");
        (verified, signed)
    }))
}

/// Runs the model again, in the decision's own class.
fn reproduce(config: &Config, record: &Record, verified: &VerifiedRecord) -> Result<Agreement> {
    let found = context::by_hash(config, record.model.fileSha256)?;
    let input = record.input.as_ref().ok_or_else(|| eyre!("no input"))?;
    let class = DetClass::from_number(record.runtime.detClass)?;
    let (mut worker, backend, _) = context::worker(config)?;
    let backend = match class {
        DetClass::D0 => BackendName::Pinned,
        DetClass::D1 => {
            bail!("not supported: class 1 is checked on ONNX Runtime of the same version only")
        }
        _ => backend,
    };
    // As it ran there: fused operators may round otherwise.
    let plain = hash_options(&BTreeMap::from([("optimise", OptionValue::Flag(false))]));
    let optimise = record.runtime.optionsHash != plain;
    let Answer {
        outputs, runtime, ..
    } = worker.run(&found.model, backend, optimise, &input.tensors)?;
    let rerun = Rerun {
        engine_sha256: runtime.engineSha256,
        options_hash: runtime.optionsHash,
        outputs: &outputs,
    };
    Ok(verified.verify_reproduction(&rerun)?)
}

/// The file from the node's shelf, else from the node as the one that made the decision.
fn ask(node: &str, hash: B256) -> Result<Vec<u8>> {
    let (client, base) = (pull::client()?, node.trim_end_matches('/'));
    // An answer of JSON-RPC is a little longer than the file in it.
    let limit = MAX_RECORD_BYTES.saturating_add(1_024);
    pull::call(&client, base, "lite_getDecision", &json!([hash]), limit).or_else(|missing| {
        let url = format!("{base}/v2/decisions/{hash}");
        pull::fetch(&client, &url, MAX_RECORD_BYTES).map_err(|_| missing)
    })
}

/// The file, or what a node says is the decision of a hash.
fn read(args: &Verify) -> Result<(Record, Option<B256>)> {
    let path = Path::new(&args.decision);
    if !path.is_file()
        && let Ok(hash) = args.decision.parse::<B256>()
    {
        let node = args
            .node
            .as_deref()
            .ok_or_else(|| eyre!("a hash needs --node"))?;
        return Ok((Record::decode(&ask(node, hash)?)?, Some(hash)));
    }
    let bytes = fs::metadata(path)
        .wrap_err_with(|| args.decision.clone())?
        .len();
    if bytes > MAX_RECORD_BYTES as u64 {
        bail!(
            "{}: expected at most {MAX_RECORD_BYTES} bytes, got {bytes}",
            args.decision
        );
    }
    Ok((Record::decode(&fs::read(path)?)?, None))
}
