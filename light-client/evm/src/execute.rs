//! A whole block, executed from a witness (check 11): what a worker of the pool calls. The checks are those of `sidelight-executor`.
//!
//! ```text
//! executeBlock(chainId, parent, header, input) --> {"ok":true, gasUsed, transactions, ms}
//!                                                | {"failed": reason}               the machine gave up
//!                                                | {"ok":false, blockInvalid, kind, field, expected, got, message}
//! ```
//!
//! `kind` is a word of `docs/wire-format.md` section 6. Where `blockInvalid` is false, the sender of `input` is to blame, and nothing is known of the block.

use serde_json::json;
use sidelight_core::fault::FaultKind;
use sidelight_executor::judge;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

/// Executes a block. The caller has verified both headers, in RLP; `input` is whatever a peer sent. The answer is JSON text.
#[wasm_bindgen(js_name = executeBlock)]
#[must_use]
pub fn execute_block(
    #[wasm_bindgen(js_name = "chainId")] chain_id: u64,
    parent: &[u8],
    header: &[u8],
    input: &[u8],
) -> String {
    write_verdict(chain_id, parent, header, input, performance_now)
}

/// As [`execute_block`], with a clock that gives milliseconds.
pub fn write_verdict(
    chain_id: u64,
    parent: &[u8],
    header: &[u8],
    input: &[u8],
    now_ms: impl Fn() -> f64,
) -> String {
    let began = now_ms();
    let verdict = match judge(chain_id, parent, header, input) {
        Ok(judged) => json!({
            "ok": true,
            "gasUsed": judged.gas_used,
            "transactions": judged.transactions,
            "ms": now_ms() - began,
        }),
        // Nothing is known: no verdict.
        Err(refusal) if refusal.kind.is_none() => json!({ "failed": refusal.got }),
        Err(refusal) => json!({
            "ok": false,
            "blockInvalid": refusal.kind == Some(FaultKind::InvalidExecution),
            "kind": refusal.kind.map_or("", FaultKind::as_str),
            "field": refusal.field,
            "expected": refusal.expected,
            "got": refusal.got,
            "message": refusal.to_string(),
        }),
    };
    verdict.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_nothing_are_refused_in_words_and_blame_the_sender() {
        let text = write_verdict(1, &[], &[0xc0], &[0xff; 40], || 0.0);
        let verdict: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        assert_eq!(verdict["ok"], false);
        assert_eq!(verdict["blockInvalid"], false);
        assert_eq!(verdict["kind"], "wrong_response");
        assert_eq!(verdict["field"], "parent");
    }
}
