//! What JavaScript calls: one file of cases at a time.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::{Report, Suite};

/// Runs every case of a file. Returns the report of this file as JSON, with `error` instead where the suite is not known.
#[wasm_bindgen(js_name = runFile)]
#[must_use]
pub fn run_file(suite: &str, file: &str, text: &str, filter: &str) -> String {
    let Some(known) = Suite::from_name(suite) else {
        let names = Suite::ALL.map(Suite::name).join(", ");
        return serde_json::json!({ "error": format!("expected one of {names}; got {suite}") })
            .to_string();
    };
    let mut report = Report::new(known.name());
    report.extend(known.run_file(file, text, filter));
    serde_json::to_string(&report).unwrap_or_default()
}
