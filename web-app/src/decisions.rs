//! Models and decisions: the one way to the package's functions for them, asked by name and answered with the shapes below. Loaded with the first question.

use leptos::task::spawn_local;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sidelight_client::dto::{ErrorView, Trust};
use std::collections::BTreeMap;
use wasm_bindgen::prelude::*;

use crate::settings;
use crate::state::App;
use crate::worker::failure;

#[wasm_bindgen(raw_module = "/decisions.js")]
extern "C" {
    #[wasm_bindgen(js_name = ask, catch)]
    async fn ask_script(
        method: &str,
        params: &str,
        verified: &Closure<dyn Fn(String, String) -> js_sys::Promise>,
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = downloaded)]
    fn downloaded_script() -> String;
}

/// A model, by its maker's description.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    pub(crate) opset: u32,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
    pub(crate) operators: Vec<String>,
    pub(crate) macs: u64,
    pub(crate) parameters: u64,
    pub(crate) peak_bytes: u64,
    pub(crate) labels: Vec<String>,
    pub(crate) preprocess: String,
    pub(crate) postprocess: String,
    pub(crate) licence: String,
    pub(crate) data: String,
    pub(crate) metrics: BTreeMap<String, f64>,
}

/// An input or output.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) dtype: String,
    pub(crate) shape: Vec<i64>,
}

/// A tensor with its numbers, where its type has any.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Numbers {
    pub(crate) name: String,
    pub(crate) dtype: String,
    pub(crate) shape: Vec<u64>,
    pub(crate) values: Option<Vec<Option<f64>>>,
}

/// A run, on this device or on a node.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    pub(crate) id: u32,
    #[serde(rename = "where")]
    pub(crate) place: Place,
    pub(crate) runtime: Runtime,
    pub(crate) load_ms: f64,
    pub(crate) run_ms: f64,
    pub(crate) from: String,
    pub(crate) outputs: Vec<Numbers>,
    /// What a node signed.
    pub(crate) decision: Option<String>,
    /// What this device keeps of its run.
    pub(crate) recorded: Option<Kept>,
}

/// A record, or why there is none.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Kept {
    pub(crate) sequence: Option<u64>,
    pub(crate) error: Option<String>,
}

/// The records of this device, and what came of an action on them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Records {
    pub(crate) count: u64,
    pub(crate) signer: String,
    pub(crate) result: Value,
}

/// Where it ran, and why.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Place {
    /// `device` or `node`.
    pub(crate) place: String,
    pub(crate) node: Option<String>,
    pub(crate) reason: String,
    pub(crate) gates: Vec<Gate>,
}

/// A question of the router.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Gate {
    pub(crate) name: String,
    pub(crate) passes: bool,
    pub(crate) text: String,
}

/// What ran it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Runtime {
    pub(crate) det_class: u8,
    pub(crate) engine: String,
    pub(crate) engine_sha256: String,
}

/// A decision on the chain.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Committed {
    pub(crate) hash: String,
    /// None where a node anchored what it had signed.
    pub(crate) transaction: Option<String>,
    pub(crate) block: u64,
    pub(crate) stored: Stored,
    pub(crate) text: String,
}

/// Whether a node keeps the file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Stored {
    pub(crate) error: Option<String>,
}

/// What was found of a decision.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) hash: Option<String>,
    pub(crate) level: Option<String>,
    pub(crate) ok: bool,
    pub(crate) failure: Option<Failure>,
    pub(crate) checks: Vec<Check>,
    /// As it stands in the file: strings and small numbers by their names.
    pub(crate) record: Option<Record>,
    pub(crate) anchored: Option<Anchored>,
    pub(crate) trust: Option<Trust>,
    pub(crate) rerun: Option<Rerun>,
    pub(crate) ms: Times,
    pub(crate) text: Option<String>,
    pub(crate) input: Option<Vec<Numbers>>,
    pub(crate) output: Option<Vec<Numbers>>,
}

/// Why a level was not reached.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Failure {
    pub(crate) level: String,
    pub(crate) field: String,
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) tensor: Option<String>,
    pub(crate) index: Option<usize>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Check {
    pub(crate) level: String,
    pub(crate) state: String,
    pub(crate) text: String,
}

