//! ONNX's own test cases on one back end. The cases are files that `edge-runtime/conformance/write_cases.py` wrote.

use std::{fs, path::Path};

use eyre::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use sidelight_edge::{BackendError, BackendName, Model, Worker, WorkerError};
use sidelight_edge_core::tensor::{Tolerance, compare, decode_message};

use crate::{config::Config, context};

#[derive(Deserialize)]
struct Cases {
    onnx: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    kind: String,
    rtol: f64,
    atol: f64,
    operators: Vec<String>,
    #[serde(default)]
    sets: usize,
    #[serde(default)]
    left_out: Option<String>,
}

/// What became of a case.
#[derive(Serialize)]
struct Outcome {
    name: String,
    kind: String,
    operators: Vec<String>,
    /// `passed`; `unsupported` where loading says so; `refused` with an error when run; `wrong` with another result; `left out`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
}

pub(crate) fn run(config: &Config, folder: &Path) -> Result<bool> {
    let file = folder.join("cases.json");
    let json = fs::read(&file).wrap_err_with(|| file.display().to_string())?;
    let cases: Cases = serde_json::from_slice(&json)?;
    let (mut worker, backend, _) = context::worker(config)?;
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?;
    let bar = ProgressBar::new(cases.cases.len() as u64).with_style(style);
    let mut outcomes = Vec::with_capacity(cases.cases.len());
    for case in cases.cases {
        bar.inc(1);
        bar.set_message(case.name.clone());
        let (outcome, reason) = match &case.left_out {
            Some(reason) => ("left out", reason.clone()),
            None => judge(&mut worker, backend, folder, &case)?,
        };
        outcomes.push(Outcome {
            name: case.name,
            kind: case.kind,
            operators: case.operators,
            outcome,
            reason,
        });
    }
    bar.finish_and_clear();
    let report =
        serde_json::json!({ "onnx": cases.onnx, "backend": backend.as_str(), "cases": outcomes });
    println!("{report}");
    Ok(true)
}

fn judge(
    worker: &mut Worker,
    backend: BackendName,
    folder: &Path,
    case: &Case,
) -> Result<(&'static str, String)> {
    let folder = folder.join(&case.name);
    let model = Model::new(fs::read(folder.join("model.onnx"))?)?;
    let tolerance = Tolerance {
        absolute_e9: (case.atol * 1e9) as u64,
        relative_e9: (case.rtol * 1e9) as u64,
    };
    for set in 0..case.sets {
        let inputs = decode_message(&fs::read(folder.join(format!("{set}.inputs")))?)?;
        let expected = decode_message(&fs::read(folder.join(format!("{set}.outputs")))?)?;
        match worker.run(&model, backend, true, &inputs) {
            Err(WorkerError::Backend(BackendError::Unsupported(reason))) => {
                return Ok(("unsupported", reason));
            }
            Err(error) => return Ok(("refused", error.to_string())),
            Ok(answer) => {
                if let Some(difference) = compare(&expected, &answer.outputs, tolerance) {
                    return Ok(("wrong", difference.to_string()));
                }
            }
        }
    }
    Ok(("passed", String::new()))
}
