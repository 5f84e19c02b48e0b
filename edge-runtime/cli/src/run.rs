//! `sidelight-edge run`: one inference, its record, and where it ran.

use eyre::{Result, eyre};
use serde_json::{Value, json};
use sidelight_edge_core::{manifest::Manifest, tensor::Tensor};

use crate::{
    args::Run,
    config::Config,
    context, input, metrics,
    recorder::{self, Recorder},
};

pub(crate) fn run(config: &Config, args: &Run) -> Result<bool> {
    let found = context::find(config, &args.model)?;
    let inputs = match (&args.input, &args.raw) {
        (Some(file), _) => input::from_json(file, &found.manifest)?,
        (None, Some(file)) => input::from_bytes(file, &found.manifest)?,
        (None, None) => return Err(eyre!("expected --input or --raw")),
    };
    let (mut worker, backend, why) = context::worker(config)?;
    let answer = worker.run(&found.model, backend, !args.no_optimise, &inputs)?;
    tracing::info!(engine = answer.runtime.engine, elapsed = ?answer.elapsed, "ran");
    let mut shown = json!({
        "model": found.manifest.id,
        "outputs": answer.outputs.iter().map(show).collect::<Vec<_>>(),
        "engine": answer.runtime.engine,
        "detClass": answer.runtime.detClass,
        "why": why,
        "elapsedUs": answer.elapsed.as_secs_f64() * 1e6,
    });
    if let Some(label) = label(&found.manifest, &answer.outputs) {
        shown["label"] = json!(label);
    }
    if config.record {
        let recorder = Recorder::open(&config.data)?;
        let recorded = recorder.append(recorder::Run {
            model_sha256: found.manifest.sha256,
            optimised: !args.no_optimise,
            inputs: &inputs,
            answer: &answer,
        })?;
        shown["record"] = json!(recorded.sequence);
        if let Some(file) = &config.metrics_file {
            metrics::write(&recorder, file)?;
        }
    }
    println!("{shown:#}");
    Ok(true)
}

/// JSON has neither NaN nor infinity: they are texts here.
fn show(tensor: &Tensor) -> Value {
    let data: Value = match tensor.to_f32() {
        Some(values) => values
            .iter()
            .map(|value| {
                if value.is_finite() {
                    json!(value)
                } else {
                    json!(value.to_string())
                }
            })
            .collect(),
        None => json!(alloy_primitives::hex::encode_prefixed(tensor.bytes())),
    };
    json!({ "name": tensor.name(), "datatype": tensor.dtype().name(), "shape": tensor.shape(), "data": data })
}

/// The label of the largest element, where that is what the manifest asks for.
fn label<'a>(manifest: &'a Manifest, outputs: &[Tensor]) -> Option<&'a str> {
    if manifest.postprocess != "argmax/1" {
        return None;
    }
    let values = outputs.first()?.to_f32()?;
    let best = (0..values.len()).max_by(|&a, &b| {
        values
            .get(a)
            .partial_cmp(&values.get(b))
            .unwrap_or(std::cmp::Ordering::Equal)
    })?;
    manifest.labels.get(best).map(String::as_str)
}
