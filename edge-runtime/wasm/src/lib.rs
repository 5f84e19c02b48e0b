//! Decisions for JavaScript. JSON text and bytes in both directions; a refusal is thrown as the JSON of a [`Refusal`].
//!
//! ```text
//!   DecisionFile, askAccount                          judges a file (sidelight-edge-core's verdict)
//!   makeRecord, makeBatch, signAnchor                 make one, and anchor it
//!   readManifest, verifyGraph, readTrace              what a run takes, and what it computed on the way
//!   makeTask                                          asks a node for a run
//!   makeEntry, checkEntry, compareEntry               the records of this device
//! ```
//!
//! No clock and no randomness: salts, times and keys are arguments. Keys that come here are those of a device or of a development chain, not a wallet's.

mod anchor;
mod judge;
mod make;
mod records;
mod refusal;
mod runtime;
mod task;

pub use refusal::{Kind, Refusal};

use wasm_bindgen::prelude::*;

/// A decision's file whose parts and signature hold; it was opened once, and is judged level by level.
#[wasm_bindgen]
#[derive(Debug)]
pub struct DecisionFile(judge::Opened);

#[wasm_bindgen]
impl DecisionFile {
    /// Reads a file and checks all of it that needs no chain; with the executor's answer to `askAccount`, where it is a contract.
    #[wasm_bindgen(constructor)]
    pub fn new(
        file: &str,
        chain_id: u64,
        registry: &str,
        answer: Option<Vec<u8>>,
    ) -> Result<Self, JsValue> {
        judge::Opened::read(file, chain_id, registry, answer.as_deref())
            .map(Self)
            .map_err(throw)
    }

    /// What it says, and what is to be read from the chain.
    pub fn reading(&self) -> Result<String, JsValue> {
        answer(Ok(self.0.reading()))
    }

    /// L0: what the chain says about the file, by `{ head, batch, anchorHash }`.
    #[wasm_bindgen(js_name = verifyAnchor)]
    pub fn verify_anchor(&self, facts: &str) -> Result<String, JsValue> {
        answer(self.0.anchor(facts))
    }

    /// L1: whether a run of the pinned engine with this SHA-256, its outputs as a message, gave what the file commits to.
    #[wasm_bindgen(js_name = verifyReproduction)]
    pub fn verify_reproduction(
        &self,
        #[wasm_bindgen(js_name = "engineSha256")] engine_sha256: &[u8],
        optimise: bool,
        outputs: &[u8],
    ) -> Result<String, JsValue> {
        self.0
            .reproduction(engine_sha256, optimise, outputs)
            .map_err(throw)
    }

    /// L1, where the decision offers a trace: whether a run here has its root.
    #[wasm_bindgen(js_name = verifyTrace)]
    pub fn verify_trace(&self, root: &str) -> Result<(), JsValue> {
        self.0.trace(root).map_err(throw)
    }

    /// The opened inputs as the engine's message.
    #[wasm_bindgen(js_name = inputMessage)]
    pub fn input_message(&self) -> Result<Vec<u8>, JsValue> {
        self.0.input_message().map_err(throw)
    }
}

/// The call that asks a contract, which a file names as its executor, about the signature: `{ to, data, gas }`.
#[wasm_bindgen(js_name = askAccount)]
pub fn ask_account(file: &str, chain_id: u64, registry: &str) -> Result<String, JsValue> {
    answer(judge::question(file, chain_id, registry))
}

/// Checks a manifest, and says how decisions name the model.
#[wasm_bindgen(js_name = readManifest)]
pub fn read_manifest(manifest: &str) -> Result<String, JsValue> {
    answer(make::manifest(manifest))
}

/// Checks that a file, whose SHA-256 the caller has checked, has the graph that its manifest names.
#[wasm_bindgen(js_name = verifyGraph)]
pub fn verify_graph(manifest: &str, file: &[u8]) -> Result<String, JsValue> {
    answer(make::graph(manifest, file))
}

/// The engine's trace of a run: `{ root, values }`.
#[wasm_bindgen(js_name = readTrace)]
pub fn read_trace(trace: &[u8]) -> Result<String, JsValue> {
    answer(judge::read_trace(trace))
}

/// Makes and signs a record of a run.
#[wasm_bindgen(js_name = makeRecord)]
pub fn make_record(
    draft: &str,
    manifest: &str,
    inputs: &[u8],
    outputs: &[u8],
    key: &[u8],
) -> Result<String, JsValue> {
    make::record(draft, manifest, inputs, outputs, key).map_err(throw)
}

/// Asks a node for a run: the request's fields, signed.
#[wasm_bindgen(js_name = makeTask)]
pub fn make_task(
    draft: &str,
    manifest: &str,
    inputs: &[u8],
    key: &[u8],
) -> Result<String, JsValue> {
    answer(task::make(draft, manifest, inputs, key))
}

/// The batch over a list of decision hashes: its root and their paths.
#[wasm_bindgen(js_name = makeBatch)]
pub fn make_batch(hashes: &str) -> Result<String, JsValue> {
    answer(anchor::batch(hashes))
}

/// The transaction that anchors a batch, signed.
#[wasm_bindgen(js_name = signAnchor)]
pub fn sign_anchor(request: &str, key: &[u8]) -> Result<String, JsValue> {
    answer(anchor::sign(request, key))
}

/// The call data that anchors a batch, for a wallet that signs by itself.
#[wasm_bindgen(js_name = anchorCall)]
pub fn anchor_call(request: &str) -> Result<String, JsValue> {
    answer(anchor::call(request))
}

/// A record of a run, signed, in its place: `{ record, digest }`.
#[wasm_bindgen(js_name = makeEntry)]
pub fn make_entry(
    draft: &str,
    inputs: &[u8],
    outputs: &[u8],
    key: &[u8],
) -> Result<String, JsValue> {
    answer(records::make(draft, inputs, outputs, key))
}

/// Checks that a record stands in its place and that the signer signed it: `{ digest }`.
#[wasm_bindgen(js_name = checkEntry)]
pub fn check_entry(
    record: &str,
    sequence: u64,
    previous: &str,
    signer: &str,
) -> Result<String, JsValue> {
    answer(records::check(record, sequence, previous, signer))
}

/// Where a second run parts from a record: `{ message, tensor, index }`, or `null`.
#[wasm_bindgen(js_name = compareEntry)]
pub fn compare_entry(record: &str, outputs: &[u8]) -> Result<String, JsValue> {
    answer(records::differs(record, outputs))
}

/// The address of a key.
#[wasm_bindgen(js_name = addressOf)]
pub fn address_of(key: &[u8]) -> Result<String, JsValue> {
    make::address(key).map_err(throw)
}

/// An argument that is JSON. From bytes, as files and manifests are read: one reader in the module, not two.
fn parse<T: serde::de::DeserializeOwned>(field: &'static str, text: &str) -> Result<T, Refusal> {
    serde_json::from_slice(text.as_bytes()).map_err(|error| Refusal::argument(field, error))
}

fn answer<T: serde::Serialize>(result: Result<T, Refusal>) -> Result<String, JsValue> {
    let value = result.map_err(throw)?;
    serde_json::to_string(&value).map_err(|error| throw(Refusal::argument("answer", error)))
}

fn throw(refusal: Refusal) -> JsValue {
    serde_json::to_string(&refusal).unwrap_or_default().into()
}
