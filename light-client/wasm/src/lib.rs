//! The client for JavaScript: start it, call it by method name, hear its events. JSON text in both directions, and nothing else.
//!
//! ```text
//!   Client.start(options, onEvent, execute?, workers?) --> Client
//!   client.request(method, params) --> JSON, or throws the JSON of { code, message, data }
//!   client.close()
//!                                      onEvent('{"event": ..., "data": ...}')
//! ```
//!
//! A panic is a bug of ours, and leaves the memory in an unknown state: `onEvent` hears a last event, `crashed`, and nothing may be called afterwards.

mod crash;

use futures::StreamExt;
use js_sys::Function;
use sidelight_client::{
    dto::{ErrorView, Event},
    platform,
    rpc::read_options,
};
use wasm_bindgen::prelude::*;

/// A running light client.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Client {
    inner: sidelight_client::Client,
}

#[wasm_bindgen]
impl Client {
    /// Starts a client with the options of `sidelight_start`. Resolves before anything has come from the network. `execute` runs blocks for mode `execute`, up to `workers` at a time;
    /// what it resolves to is the text that `executeBlock` of the EVM's module gives.
    pub async fn start(
        options: String,
        #[wasm_bindgen(js_name = "onEvent", unchecked_param_type = "(json: string) => void")]
        on_event: Function,
        #[wasm_bindgen(
            unchecked_optional_param_type = "(chainId: bigint, parent: Uint8Array, header: Uint8Array, input: Uint8Array, limitMs: number) => Promise<string>"
        )]
        execute: Option<Function>,
        #[wasm_bindgen(unchecked_optional_param_type = "number")] workers: Option<u32>,
    ) -> Result<Self, JsValue> {
        crash::report_to(on_event.clone());
        let options = read_options(&options).map_err(throw)?;
        let platform = match execute {
            Some(execute) => platform::with_executor(execute, workers.unwrap_or(1) as usize),
            None => platform::current(),
        };
        let inner = sidelight_client::Client::start(options, platform)
            .await
            .map_err(|error| throw(error.view("sidelight_start")))?;
        let mut events = inner.subscribe();
        wasm_bindgen_futures::spawn_local(async move {
            while let Some(event) = events.next().await {
                post(&on_event, &event);
            }
        });
        Ok(Self { inner })
    }

    /// Answers one method; `params` is a JSON list.
    pub async fn request(&self, method: String, params: String) -> Result<String, JsValue> {
        self.inner.call(&method, &params).await.map_err(throw)
    }

    /// Writes what is not written yet and stops.
    pub async fn close(&self) {
        self.inner.close().await;
    }
}

/// Hands an event over. What the listener throws is its own matter.
fn post(on_event: &Function, event: &Event) {
    // Events hold numbers and text only: writing them cannot fail.
    if let Ok(json) = serde_json::to_string(event) {
        let _ = on_event.call1(&JsValue::NULL, &json.into());
    }
}

fn throw(error: ErrorView) -> JsValue {
    serde_json::to_string(&error).unwrap_or_default().into()
}
