//! Files that leave one client for another to judge, `docs/wire-format.md` section 5: made here, and judged without a network and without trusting who made them.
//!
//! ```text
//! text -> JSON -> by its type -> the core's verify_* -> FileVerdict { ok, facts } or { reason }
//! ```
//!
//! A file brings its own rules and its own signer. That they are *the* chain's, nobody can see from the file; the facts therefore name both and say where they came from.

pub(crate) mod eip1186;
mod json;
mod sealed;
pub(crate) mod write;

use alloy_primitives::B256;
use serde_json::Value as Json;

pub use self::{eip1186::find_state_root, write::write_transition};
use crate::dto::{Fact, FileVerdict};

/// Largest file that is read, in bytes of text: a transition at its limit, in hex.
pub const MAX_FILE_BYTES: usize = 64 << 20;

/// Judges a file. `state_root` is what the user trusts for a plain `eth_getProof` result, which names no root itself.
pub fn verify_file(text: &str, state_root: Option<B256>) -> FileVerdict {
    if text.len() > MAX_FILE_BYTES {
        return refuse(
            "unknown",
            format!(
                "file: expected at most {MAX_FILE_BYTES} bytes, got {}",
                text.len()
            ),
        );
    }
    let file: Json = match serde_json::from_str(text) {
        Ok(file) => file,
        Err(error) => return refuse("unknown", format!("not JSON: {error}")),
    };
    let kind = file.get("type").and_then(Json::as_str);
    let (kind, judged) = match kind {
        Some(write::PROOF) => ("proof", sealed::judge_proof(&file, state_root)),
        Some(write::TRANSITION) => ("transition", sealed::judge_transition(&file)),
        Some(write::EVIDENCE) => ("evidence", sealed::judge_evidence(&file)),
        Some(write::CHECKPOINT) => ("checkpoint", sealed::judge_checkpoint(&file)),
        Some(other) => {
            return refuse(
                "unknown",
                format!("type: expected a sidelight file, got {other:?}"),
            );
        }
        None => ("eip1186", eip1186::judge(&file, state_root)),
    };
    match judged {
        Ok(Judged { title, facts }) => FileVerdict {
            kind: kind.into(),
            ok: true,
            title,
            facts,
            reason: None,
        },
        Err(Refusal(reason)) => refuse(kind, reason),
    }
}

fn refuse(kind: &str, reason: String) -> FileVerdict {
    FileVerdict {
        kind: kind.into(),
        ok: false,
        title: "Refused".into(),
        facts: Vec::new(),
        reason: Some(reason),
    }
}

/// What an accepted file establishes.
struct Judged {
    title: String,
    facts: Vec<Fact>,
}

/// Why a file does not hold, in words.
#[derive(Debug)]
struct Refusal(String);

impl Refusal {
    fn of(what: &str) -> impl Fn(&dyn std::fmt::Display) -> Self + '_ {
        move |error| Self(format!("{what}: {error}"))
    }
}

/// A claimed value must be the proven one.
fn agree(
    field: &str,
    proven: &dyn std::fmt::Display,
    equal: bool,
    claimed: &dyn std::fmt::Display,
) -> Result<(), Refusal> {
    match equal {
        true => Ok(()),
        false => Err(Refusal(format!(
            "{field}: expected {proven}, got {claimed}"
        ))),
    }
}

fn fact(label: &str, value: impl ToString) -> Fact {
    Fact {
        label: label.into(),
        value: value.to_string(),
    }
}
