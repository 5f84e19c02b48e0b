//! Why a call to the client gave no value. A failed verification is never anything but an error: no empty account, no zero, no missing block.
//!
//! ```text
//! -32090  a peer's answer is false            {kind, method, block, peer, field, expected, got}; not retried by wallets' libraries, because it has a code of its own
//! -32602  the parameters make no sense
//! -32001  there is no such block, or nobody has its state any more
//!   4200  not supported
//!   4900  not synced yet, or no peer answers
//! ```

use sidelight_core::{
    fault::{Fault, FaultKind, Mismatch, Value},
    proof::ProofError,
};

use crate::{
    dto::{ErrorView, FaultView, LogGap, LogRange, VerificationFailure},
    platform::NetError,
};

/// Why a call gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Every peer that answered gave an answer that a check refused; this is the last one.
    #[error("verification failed: {fault}")]
    Verification {
        /// What was wrong.
        fault: Box<Fault>,
        /// Who said it.
        peer: String,
    },
    /// Logs of which a part is not proven to be complete.
    #[error("the logs of blocks {from} to {to} are not complete: {cause}")]
    IncompleteLogs {
        /// Why, for the first part that is missing.
        cause: Box<Self>,
        /// First block of the range.
        from: u64,
        /// Last block of the range.
        to: u64,
        /// The parts that are missing.
        missing: Vec<LogGap>,
    },
    /// The parameters make no sense.
    #[error("invalid parameters: {0}")]
    Params(String),
    /// No verified block has this number or hash, or its state is gone everywhere.
    #[error("{0}")]
    UnknownBlock(String),
    /// Not something that this client does.
    #[error("not supported: {0}")]
    NotSupported(String),
    /// There is no verified block yet.
    #[error("not synced yet")]
    NotSynced,
    /// Nobody answered.
    #[error("no peer answered: {0}")]
    NoPeer(String),
    /// The client was closed.
    #[error("closed")]
    Closed,
}

impl ClientError {
    /// The JSON-RPC or EIP-1193 code.
    pub fn code(&self) -> i32 {
        match self {
            Self::Verification { .. } => -32090,
            // That nobody hands out what the header commits to is a failed check as well.
            Self::IncompleteLogs { cause, .. } => match cause.as_ref() {
                Self::UnknownBlock(_) => -32090,
                cause => cause.code(),
            },
            Self::Params(_) => -32602,
            Self::UnknownBlock(_) => -32001,
            Self::NotSupported(_) => 4200,
            Self::NotSynced | Self::NoPeer(_) | Self::Closed => 4900,
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::IncompleteLogs { cause, .. } => cause.is_retryable(),
            error => matches!(error, Self::NotSynced | Self::NoPeer(_)),
        }
    }

    /// As it leaves the client; `method` is the one that was called.
    pub fn view(&self, method: &str) -> ErrorView {
        let data = self.failure(method);
        ErrorView {
            code: self.code(),
            message: self.to_string(),
            data,
        }
    }
}

impl ClientError {
    /// What a check refused, or could not be shown.
    fn failure(&self, method: &str) -> Option<VerificationFailure> {
        match self {
            Self::Verification { fault, peer } => Some(VerificationFailure {
                kind: fault.kind().into(),
                method: method.into(),
                block: fault.number,
                peer: peer.clone(),
                field: fault.mismatch.field.into(),
                expected: fault.mismatch.expected.to_string(),
                got: fault.mismatch.got.to_string(),
                logs: None,
            }),
            Self::IncompleteLogs {
                cause,
                from,
                to,
                missing,
            } => {
                let block = missing.first().map_or(*from, |gap| gap.from);
                let withheld = || {
                    let mismatch = Mismatch::new("logs", "the whole range", cause.to_string());
                    Self::Verification {
                        fault: Box::new(Fault {
                            number: Some(block),
                            ..Fault::new(FaultKind::IncompleteLogs, mismatch)
                        }),
                        peer: "every node that was asked".into(),
                    }
                };
                let failure = match cause.as_ref() {
                    Self::UnknownBlock(_) => withheld().failure(method),
                    cause => cause.failure(method),
                };
                let range = LogRange {
                    from: *from,
                    to: *to,
                    missing: missing.clone(),
                };
                failure.map(|failure| VerificationFailure {
                    logs: Some(range),
                    ..failure
                })
            }
            _ => None,
        }
    }
}

impl From<NetError> for ClientError {
    fn from(error: NetError) -> Self {
        Self::NoPeer(error.to_string())
    }
}

/// A fault as a subscriber hears it.
pub(crate) fn view_fault(fault: &Fault, peer: &str, at: u64) -> FaultView {
    FaultView {
        kind: fault.kind().into(),
        block: fault.number,
        peer: peer.into(),
        field: fault.mismatch.field.into(),
        expected: fault.mismatch.expected.to_string(),
        got: fault.mismatch.got.to_string(),
        message: fault.to_string(),
        at,
    }
}

/// A refused proof, as a fault.
pub(crate) fn proof_fault(error: ProofError) -> Fault {
    let (kind, mismatch) = match error {
        ProofError::HashMismatch { expected, got, .. } => (
            FaultKind::BadProof,
            Mismatch::new("proof.node", expected, got),
        ),
        ProofError::Incomplete { expected } => (
            FaultKind::BadProof,
            Mismatch::new("proof.node", expected, Value::None),
        ),
        ProofError::ExtraNodes { expected, got } => (
            FaultKind::BadProof,
            Mismatch::new("proof.nodes", expected, got),
        ),
        ProofError::TooLong { limit, got } => (
            FaultKind::BadProof,
            Mismatch::new("proof.nodes", limit, got),
        ),
        ProofError::CodeHash { expected, got } => (
            FaultKind::BadCode,
            Mismatch::new("code_hash", expected, got),
        ),
        ProofError::CodeTooLarge { limit, got } => {
            (FaultKind::BadCode, Mismatch::new("code", limit, got))
        }
        _ => (
            FaultKind::BadProof,
            Mismatch::new("proof.node", "a canonical node", "something else"),
        ),
    };
    Fault::new(kind, mismatch)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;

    #[test]
    fn a_failed_verification_has_its_own_code_and_says_what_was_expected() {
        let fault = proof_fault(ProofError::CodeHash {
            expected: B256::ZERO,
            got: B256::repeat_byte(1),
        })
        .at(7, B256::ZERO);
        let error = ClientError::Verification {
            fault: Box::new(fault),
            peer: "http://node".into(),
        };
        let view = error.view("eth_getCode");
        assert_eq!(view.code, -32090);
        let data = view.data.unwrap();
        assert_eq!(
            (data.kind.as_str(), data.method.as_str(), data.block),
            ("bad_code", "eth_getCode", Some(7))
        );
        assert!(data.expected.starts_with("0x0000") && data.got.starts_with("0x0101"));
    }

    #[test]
    fn no_code_is_one_that_wallet_libraries_retry() {
        let errors = [
            ClientError::Params(String::new()),
            ClientError::UnknownBlock(String::new()),
            ClientError::NotSupported(String::new()),
            ClientError::NotSynced,
            ClientError::Closed,
        ];
        for error in errors {
            assert!(
                ![-1, -32005, -32603, 429].contains(&error.code()),
                "{error}"
            );
            assert_eq!(error.view("m").data, None);
        }
    }
}
