//! Tells the page that the module has panicked, in place of a silent hang.

use std::{cell::RefCell, panic};

use js_sys::Function;
use wasm_bindgen::JsValue;

thread_local! {
    static LISTENER: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// From now on a panic is reported to this listener as a last event.
pub(crate) fn report_to(listener: Function) {
    LISTENER.set(Some(listener));
    panic::set_hook(Box::new(|panic| {
        let event =
            serde_json::json!({ "event": "crashed", "data": { "message": panic.to_string() } });
        if let Some(listener) = LISTENER.take() {
            // There is nobody left to hear that the listener failed too.
            let _ = listener.call1(&JsValue::NULL, &event.to_string().into());
        }
    }));
}
