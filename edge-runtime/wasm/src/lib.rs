//! Decisions for JavaScript. JSON text and bytes in both directions; a refusal is thrown as the JSON of a [`Refusal`].
//!
//! ```text
//!   readRecord, verifyAnchor, verifyReproduction      judge a file (sidelight-edge-core's verdict)
//!   makeRecord, makeBatch, signAnchor                 make one, and anchor it
//!   inputMessage, readManifest                        what a run takes
//! ```
//!
//! No clock and no randomness: salts, times and keys are arguments. Keys that come here are those of a device or of a development chain, not a wallet's.

mod anchor;
mod judge;
mod make;
mod refusal;

pub use refusal::{Kind, Refusal};

use wasm_bindgen::prelude::*;

/// Reads a file and checks all of it that needs no chain; what is to be read from the chain is part of the answer.
#[wasm_bindgen(js_name = readRecord)]
pub fn read_record(file: &str, chain_id: u64, registry: &str) -> Result<String, JsValue> {
    answer(judge::read(file, chain_id, registry))
}

/// L0: what the chain says about the file, by `{ head, batch, anchorHash }`.
#[wasm_bindgen(js_name = verifyAnchor)]
pub fn verify_anchor(
    file: &str,
    chain_id: u64,
    registry: &str,
    facts: &str,
) -> Result<String, JsValue> {
    answer(judge::anchor(file, chain_id, registry, facts))
}

/// L1: whether a run here, its outputs as a message, gave what the file commits to.
#[wasm_bindgen(js_name = verifyReproduction)]
pub fn verify_reproduction(
    file: &str,
    chain_id: u64,
    registry: &str,
    rerun: &str,
    outputs: &[u8],
) -> Result<String, JsValue> {
    answer(judge::reproduction(
        file, chain_id, registry, rerun, outputs,
    ))
}

/// The opened inputs of a file as the engine's message.
#[wasm_bindgen(js_name = inputMessage)]
pub fn input_message(file: &str) -> Result<Vec<u8>, JsValue> {
    judge::input_message(file).map_err(throw)
}

/// Checks a manifest, and says how decisions name the model.
#[wasm_bindgen(js_name = readManifest)]
pub fn read_manifest(manifest: &str) -> Result<String, JsValue> {
    answer(make::manifest(manifest))
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

/// The address of a key.
#[wasm_bindgen(js_name = addressOf)]
pub fn address_of(key: &[u8]) -> Result<String, JsValue> {
    make::address(key).map_err(throw)
}

fn answer<T: serde::Serialize>(result: Result<T, Refusal>) -> Result<String, JsValue> {
    let value = result.map_err(throw)?;
    serde_json::to_string(&value).map_err(|error| throw(Refusal::argument("answer", error)))
}

fn throw(refusal: Refusal) -> JsValue {
    serde_json::to_string(&refusal).unwrap_or_default().into()
}