/// The file's parts, by name.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) chain_id: u64,
    pub(crate) registry: String,
    pub(crate) signature: String,
    pub(crate) decision: BTreeMap<String, Value>,
    pub(crate) model: BTreeMap<String, Value>,
    pub(crate) runtime: BTreeMap<String, Value>,
}

/// Who anchored a batch.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Anchored {
    pub(crate) poster: String,
    pub(crate) block: u64,
    pub(crate) count: u64,
}

/// A second run.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rerun {
    pub(crate) agreement: String,
    pub(crate) run_ms: f64,
}

/// Milliseconds of each level.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Times {
    pub(crate) committed: f64,
    pub(crate) reproduced: Option<f64>,
}

/// Every model that comes with the explorer.
pub(crate) async fn models(app: App) -> Result<Vec<Manifest>, ErrorView> {
    ask(app, "models", json!({})).await
}

/// Where and in what a model may run, by the package's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// `auto`, `device` or `node`.
    pub(crate) place: &'static str,
    /// `pinned` or `onnxruntime`.
    pub(crate) backend: &'static str,
}

/// On this device, in the pinned engine.
pub(crate) const HERE: Way = Way {
    place: "device",
    backend: "pinned",
};

/// Runs a model on plain numbers.
pub(crate) async fn infer(
    app: App,
    model: &str,
    values: &[f64],
    way: Way,
) -> Result<Run, ErrorView> {
    let params = json!({ "model": model, "values": values, "where": way.place, "backend": way.backend, "nodes": settings::nodes() });
    ask(app, "infer", params).await
}

/// Asks for the records, after an action on them: `export`, `import` with a text, `replay` with a sample, `clear`.
pub(crate) async fn records(app: App, params: Value) -> Result<Records, ErrorView> {
    ask(app, "records", params).await
}

/// Bytes of the model that is being fetched: those that are here, and all of them.
pub(crate) fn downloaded() -> Option<(f64, f64)> {
    #[derive(Deserialize)]
    struct Progress {
        loaded: f64,
        total: Option<f64>,
    }
    let progress: Option<Progress> = serde_json::from_str(&downloaded_script()).ok()?;
    let Progress { loaded, total } = progress?;
    Some((loaded, total?))
}

/// Commits to a run.
pub(crate) async fn commit(
    app: App,
    run: u32,
    parent: Option<&str>,
) -> Result<Committed, ErrorView> {
    let params = json!({ "run": run, "nodes": settings::nodes(), "parent": parent });
    ask(app, "commit", params).await
}

/// Judges a decision by its hash or its file.
pub(crate) async fn verify(app: App, decision: &str, level: &str) -> Result<Verdict, ErrorView> {
    let params = json!({ "decision": decision, "nodes": settings::nodes(), "level": level });
    ask(app, "verify", params).await
}

async fn ask<T: DeserializeOwned>(app: App, method: &str, params: Value) -> Result<T, ErrorView> {
    let verified = Closure::new(move |method: String, params: String| read(app, method, params));
    let answer = ask_script(method, &params.to_string(), &verified).await;
    let broken = |error: String| failure(-32603, format!("{method}: {error}"));
    let text = |value: JsValue| value.as_string().unwrap_or_else(|| format!("{value:?}"));
    match answer {
        Ok(answer) => {
            serde_json::from_str(&text(answer)).map_err(|error| broken(error.to_string()))
        }
        Err(thrown) => {
            let thrown = text(thrown);
            Err(serde_json::from_str(&thrown).unwrap_or_else(|_| broken(thrown)))
        }
    }
}

/// A verified read for the script: resolves to the JSON of a labelled value, rejects with that of an error.
fn read(app: App, method: String, params: String) -> js_sys::Promise {
    js_sys::Promise::new(&mut move |resolve, reject| {
        let (method, params) = (method.clone(), params.clone());
        spawn_local(async move {
            let params: Value = serde_json::from_str(&params).unwrap_or_default();
            let answer = app
                .ask::<Value>("sidelight_request", json!([method, params]))
                .await;
            // The script may have given up: then nobody listens.
            let _ = match answer {
                Ok(value) => resolve.call1(&JsValue::NULL, &value.to_string().into()),
                Err(error) => {
                    let json = serde_json::to_string(&error).unwrap_or_default();
                    reject.call1(&JsValue::NULL, &json.into())
                }
            };
        });
    })
}
