//! Blocks of both kinds and sizes: their parts, the bytes of their witnesses, and what capturing these costs the node.

use std::{env, fs, path::PathBuf, sync::Arc, time::Instant};

use alloy_primitives::B256;
use eyre::{OptionExt, Result, ensure};
use node_lite_exec::SealedBlock;
use serde_json::{Map, Value, json};
use sidelight_bench_executed::{Case, PARTS};
use sidelight_core::{
    execution::{ExecutionInput, REQUEST_CONTRACTS},
    state::{CurrentRules, PartialState},
};

use crate::world::World;

/// Blocks before the one that is measured: the run that a client has executed.
const RUN: usize = 64;
const SAMPLES: usize = 11;

pub(crate) fn run() -> Result<()> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let out = arguments
        .next()
        .ok_or_eyre("expected a folder for the blocks")?;
    let packages = arguments.next();
    fs::create_dir_all(&out)?;
    let mut world = World::new()?;
    let mut results = Map::new();
    for count in [60, 1_000] {
        let result = measure(
            &mut world,
            World::transfers,
            count,
            &out.join(format!("transfers-{count}.bin")),
        )?;
        results.insert(format!("{count} ERC-20 transfers"), result);
    }
    if let Some(packages) = packages {
        world.deploy_swaps(&packages)?;
        for count in [60, 1_000] {
            let result = measure(
                &mut world,
                World::swaps,
                count,
                &out.join(format!("swaps-{count}.bin")),
            )?;
            results.insert(format!("{count} swaps"), result);
        }
    }
    println!("{}", serde_json::to_string_pretty(&results)?);
    Ok(())
}

type Make = fn(&mut World, usize) -> Result<Arc<SealedBlock>>;

fn measure(world: &mut World, make: Make, count: usize, file: &std::path::Path) -> Result<Value> {
    let since = world.chain.head().number() + 1;
    for _ in 0..RUN {
        make(world, count)?;
    }
    let parent = world.chain.head();
    let began = Instant::now();
    let block = make(world, count)?;
    let made_ms = began.elapsed().as_secs_f64() * 1e3;
    let full = block.execution_input().ok_or_eyre("no witness")?;
    let delta = block.execution_delta(since).ok_or_eyre("no witness")?;

    let bytes = Case::write(
        world.chain.chain_id(),
        parent.header(),
        block.header(),
        &full,
    );
    fs::write(file, &bytes)?;
    let mut case = Case::read(&bytes).ok_or_eyre("the block cannot be read")?;
    let mut parts = Map::new();
    for (part, name) in PARTS.iter().enumerate() {
        parts.insert((*name).into(), json!(median(|| time(&mut case, part))?));
    }
    let bytes_of = |input: &ExecutionInput| sizes(input);
    Ok(json!({
        "transactions": count,
        "gas": case.gas_used(),
        "file": file,
        "parts": parts,
        "full": bytes_of(&full)?,
        "delta": bytes_of(&delta)?,
        "run": RUN,
        "captureMs": capture(world, &parent, &block)?,
        "submitAndSealMs": made_ms,
    }))
}

/// Milliseconds of one run of a part.
fn time(case: &mut Case, part: usize) -> Result<f64> {
    case.prepare(part, 1);
    let began = Instant::now();
    let ok = case.run(part, 1);
    let ms = began.elapsed().as_secs_f64() * 1e3;
    ensure!(ok, "{}: did not hold", PARTS[part]);
    Ok(ms)
}

fn median(mut sample: impl FnMut() -> Result<f64>) -> Result<f64> {
    let mut samples = (0..SAMPLES).map(|_| sample()).collect::<Result<Vec<_>>>()?;
    samples.sort_by(f64::total_cmp);
    Ok(samples[SAMPLES / 2])
}

/// Bytes of an input and of its parts, raw and compressed as on the wire.
fn sizes(input: &ExecutionInput) -> Result<Value> {
    let compressed = |input: &ExecutionInput| -> Result<usize> {
        Ok(zstd::bulk::compress(&input.encode(), 3)?.len())
    };
    let witness = ExecutionInput {
        bal: Default::default(),
        transactions: Vec::new(),
        ..input.clone()
    };
    let sum =
        |items: &[alloy_primitives::Bytes]| items.iter().map(|item| item.len()).sum::<usize>();
    Ok(json!({
        "raw": input.encode().len(),
        "zstd": compressed(input)?,
        "witnessRaw": witness.encode().len(),
        "witnessZstd": compressed(&witness)?,
        "nodes": input.state.len(),
        "codes": input.codes.len(),
        "nodeBytes": sum(&input.state),
        "codeBytes": sum(&input.codes),
        "balBytes": input.bal.len(),
        "transactionBytes": sum(&input.transactions),
    }))
}

/// What the witness of execution costs the node beyond applying the changes, in milliseconds.
fn capture(world: &World, parent: &SealedBlock, block: &SealedBlock) -> Result<f64> {
    let state = world.chain.state();
    let lookup = |hash: &B256| state.node(hash);
    let apply = || -> Result<f64> {
        let began = Instant::now();
        PartialState::from_root(parent.state_root()).apply_with(lookup, &block.bal)?;
        Ok(began.elapsed().as_secs_f64() * 1e3)
    };
    let captured = || -> Result<f64> {
        let began = Instant::now();
        PartialState::from_root(parent.state_root()).apply_executed_with(
            lookup,
            &block.bal,
            &REQUEST_CONTRACTS,
            &CurrentRules,
        )?;
        Ok(began.elapsed().as_secs_f64() * 1e3)
    };
    Ok((median(captured)? - median(apply)?).max(0.0))
}
