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
    bal::BalError,
    fault::{Mismatch, Value},
    header::HeaderError,
    proof::ProofError,
    wire::EnvelopeError,
};

use crate::{
    dto::{ErrorView, FaultView, VerificationFailure},
    platform::NetError,
};

/// A statement that a check refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lie {
    /// Stable machine word.
    pub kind: &'static str,
    /// Height, if it concerns a block.
    pub block: Option<u64>,
    /// The field, what was expected and what came.
    pub mismatch: Mismatch,
    /// One sentence.
    pub message: String,
}

impl Lie {
    /// A lie about one field.
    pub fn new(kind: &'static str, field: &'static str, expected: impl Into<Value>, got: impl Into<Value>) -> Self {
        let mismatch = Mismatch::new(field, expected, got);
        Self { kind, block: None, message: mismatch.to_string(), mismatch }
    }

    /// About this block.
    #[must_use]
    pub fn at(self, block: u64) -> Self {
        Self { block: Some(block), ..self }
    }

    /// A refused proof under `kind`.
    pub fn proof(kind: &'static str, error: ProofError) -> Self {
        let mismatch = match error {
            ProofError::HashMismatch { expected, got, .. } => Mismatch::new("proof.node", expected, got),
            ProofError::Incomplete { expected } => Mismatch::new("proof.node", expected, Value::None),
            ProofError::ExtraNodes { expected, got } => Mismatch::new("proof.nodes", expected, got),
            ProofError::TooLong { limit, got } => Mismatch::new("proof.nodes", limit, got),
            ProofError::CodeHash { expected, got } => Mismatch::new("code_hash", expected, got),
            ProofError::CodeTooLarge { limit, got } => Mismatch::new("code", limit, got),
            _ => Mismatch::new("proof.node", "a canonical node", "something else"),
        };
        Self { kind, block: None, mismatch, message: error.to_string() }
    }

    /// As an event of a peer.
    pub(crate) fn fault(&self, peer: &str, at: u64) -> FaultView {
        FaultView {
            kind: self.kind.into(),
            block: self.block,
            peer: peer.into(),
            field: self.mismatch.field.into(),
            expected: self.mismatch.expected.to_string(),
            got: self.mismatch.got.to_string(),
            message: self.message.clone(),
            at,
        }
    }
}

impl From<EnvelopeError> for Lie {
    fn from(error: EnvelopeError) -> Self {
        Self { kind: error.kind(), block: None, mismatch: error.mismatch(), message: error.to_string() }
    }
}

impl From<HeaderError> for Lie {
    fn from(error: HeaderError) -> Self {
        Self { kind: "bad_header", block: None, mismatch: error.mismatch(), message: error.to_string() }
    }
}

impl From<BalError> for Lie {
    fn from(error: BalError) -> Self {
        Self { kind: "bad_bal", block: None, mismatch: error.mismatch(), message: error.to_string() }
    }
}

/// Why a call gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Every peer that answered gave an answer that a check refused; this is the last one.
    #[error("verification failed: {}", lie.message)]
    Verification {
        /// What was wrong.
        lie: Box<Lie>,
        /// Who said it.
        peer: String,
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
            Self::Params(_) => -32602,
            Self::UnknownBlock(_) => -32001,
            Self::NotSupported(_) => 4200,
            Self::NotSynced | Self::NoPeer(_) | Self::Closed => 4900,
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::NotSynced | Self::NoPeer(_))
    }

    /// As it leaves the client; `method` is the one that was called.
    pub fn view(&self, method: &str) -> ErrorView {
        let data = match self {
            Self::Verification { lie, peer } => Some(VerificationFailure {
                kind: lie.kind.into(),
                method: method.into(),
                block: lie.block,
                peer: peer.clone(),
                field: lie.mismatch.field.into(),
                expected: lie.mismatch.expected.to_string(),
                got: lie.mismatch.got.to_string(),
            }),
            _ => None,
        };
        ErrorView { code: self.code(), message: self.to_string(), data }
    }
}

impl From<NetError> for ClientError {
    fn from(error: NetError) -> Self {
        Self::NoPeer(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;

    #[test]
    fn a_failed_verification_has_its_own_code_and_says_what_was_expected() {
        let lie = Lie::new("bad_code", "code_hash", B256::ZERO, B256::repeat_byte(1)).at(7);
        let error = ClientError::Verification { lie: Box::new(lie), peer: "http://node".into() };
        let view = error.view("eth_getCode");
        assert_eq!(view.code, -32090);
        let data = view.data.unwrap();
        assert_eq!((data.kind.as_str(), data.method.as_str(), data.block), ("bad_code", "eth_getCode", Some(7)));
        assert!(data.expected.starts_with("0x0000") && data.got.starts_with("0x0101"));
    }

    #[test]
    fn no_code_is_one_that_wallet_libraries_retry() {
        let errors =
            [ClientError::Params(String::new()), ClientError::UnknownBlock(String::new()), ClientError::NotSupported(String::new()), ClientError::NotSynced, ClientError::Closed];
        for error in errors {
            assert!(![-1, -32005, -32603, 429].contains(&error.code()), "{error}");
            assert_eq!(error.view("m").data, None);
        }
    }
}
