//! `sidelight-edge bench`: how long models take, on every back end that is here.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use eyre::{Result, eyre};
use serde_json::{Value, json};
use sidelight_edge::{Backend, Options, PinnedEngine, onnxruntime};
use sidelight_edge_core::tensor::{DType, Tensor};

use crate::{
    args::Bench,
    config::{Config, engine_cache},
    context::{self, Found},
};

/// The steady time is the median of as many runs as fit in this.
const STEADY: Duration = Duration::from_millis(500);
/// And of at least so many.
const RUNS: usize = 5;

pub(crate) fn run(config: &Config, args: &Bench) -> Result<bool> {
    let models = if args.names.is_empty() {
        context::all(config)?
    } else {
        args.names
            .iter()
            .map(|name| context::find(config, name))
            .collect::<Result<_>>()?
    };
    let started = Instant::now();
    let mut backends: Vec<(Box<dyn Backend>, Duration)> = Vec::new();
    let engine = PinnedEngine::open(engine_cache().as_deref())?;
    backends.push((Box::new(engine), started.elapsed()));
    if let Some(library) = onnxruntime::find(config.onnxruntime.as_deref()) {
        let started = Instant::now();
        let runtime = onnxruntime::OnnxRuntime::open(&library)?;
        backends.push((Box::new(runtime), started.elapsed()));
    }
    let mut rows = Vec::new();
    for found in &models {
        for (backend, ready) in &backends {
            let row = measure(found, backend.as_ref())?;
            if !args.json {
                print_row(&row);
            }
            let mut row = row;
            row["readyUs"] = json!(micros(*ready));
            rows.push(row);
        }
    }
    if args.json {
        println!("{:#}", Value::Array(rows));
    }
    Ok(true)
}

fn measure(found: &Found, backend: &dyn Backend) -> Result<Value> {
    let inputs = zeros(found)?;
    let options = Options::default();
    let started = Instant::now();
    let mut session = backend.load(&found.model, &options)?;
    let load = started.elapsed();
    let started = Instant::now();
    black_box(session.run(&inputs)?);
    let first = started.elapsed();
    let (begun, mut times) = (Instant::now(), Vec::new());
    while times.len() < RUNS || begun.elapsed() < STEADY {
        let started = Instant::now();
        black_box(session.run(&inputs)?);
        times.push(started.elapsed());
    }
    times.sort_unstable();
    let steady = times.get(times.len() / 2).copied().unwrap_or_default();
    Ok(json!({
        "model": found.manifest.id,
        "backend": format!("{}, native", backend.name()),
        "detClass": backend.runtime_for(&found.model, &options).detClass,
        "loadUs": micros(load),
        "firstUs": micros(first),
        "steadyUs": micros(steady),
        "runs": times.len(),
    }))
}

/// Inputs of zeros; a free size is 1.
fn zeros(found: &Found) -> Result<Vec<Tensor>> {
    let zero = |port: &sidelight_edge_core::manifest::Port| {
        let dtype =
            DType::from_name(&port.dtype).ok_or_else(|| eyre!("{}: unknown type", port.name))?;
        let size = dtype
            .size()
            .ok_or_else(|| eyre!("not supported: tensors of {dtype}"))?;
        let shape: Vec<u64> = port
            .shape
            .iter()
            .map(|&size| u64::try_from(size).unwrap_or(1))
            .collect();
        let count = shape.iter().try_fold(size, |count, &size| {
            count.checked_mul(usize::try_from(size).ok()?)
        });
        let count = count
            .filter(|&count| count <= 1 << 28)
            .ok_or_else(|| eyre!("{}: too large", port.name))?;
        Ok(Tensor::new(&port.name, dtype, shape, vec![0; count])?)
    };
    found.manifest.inputs.iter().map(zero).collect()
}

fn print_row(row: &Value) {
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| row[name].as_f64().unwrap_or_default();
    println!(
        "{:<18} {:<24} class {}  load {:>9.0} us  first {:>9.1} us  steady {:>9.1} us",
        text("model"),
        text("backend"),
        row["detClass"],
        number("loadUs"),
        number("firstUs"),
        number("steadyUs")
    );
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
