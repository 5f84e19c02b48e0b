//! A block to execute, and the verdict: what the driver hands to the platform, and what comes back.

use alloy_primitives::Bytes;
use serde_json::Value as Json;
use sidelight_core::fault::{FaultKind, Mismatch};

/// Milliseconds that executing one block may take: a hundred times what a full block of transfers takes in a browser. What takes longer is ended and counts as skipped.
pub const EXECUTION_LIMIT_MS: u32 = 20_000;

/// A block to execute. The headers are verified, the input is whatever a peer sent.
#[derive(Clone, Debug)]
pub struct Job {
    /// EIP-155 id.
    pub chain_id: u64,
    /// The parent's header in RLP.
    pub parent: Vec<u8>,
    /// The block's header in RLP.
    pub header: Vec<u8>,
    /// The encoded input, at most [`MAX_EXECUTION_BYTES`](sidelight_core::limits::MAX_EXECUTION_BYTES).
    pub input: Bytes,
}

/// What came of executing a block.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is what its header says.
    Verified {
        /// Gas used.
        gas_used: u64,
        /// Transactions.
        transactions: u64,
        /// Milliseconds that it took.
        ms: f64,
    },
    /// It is not, or the input does not show it: the kind says whose fault that is.
    Refused {
        /// [`FaultKind::InvalidExecution`], or the sender's fault.
        kind: FaultKind,
        /// What was wrong.
        mismatch: Mismatch,
    },
    /// It took longer than [`EXECUTION_LIMIT_MS`], and was ended: nothing is known of the block.
    TimedOut,
    /// The machine gave up: nothing is known of the block.
    Failed(String),
}

impl Verdict {
    /// Reads the JSON of `executeBlock`, in the module of the EVM.
    pub fn parse(text: &str) -> Self {
        let json: Json = match serde_json::from_str(text) {
            Ok(json) => json,
            Err(error) => return Self::Failed(format!("the verdict is not JSON: {error}")),
        };
        let word = |name: &str| json.get(name).and_then(Json::as_str).unwrap_or_default();
        let number = |name: &str| json.get(name).and_then(Json::as_u64);
        match json.get("ok").and_then(Json::as_bool) {
            Some(true) => match (number("gasUsed"), number("transactions")) {
                (Some(gas_used), Some(transactions)) => Self::Verified {
                    gas_used,
                    transactions,
                    ms: json.get("ms").and_then(Json::as_f64).unwrap_or_default(),
                },
                _ => Self::Failed("the verdict has no gas".into()),
            },
            Some(false) => Self::Refused {
                kind: read_kind(word("kind")),
                mismatch: Mismatch::new(
                    field_named(word("field")),
                    word("expected").to_owned(),
                    word("got").to_owned(),
                ),
            },
            None if json.get("timedOut").is_some() => Self::TimedOut,
            None => Self::Failed(match word("failed") {
                "" => "the verdict is none".into(),
                reason => reason.to_owned(),
            }),
        }
    }
}

/// Only what is known to be the sequencer's fault is called that.
fn read_kind(word: &str) -> FaultKind {
    [
        FaultKind::InvalidExecution,
        FaultKind::BadBalHash,
        FaultKind::WrongResponse,
        FaultKind::IncompleteWitness,
    ]
    .into_iter()
    .find(|kind| kind.as_str() == word)
    .unwrap_or(FaultKind::BadWitness)
}

/// Names of fields are ours, and known when this is compiled; for the rest the words say enough.
pub(crate) fn field_named(word: &str) -> &'static str {
    [
        "header.transactions_root",
        "header.receipts_root",
        "header.logs_bloom",
        "header.gas_used",
        "header.state_root",
        "header.requests_hash",
        "header.block_access_list_hash",
        "execution.block_access_list",
        "execution.transactions",
        "execution.system_call",
        "execution.witness",
    ]
    .into_iter()
    .find(|field| *field == word)
    .unwrap_or("execution")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_read_as_the_module_writes_them() {
        let verdict = Verdict::parse(r#"{"ok":true,"gasUsed":21000,"transactions":1,"ms":1.5}"#);
        assert_eq!(
            verdict,
            Verdict::Verified {
                gas_used: 21_000,
                transactions: 1,
                ms: 1.5
            }
        );
        let text = r#"{"ok":false,"blockInvalid":true,"kind":"invalid_execution","field":"header.gas_used","expected":"1","got":"2"}"#;
        let Verdict::Refused { kind, mismatch } = Verdict::parse(text) else {
            panic!("not refused");
        };
        assert_eq!(kind, FaultKind::InvalidExecution);
        assert_eq!(mismatch.to_string(), "header.gas_used: expected 1, got 2");
    }

    #[test]
    fn what_is_no_verdict_says_nothing_of_the_block() {
        assert_eq!(Verdict::parse(r#"{"timedOut":5}"#), Verdict::TimedOut);
        assert_eq!(
            Verdict::parse(r#"{"failed":"no memory"}"#),
            Verdict::Failed("no memory".into())
        );
        for text in ["", "null", "{}", r#"{"ok":"true"}"#, r#"{"ok":true}"#] {
            assert!(matches!(Verdict::parse(text), Verdict::Failed(_)), "{text}");
        }
        let Verdict::Refused { kind, .. } = Verdict::parse(r#"{"ok":false,"kind":"news"}"#) else {
            panic!("not refused");
        };
        assert!(kind.is_peer_fault());
    }
}
