//! `sidelight/invalid-block@1`: a block that its own signer's commitments contradict, and what shows it. `docs/wire-format.md` section 5.
//!
//! ```text
//!  parent (signed) <--parent_hash-- header (signed) --commits to--> access list, state root, receipts root ...
//!    | state root                                                         |
//!    +---- body: list and trie nodes -------- the core ------------------>+ they disagree: proven
//!    +---- input: what executing takes ------ executes the block -------->+
//! ```
//!
//! Every byte beside the two headers is bound to them by a hash, so whoever made the file cannot accuse a signer of what the signer did not sign. Whether that signer is a chain's,
//! nobody sees from the file: the facts name it, and say where it comes from.

use alloy_primitives::{B256, Bytes};
use serde_json::Value as Json;
use sidelight_core::{
    extension::Extension,
    fault::{FaultKind, Mismatch},
    follower::Contradiction,
    header::{SignedHeader, VerifiedHeader, verify_header},
    limits::MAX_EXECUTION_BYTES,
    rules::ChainRules,
    state::PartialState,
    update::{UpdateError, verify_consistent, verify_watch},
    wire::{Body, Update},
};

use super::{
    Judged, Refusal, fact, json,
    sealed::{ANY_TIME, describe_header, filter_of, read_anchor, read_rules},
    write::{self, hex, pretty, text},
};
use crate::{
    dto::{Fact, FileOutcome},
    json::object,
    platform::{EXECUTION_LIMIT_MS, Job, Verdict},
};

/// What a file comes to before anything is executed.
pub(super) enum Opened {
    /// Judged.
    Judged(Judged),
    /// The block must be executed.
    Execute(Box<Execution>),
}

/// A block to execute, and the facts about it.
pub(super) struct Execution {
    pub(super) job: Job,
    number: u64,
    facts: Vec<Fact>,
}

/// The text of a file; `input` is what executing the block took, for [`FaultKind::InvalidExecution`].
pub fn write(rules: &ChainRules, found: &Contradiction, input: Option<&Bytes>) -> Option<String> {
    let body = match &found.body {
        // What is not a list needs no state to be refused.
        Body::Consistent { bal, .. } if found.fault.kind == FaultKind::BadBal => Body::Consistent {
            bal: bal.clone(),
            nodes: Vec::new(),
        },
        body => body.clone(),
    };
    let update = Update {
        signed_header: found.header.signed()?,
        body,
    };
    let signer = found.parent.signer().unwrap_or(rules.genesis_signer);
    Some(pretty(&object([
        ("type", text(write::INVALID_BLOCK)),
        ("rules", hex(&rules.encode())),
        (
            "parent",
            hex(&sign_or_genesis(rules, &found.parent).encode()),
        ),
        ("parentSigner", hex(signer.as_slice())),
        ("claim", text(found.fault.kind.as_str())),
        ("update", hex(&update.encode())),
        ("input", input.and_then(|input| hex(input))),
    ])))
}

/// Nobody signs the genesis header: its hash is in the rules, and what stands beside it says nothing.
fn sign_or_genesis(rules: &ChainRules, header: &VerifiedHeader) -> SignedHeader {
    header.signed().unwrap_or_else(|| SignedHeader {
        header: header.header().clone(),
        extension: Extension {
            version: Extension::VERSION,
            accounts_root: B256::ZERO,
            frames_root: B256::ZERO,
            rules_hash: rules.hash(),
            next_signer: header.next_signer(),
        },
        signature: [0; 65],
    })
}

