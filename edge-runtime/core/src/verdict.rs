//! What may be said of a decision's file, level by level, and which field is wrong where nothing may be said.
//!
//! ```text
//!   Record --verify_record(chain, registry)--> VerifiedRecord     signature, model, runtime, openings and path fit the decision
//!                                                   |
//!      batches[root], header of the anchor block ---+--> verify_anchor        L0 committed: signed by X, before block N, unchanged
//!                                                   |
//!      tensors of a run on this device -------------+--> verify_reproduction  L1 reproduced: bit for bit, or within the tolerance
//! ```
//!
//! What the chain says is an argument: whoever calls has proven it.

use alloc::{
    format,
    string::{String, ToString},
};
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::Eip712Domain;
use sidelight_core::signature::SignatureBytes;
use sidelight_tensor::{Difference, Tensor, TensorError, Tolerance, compare};
use thiserror::Error;

use crate::{
    account::check_answer,
    batch::{BatchError, compute_root},
    class::{DetClass, check_runtime},
    commit::Role,
    decision::{DecisionError, DecisionLevel, SignedDecision, VerifiedDecision, verify_decision},
    limits::MAX_RECORD_BYTES,
    record::{Opening, Record},
    typed::{Decision, domain},
};

/// Why a decision does not have a level. Every error knows which, and names the field.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// More bytes than a file may have.
    #[error("file: expected at most {MAX_RECORD_BYTES} bytes, got {got}")]
    TooLarge {
        /// How many.
        got: usize,
    },
    /// Not the JSON of a decision.
    #[error("file: {0}")]
    Json(String),
    /// A field does not fit the chain or another field.
    #[error("{field}: expected {expected}, got {got}")]
    Field {
        /// Its path in the file.
        field: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// What the level takes is not in the file.
    #[error("{field}: the file does not have it")]
    Missing {
        /// Its path in the file.
        field: &'static str,
        /// The level that takes it.
        level: DecisionLevel,
    },
    /// The decision, or a part of it.
    #[error(transparent)]
    Decision(#[from] DecisionError),
    /// The path to the batch's root.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// This device cannot repeat the run.
    #[error("{field}: not supported: {reason}")]
    Unsupported {
        /// Its path in the file.
        field: &'static str,
        /// Why.
        reason: String,
    },
    /// The run here gave something else.
    #[error("output: {0}")]
    Output(Difference),
    /// The run here had other values on the way.
    #[error("traceRoot: expected {expected}, got {got}")]
    Trace {
        /// What the decision names.
        expected: B256,
        /// Of the run here.
        got: B256,
    },
}

impl RecordError {
    /// The level that the decision does not have.
    pub const fn level(&self) -> DecisionLevel {
        match self {
            Self::Missing { level, .. } => *level,
            Self::Unsupported { .. } | Self::Output(_) | Self::Trace { .. } => {
                DecisionLevel::Reproduced
            }
            _ => DecisionLevel::Committed,
        }
    }

    /// The field that was refused.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::Json(_) => "file",
            Self::Field { field, .. }
            | Self::Missing { field, .. }
            | Self::Unsupported { field, .. } => field,
            Self::Decision(error) => error.field(),
            Self::Batch(BatchError::Root { .. } | BatchError::Siblings { .. }) => "batch.proof",
            Self::Batch(_) => "batch",
            Self::Output(_) => "output",
            Self::Trace { .. } => "traceRoot",
        }
    }
}

/// A file whose parts fit each other and the executor's signature.
///
/// **Not checked**: that its batch is on the chain ([`Self::verify_anchor`]), and that the model gives this output ([`Self::verify_reproduction`]).
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct VerifiedRecord {
    decision: VerifiedDecision,
    class: DetClass,
    tolerance: Tolerance,
    options_hash: B256,
    engine_sha256: B256,
    batch_root: Option<B256>,
    output: Option<Opening>,
}

/// What the chain says, proven by the caller at one head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainFacts {
    /// Height of the block whose state was read.
    pub head: u64,
    /// Slot [`compute_batch_slot`] of the registry.
    pub batch: U256,
    /// Hash of the block at the decision's `anchorBlock` on the followed branch; `None` where there is none yet.
    pub anchor_hash: Option<B256>,
}

/// Who anchored a batch, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchored {
    /// Who paid for it; not necessarily the executor.
    pub poster: Address,
    /// The block; the decision was made before it.
    pub block: u64,
    /// How many decisions the poster says that the batch has.
    pub count: u32,
}

/// What ran a model here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rerun<'a> {
    /// SHA-256 of the pinned engine's module.
    pub engine_sha256: B256,
    /// Hash of the options that it ran with.
    pub options_hash: B256,
    /// Its outputs, sorted by name.
    pub outputs: &'a [Tensor],
}

/// How a second run agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// Bit for bit.
    Exact,
    /// Within the runtime's tolerance.
    Within(Tolerance),
}

