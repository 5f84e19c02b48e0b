//! A decision that somebody signed, and the checks that tie models, runtimes, inputs and outputs to it.
//!
//! ```text
//!   SignedDecision --verify_decision--> VerifiedDecision --verify_model, _runtime, _tensors, _trace--> the parts are those that it names
//!                                              |
//!                                              +-- batch::verify_inclusion against a root that the client has proven in the chain's state
//! ```

use alloy_primitives::{Address, B256};
use alloy_sol_types::{Eip712Domain, SolStruct};
use sidelight_core::signature::{SignatureBytes, SignatureError, recover_signer};
use sidelight_tensor::{Tensor, TensorError};
use thiserror::Error;

use crate::{
    class::{ClassError, DetClass, check_runtime},
    commit::{Role, Salt, compute_commitment},
    typed::{Decision, Model, Runtime},
};

/// What a client may claim of a decision; each level includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DecisionLevel {
    /// L0: signed by the executor and in a batch on the chain, unchanged. Says nothing about whether it is right.
    Committed,
    /// L1: this device ran it again and got the same, bit for bit or within the stated tolerance.
    Reproduced,
    /// L2: the time to object has passed.
    Unchallenged,
    /// L3: a zk proof was checked.
    Proved,
}

impl DecisionLevel {
    /// The word in JSON and in the UI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Reproduced => "reproduced",
            Self::Unchallenged => "unchallenged",
            Self::Proved => "proved",
        }
    }
}

/// Why a decision, or what is said to belong to it, is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecisionError {
    /// The signature is none.
    #[error("signature: {0}")]
    Signature(#[from] SignatureError),
    /// Somebody else signed, or something else was signed.
    #[error("signer: expected the executor {expected}, got {got}")]
    Signer {
        /// The decision's executor.
        expected: Address,
        /// Whoever the signature leads to.
        got: Address,
    },
    /// There is no such level.
    #[error("maxLevel: expected 0 to 3, got {got}")]
    Level {
        /// The number.
        got: u8,
    },
    /// A part is not the one that the decision names.
    #[error("{field}: expected {expected}, got {got}")]
    Field {
        /// The field of the decision.
        field: &'static str,
        /// What the decision says.
        expected: B256,
        /// What the part gives.
        got: B256,
    },
    /// The runtime contradicts itself.
    #[error("runtime: {0}")]
    Class(#[from] ClassError),
    /// The tensors cannot be committed to.
    #[error("tensors: {0}")]
    Tensors(#[from] TensorError),
}

impl DecisionError {
    /// The field that was refused.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Signature(_) | Self::Signer { .. } => "signature",
            Self::Level { .. } => "maxLevel",
            Self::Field { field, .. } => field,
            Self::Class(_) => "runtimeHash",
            Self::Tensors(_) => "tensors",
        }
    }
}

/// Untrusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedDecision {
    /// What was decided.
    pub decision: Decision,
    /// `r || s || v` over [`compute_decision_hash`].
    pub signature: SignatureBytes,
}

/// A decision that its executor signed for this registry.
///
/// **Not checked**: that it is on the chain, that its anchor block is on the followed branch, that the model gave this output, and that no other decision has its nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct VerifiedDecision {
    decision: Decision,
    hash: B256,
}

/// The EIP-712 digest: id, what is signed, and the leaf of a batch.
pub fn compute_decision_hash(decision: &Decision, domain: &Eip712Domain) -> B256 {
    decision.eip712_signing_hash(domain)
}

/// Checks that the executor signed the decision for this registry.
pub fn verify_decision(
    signed: &SignedDecision,
    domain: &Eip712Domain,
) -> Result<VerifiedDecision, DecisionError> {
    let verified = VerifiedDecision::of_signer(&signed.decision, domain)?;
    let got = recover_signer(verified.hash, &signed.signature)?;
    let expected = signed.decision.executor;
    if got != expected {
        return Err(DecisionError::Signer { expected, got });
    }
    Ok(verified)
}

impl VerifiedDecision {
    /// For a caller that checks the signature.
    pub(crate) fn of_signer(
        decision: &Decision,
        domain: &Eip712Domain,
    ) -> Result<Self, DecisionError> {
        if decision.maxLevel > 3 {
            return Err(DecisionError::Level {
                got: decision.maxLevel,
            });
        }
        Ok(Self {
            hash: compute_decision_hash(decision, domain),
            decision: decision.clone(),
        })
    }

    /// Its fields.
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Its id.
    pub const fn hash(&self) -> B256 {
        self.hash
    }

    /// Checks that this is the model. That a file has the model's SHA-256 is for whoever holds the file.
    pub fn verify_model(&self, model: &Model) -> Result<(), DecisionError> {
        expect(
            "modelHash",
            self.decision.modelHash,
            model.eip712_hash_struct(),
        )
    }

    /// Checks that this is the runtime, and that it promises nothing that contradicts itself.
    pub fn verify_runtime(&self, runtime: &Runtime) -> Result<DetClass, DecisionError> {
        expect(
            "runtimeHash",
            self.decision.runtimeHash,
            runtime.eip712_hash_struct(),
        )?;
        Ok(check_runtime(runtime)?.0)
    }

    /// Checks that these are the inputs or outputs.
    pub fn verify_tensors(
        &self,
        role: Role,
        salt: Salt,
        tensors: &[Tensor],
    ) -> Result<(), DecisionError> {
        let (field, expected) = match role {
            Role::Input => ("inputCommit", self.decision.inputCommit),
            Role::Output => ("outputCommit", self.decision.outputCommit),
        };
        expect(field, expected, compute_commitment(role, salt, tensors)?)
    }

    /// Checks a trace's root. A decision that offers none has nothing to compare.
    pub fn verify_trace(&self, root: B256) -> Result<(), DecisionError> {
        expect("traceRoot", self.decision.traceRoot, root)
    }
}

impl core::fmt::Display for DecisionLevel {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

fn expect(field: &'static str, expected: B256, got: B256) -> Result<(), DecisionError> {
    if expected == got {
        Ok(())
    } else {
        Err(DecisionError::Field {
            field,
            expected,
            got,
        })
    }
}