pub(super) fn open(file: &Json) -> Result<Opened, Refusal> {
    let rules = read_rules(file)?;
    let parent = read_anchor(file, "parent", &rules)?;
    let claim = json::text(file, "claim")?;
    let raw: Bytes = json::parse(file, "update")?;
    let update = Update::decode(&raw).map_err(|error| Refusal::of("update")(&error))?;
    let header = verify_header(&update.signed_header, &parent, &rules, ANY_TIME)
        .map_err(|error| Refusal::of("header")(&error))?;
    let facts = describe_header(&header, &rules);
    if claim == FaultKind::InvalidExecution.as_str() {
        let input: Bytes = json::parse(file, "input")?;
        if input.len() > MAX_EXECUTION_BYTES {
            return Err(Refusal(format!(
                "input: expected at most {MAX_EXECUTION_BYTES} bytes, got {}",
                input.len()
            )));
        }
        let job = Job {
            chain_id: rules.chain_id,
            parent: alloy_rlp::encode(parent.header()),
            header: alloy_rlp::encode(header.header()),
            input,
        };
        let number = header.number();
        return Ok(Opened::Execute(Box::new(Execution { job, number, facts })));
    }
    match check(&update, &header, &parent)? {
        Ok(level) => Err(Refusal(format!("the block is {level}: nothing is wrong"))),
        Err(error) => {
            let (kind, mismatch) = (error.fault_kind(), error.mismatch());
            if kind == FaultKind::BadBal
                && matches!(&update.body, Body::Consistent { nodes, .. } if !nodes.is_empty())
            {
                return Err(Refusal(
                    "update.nodes: expected none beside a list that is not one".into(),
                ));
            }
            conclude(claim, kind, &mismatch, header.number(), facts).map(Opened::Judged)
        }
    }
}

/// The core's own check of the body.
fn check(
    update: &Update,
    header: &VerifiedHeader,
    parent: &VerifiedHeader,
) -> Result<Result<&'static str, UpdateError>, Refusal> {
    Ok(match &update.body {
        Body::Watch { watched, .. } => {
            let filter = filter_of(watched)?;
            verify_watch(update, header, &filter).map(|_| "consistent for the accounts in the file")
        }
        Body::Consistent { .. } => {
            let mut state = PartialState::from_root(parent.state_root());
            verify_consistent(update, header, parent, &mut state).map(|_| "consistent")
        }
        _ => return Err(Refusal("update: expected a body, got none".into())),
    })
}

impl Execution {
    /// What the verdict over the block says about the file.
    pub(super) fn conclude(self, verdict: Verdict) -> (FileOutcome, Result<Judged, Refusal>) {
        let Self { number, facts, .. } = self;
        let judged = match verdict {
            Verdict::Verified { gas_used, .. } => Err(Refusal(format!(
                "executing the block gives what its header says, {gas_used} gas: nothing is wrong"
            ))),
            Verdict::Refused { kind, mismatch } => {
                let claim = FaultKind::InvalidExecution.as_str();
                conclude(claim, kind, &mismatch, number, facts)
            }
            Verdict::TimedOut => {
                let reason =
                    format!("executing the block took more than {EXECUTION_LIMIT_MS} ms here");
                return (FileOutcome::Undecided, Err(Refusal(reason)));
            }
            Verdict::Failed(reason) => {
                let reason = format!("the block could not be executed here: {reason}");
                return (FileOutcome::Undecided, Err(Refusal(reason)));
            }
        };
        match judged {
            Ok(judged) => (FileOutcome::Proven, Ok(judged)),
            Err(refusal) => (FileOutcome::NotProven, Err(refusal)),
        }
    }
}

/// Proven, if the check finds what the file claims, and that is the signer's doing.
fn conclude(
    claim: &str,
    kind: FaultKind,
    mismatch: &Mismatch,
    number: u64,
    mut facts: Vec<Fact>,
) -> Result<Judged, Refusal> {
    if !kind.is_conflict() {
        return Err(Refusal(format!(
            "the file does not show it: {} ({})",
            mismatch,
            kind.as_str()
        )));
    }
    if kind.as_str() != claim {
        return Err(Refusal(format!(
            "claim: expected {}, got {claim:?}",
            kind.as_str()
        )));
    }
    facts.extend([
        fact("What is wrong", kind.as_str()),
        fact("Field", mismatch.field),
        fact("Expected", &mismatch.expected),
        fact("In the block", &mismatch.got),
    ]);
    Ok(Judged {
        title: format!("Block {number} is signed and not valid: {}", mismatch.field),
        facts,
    })
}