/// The storage slot of a batch: `batches` is the registry's slot 0.
pub fn compute_batch_slot(root: B256) -> B256 {
    let mut key = [0_u8; 64];
    let (head, _) = key.split_at_mut(32);
    head.copy_from_slice(root.as_slice());
    keccak256(key)
}

/// Checks everything that a file says by itself, for a chain and a registry that the caller trusts.
pub fn verify_record(
    record: &Record,
    chain_id: u64,
    registry: Address,
) -> Result<VerifiedRecord, RecordError> {
    verify(record, chain_id, registry, |domain| {
        let signed = SignedDecision {
            decision: record.decision.clone(),
            signature: read_signature(&record.signature)?,
        };
        Ok(verify_decision(&signed, domain)?)
    })
}

/// As [`verify_record`], where the executor is a contract: `answer` is what it said to [`ask_account`](crate::account::ask_account).
///
/// **Not checked**: that it said so. The caller has executed the call on a state that it has verified; the contract's answer may be another one in another block.
pub fn verify_record_by_account(
    record: &Record,
    chain_id: u64,
    registry: Address,
    answer: &[u8],
) -> Result<VerifiedRecord, RecordError> {
    verify(record, chain_id, registry, |domain| {
        check_answer(record.decision.executor, answer)?;
        Ok(VerifiedDecision::of_signer(&record.decision, domain)?)
    })
}

fn verify(
    record: &Record,
    chain_id: u64,
    registry: Address,
    verify_signature: impl FnOnce(&Eip712Domain) -> Result<VerifiedDecision, RecordError>,
) -> Result<VerifiedRecord, RecordError> {
    check_place(record, chain_id, registry)?;
    // Parts before the signature: a changed part is named, where a changed decision only has another signer.
    let (class, tolerance) = verify_parts(record)?;
    let decision = verify_signature(&domain(chain_id, registry))?;
    let batch_root = match &record.batch {
        None => None,
        Some(batch) => {
            let got = compute_root(decision.hash(), &batch.proof)?;
            if got != batch.root {
                return Err(BatchError::Root {
                    expected: batch.root,
                    got,
                }
                .into());
            }
            Some(batch.root)
        }
    };
    Ok(VerifiedRecord {
        decision,
        class,
        tolerance,
        options_hash: record.runtime.optionsHash,
        engine_sha256: record.runtime.engineSha256,
        batch_root,
        output: record.output.clone(),
    })
}

/// The chain and the registry are those that the verifier trusts.
pub(crate) fn check_place(
    record: &Record,
    chain_id: u64,
    registry: Address,
) -> Result<(), RecordError> {
    expect("chainId", chain_id, record.chain_id)?;
    expect("registry", registry, record.registry)
}

impl VerifiedRecord {
    /// The decision's id.
    pub const fn hash(&self) -> B256 {
        self.decision.hash()
    }

    /// Its fields.
    pub const fn decision(&self) -> &Decision {
        self.decision.decision()
    }

    /// The runtime's class.
    pub const fn class(&self) -> DetClass {
        self.class
    }

    /// The root of its batch.
    pub const fn batch_root(&self) -> Option<B256> {
        self.batch_root
    }

    /// L0: the batch is in the registry, after the block that the executor had seen, and that block is on the followed branch.
    pub fn verify_anchor(&self, facts: &ChainFacts) -> Result<Anchored, RecordError> {
        if self.batch_root.is_none() {
            return Err(RecordError::Missing {
                field: "batch",
                level: DecisionLevel::Committed,
            });
        }
        let anchored = read_batch(facts.batch).ok_or_else(|| RecordError::Field {
            field: "batch.root",
            expected: "a root in the registry".into(),
            got: "none that is anchored".into(),
        })?;
        let decision = self.decision();
        if anchored.block > facts.head {
            return Err(RecordError::Field {
                field: "batch.root",
                expected: format!("a block up to the head {}", facts.head),
                got: anchored.block.to_string(),
            });
        }
        if decision.anchorBlock >= anchored.block {
            return Err(RecordError::Field {
                field: "anchorBlock",
                expected: format!("a block before the batch's {}", anchored.block),
                got: decision.anchorBlock.to_string(),
            });
        }
        let on_branch = facts.anchor_hash.ok_or_else(|| RecordError::Field {
            field: "anchorBlock",
            expected: "a block of the followed branch".into(),
            got: decision.anchorBlock.to_string(),
        })?;
        expect("anchorHash", on_branch, decision.anchorHash)?;
        Ok(anchored)
    }

    /// L1: a run on this device gave the committed output. The caller has checked the model file's SHA-256 and has fed the opened input.
    pub fn verify_reproduction(&self, rerun: &Rerun<'_>) -> Result<Agreement, RecordError> {
        let output = self.output.as_ref().ok_or(RecordError::Missing {
            field: "output",
            level: DecisionLevel::Reproduced,
        })?;
        self.check_repeatable(rerun)?;
        if let Some(difference) = compare(&output.tensors, rerun.outputs, self.tolerance) {
            return Err(RecordError::Output(difference));
        }
        match compare(&output.tensors, rerun.outputs, Tolerance::EXACT) {
            None => Ok(Agreement::Exact),
            Some(_) => Ok(Agreement::Within(self.tolerance)),
        }
    }

