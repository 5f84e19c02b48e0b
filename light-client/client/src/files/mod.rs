//! Files that leave one client for another to judge, `docs/wire-format.md` section 5: made here, and judged without a network and without trusting who made them.
//!
//! ```text
//! text -> JSON -> by its type -> the core's verify_* ----> FileVerdict { outcome, facts } or { outcome, reason }
//!                         \-> a block to execute -> platform --^
//! ```
//!
//! A file brings its own rules and its own signer. That they are *the* chain's, nobody can see from the file; the facts therefore name both and say where they came from.

pub(crate) mod eip1186;
mod invalid;
mod json;
mod sealed;
pub(crate) mod write;

use alloy_primitives::B256;
use serde_json::Value as Json;

use self::invalid::{Execution, Opened};
pub use self::{
    eip1186::find_state_root, invalid::write as write_invalid_block, write::write_transition,
};
use crate::{
    dto::{Fact, FileOutcome, FileVerdict},
    platform::Platform,
};

/// Largest file that is read, in bytes of text: a transition at its limit, in hex.
pub const MAX_FILE_BYTES: usize = 64 << 20;
/// Most JSON values in a file: 256 slots of 65 proof nodes and what stands around them, twice. A value takes more memory than the two characters that it can be written with.
const MAX_FILE_VALUES: usize = 40_000;

/// Judges a file. `state_root` is what the user trusts for a plain `eth_getProof` result, which names no root itself.
///
/// A file whose judgement takes the execution of a block stays [`FileOutcome::Undecided`]: [`verify_file_on`] can do that.
pub fn verify_file(text: &str, state_root: Option<B256>) -> FileVerdict {
    match open(text, state_root) {
        Step::Judged(verdict) => verdict,
        Step::Execute(_) => refuse(
            INVALID_BLOCK,
            FileOutcome::Undecided,
            "the block is not executed here".into(),
        ),
    }
}

/// As [`verify_file`]; what takes the execution of a block is executed by `platform`.
pub async fn verify_file_on(
    platform: &dyn Platform,
    text: &str,
    state_root: Option<B256>,
) -> FileVerdict {
    let execution = match open(text, state_root) {
        Step::Judged(verdict) => return verdict,
        Step::Execute(execution) => execution,
    };
    let verdict = platform.execute(execution.job.clone()).await;
    match execution.conclude(verdict) {
        (outcome, Ok(judged)) => accept(INVALID_BLOCK, outcome, judged),
        (outcome, Err(Refusal(reason))) => refuse(INVALID_BLOCK, outcome, reason),
    }
}

/// The kind of a file about an invalid block.
const INVALID_BLOCK: &str = "invalid_block";

/// A verdict, or what it takes to reach one.
enum Step {
    Judged(FileVerdict),
    Execute(Box<Execution>),
}

fn open(text: &str, state_root: Option<B256>) -> Step {
    let file = match parse(text) {
        Ok(file) => file,
        Err(reason) => return Step::Judged(refuse("unknown", FileOutcome::Refused, reason)),
    };
    let holds = (FileOutcome::Holds, FileOutcome::Refused);
    let proves = (FileOutcome::Proven, FileOutcome::NotProven);
    let (kind, (good, bad), judged) = match file.get("type").and_then(Json::as_str) {
        Some(write::PROOF) => ("proof", holds, sealed::judge_proof(&file, state_root)),
        Some(write::TRANSITION) => ("transition", holds, sealed::judge_transition(&file)),
        Some(write::EVIDENCE) => ("evidence", proves, sealed::judge_evidence(&file)),
        Some(write::CHECKPOINT) => ("checkpoint", holds, sealed::judge_checkpoint(&file)),
        Some(write::INVALID_BLOCK) => match invalid::open(&file) {
            Ok(Opened::Execute(execution)) => return Step::Execute(execution),
            Ok(Opened::Judged(judged)) => (INVALID_BLOCK, proves, Ok(judged)),
            Err(refusal) => (INVALID_BLOCK, proves, Err(refusal)),
        },
        Some(other) => {
            let other: String = other.chars().take(80).collect();
            let reason = format!("type: expected a sidelight file, got {other:?}");
            return Step::Judged(refuse("unknown", FileOutcome::Refused, reason));
        }
        None => ("eip1186", holds, eip1186::judge(&file, state_root)),
    };
    Step::Judged(match judged {
        Ok(judged) => accept(kind, good, judged),
        Err(Refusal(reason)) => refuse(kind, bad, reason),
    })
}

/// JSON of a size that can be held.
fn parse(text: &str) -> Result<Json, String> {
    let got = text.len();
    if got > MAX_FILE_BYTES {
        return Err(format!(
            "file: expected at most {MAX_FILE_BYTES} bytes, got {got}"
        ));
    }
    let got = text
        .bytes()
        .filter(|byte| matches!(byte, b',' | b'[' | b'{'))
        .count();
    if got > MAX_FILE_VALUES {
        return Err(format!(
            "file: expected at most {MAX_FILE_VALUES} values, got {got}"
        ));
    }
    serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))
}

fn accept(kind: &str, outcome: FileOutcome, Judged { title, facts }: Judged) -> FileVerdict {
    FileVerdict {
        kind: kind.into(),
        ok: true,
        outcome,
        title,
        facts,
        reason: None,
    }
}

fn refuse(kind: &str, outcome: FileOutcome, reason: String) -> FileVerdict {
    FileVerdict {
        kind: kind.into(),
        ok: false,
        outcome,
        title: match outcome {
            FileOutcome::NotProven => "Not proven",
            FileOutcome::Undecided => "Undecided",
            _ => "Refused",
        }
        .into(),
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