    /// L1, where the decision offers a trace: the values of a run on this device, operator by operator, have its root.
    pub fn verify_trace(&self, got: B256) -> Result<(), RecordError> {
        match self.decision().traceRoot {
            expected if expected == got => Ok(()),
            expected => Err(RecordError::Trace { expected, got }),
        }
    }

    /// Hash of the options that the runtime names.
    pub const fn options_hash(&self) -> B256 {
        self.options_hash
    }

    /// Whether a run of the pinned engine can say anything about this decision.
    fn check_repeatable(&self, rerun: &Rerun<'_>) -> Result<(), RecordError> {
        let unsupported = |field, reason: String| Err(RecordError::Unsupported { field, reason });
        match self.class {
            DetClass::D0 if self.engine_sha256 != rerun.engine_sha256 => unsupported(
                "runtime.engineSha256",
                format!(
                    "the engine here is {}, the decision's {}",
                    rerun.engine_sha256, self.engine_sha256
                ),
            ),
            DetClass::D0 if self.options_hash != rerun.options_hash => unsupported(
                "runtime.optionsHash",
                format!(
                    "the engine ran with other options than {}",
                    self.options_hash
                ),
            ),
            DetClass::D0 | DetClass::D2 => Ok(()),
            DetClass::D1 => unsupported(
                "runtime.detClass",
                "class 1 takes ONNX Runtime, which does not run here".into(),
            ),
            DetClass::D3 | DetClass::D4 => unsupported(
                "runtime.detClass",
                "nothing is run again in this class".into(),
            ),
        }
    }
}

/// The parts that the decision names by their hashes.
fn verify_parts(record: &Record) -> Result<(DetClass, Tolerance), RecordError> {
    use alloy_sol_types::SolStruct;
    let decision = &record.decision;
    let part = |field, expected: B256, got: B256| {
        if expected == got {
            Ok(())
        } else {
            Err(DecisionError::Field {
                field,
                expected,
                got,
            })
        }
    };
    part(
        "modelHash",
        decision.modelHash,
        record.model.eip712_hash_struct(),
    )?;
    part(
        "runtimeHash",
        decision.runtimeHash,
        record.runtime.eip712_hash_struct(),
    )?;
    let class = check_runtime(&record.runtime).map_err(DecisionError::from)?;
    let commitment = |role, opening: &Opening| -> Result<B256, DecisionError> {
        crate::commit::compute_commitment(role, opening.salt(), &opening.tensors)
            .map_err(|error: TensorError| error.into())
    };
    if let Some(input) = &record.input {
        part(
            "inputCommit",
            decision.inputCommit,
            commitment(Role::Input, input)?,
        )?;
    }
    if let Some(output) = &record.output {
        part(
            "outputCommit",
            decision.outputCommit,
            commitment(Role::Output, output)?,
        )?;
    }
    Ok(class)
}

/// 65 bytes as they are; 64 by [EIP-2098](https://eips.ethereum.org/EIPS/eip-2098): the parity is the highest bit of `s`.
fn read_signature(bytes: &[u8]) -> Result<SignatureBytes, RecordError> {
    if let Ok(signature) = bytes.try_into() {
        return Ok(signature);
    }
    let compact: [u8; 64] = bytes.try_into().map_err(|_| RecordError::Field {
        field: "signature",
        expected: "65 or 64 bytes".into(),
        got: format!("{} bytes", bytes.len()),
    })?;
    let mut signature = [0_u8; 65];
    let [rs @ .., v] = &mut signature;
    rs.copy_from_slice(&compact);
    if let Some(top) = rs.get_mut(32) {
        *v = if *top & 0x80 == 0 { 27 } else { 28 };
        *top &= 0x7f;
    }
    Ok(signature)
}

/// The word of a batch: from the low end 20 bytes poster, 8 block, 4 count. A batch has a count.
fn read_batch(word: U256) -> Option<Anchored> {
    let [c0, c1, c2, c3, b0, b1, b2, b3, b4, b5, b6, b7, poster @ ..]: [u8; 32] =
        word.to_be_bytes();
    let count = u32::from_be_bytes([c0, c1, c2, c3]);
    (count != 0).then(|| Anchored {
        poster: Address::from(poster),
        block: u64::from_be_bytes([b0, b1, b2, b3, b4, b5, b6, b7]),
        count,
    })
}

fn expect<T: PartialEq + ToString>(
    field: &'static str,
    expected: T,
    got: T,
) -> Result<(), RecordError> {
    if expected == got {
        return Ok(());
    }
    Err(RecordError::Field {
        field,
        expected: expected.to_string(),
        got: got.to_string(),
    })
}
