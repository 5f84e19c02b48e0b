//! What a JSON-RPC caller is told when something fails: Ethereum's codes ([EIP-1474]) with go-ethereum's texts, because wallets match on both.
//!
//! [EIP-1474]: https://eips.ethereum.org/EIPS/eip-1474

use alloy_primitives::{Bytes, hex};
use jsonrpsee::types::ErrorObjectOwned;
use node_lite_exec::{CallError, ChainError, PoolError, StateError};

/// The failure of one JSON-RPC call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RpcError {
    /// The parameters do not have the shape that the method takes.
    #[error("{0}")]
    InvalidParams(String),
    /// No block has this number or hash.
    #[error("header not found")]
    BlockNotFound,
    /// The block, and its state, have been dropped.
    #[error(
        "pruned history unavailable: block {number} is behind the oldest retained block {oldest}"
    )]
    Pruned {
        /// What was asked for.
        number: u64,
        /// What is still there.
        oldest: u64,
    },
    /// The pool refused a transaction; the text is go-ethereum's.
    #[error("{0}")]
    Rejected(String),
    /// A call ended with `REVERT`.
    #[error("execution reverted{}", .reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default())]
    Reverted {
        /// What the contract returned.
        data: Bytes,
        /// The text inside `data`, if it is an `Error(string)` or a `Panic(uint256)`.
        reason: Option<String>,
    },
    /// A call failed in another way: out of gas, an invalid opcode, too little balance.
    #[error("{0}")]
    Execution(String),
    /// This node does not do that.
    #[error("{0} is not supported")]
    NotSupported(String),
    /// No such thing: a filter, a transaction, a code.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// A limit of this node, which may pass with time.
    #[error("{0}")]
    Overloaded(String),
    /// A transaction was accepted, but no receipt came in time.
    #[error("the transaction was added to the pool but was not in a block within {millis} ms")]
    ReceiptTimeout {
        /// How long the call waited.
        millis: u64,
        /// The transaction to ask for later.
        hash: alloy_primitives::B256,
    },
    /// A fault of the node itself.
    #[error("{0}")]
    Internal(String),
}

impl RpcError {
    /// The numeric code of the JSON-RPC error object.
    #[must_use]
    pub const fn code(&self) -> i32 {
        match self {
            Self::Reverted { .. } => 3,
            Self::ReceiptTimeout { .. } => 4,
            Self::Pruned { .. } => 4444,
            Self::BlockNotFound | Self::Execution(_) | Self::NotFound(_) => -32000,
            Self::Rejected(_) => -32003,
            Self::NotSupported(_) => -32004,
            Self::Overloaded(_) => -32005,
            Self::InvalidParams(_) => -32602,
            Self::Internal(_) => -32603,
        }
    }

    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::InvalidParams(text.into())
    }
}

impl From<RpcError> for ErrorObjectOwned {
    fn from(error: RpcError) -> Self {
        let data = match &error {
            RpcError::Reverted { data, .. } => Some(hex::encode_prefixed(data)),
            RpcError::ReceiptTimeout { hash, .. } => Some(hash.to_string()),
            _ => None,
        };
        Self::owned(error.code(), error.to_string(), data)
    }
}

impl From<ChainError> for RpcError {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::UnknownBlock => Self::BlockNotFound,
            ChainError::Pruned { number, oldest } => Self::Pruned { number, oldest },
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<StateError> for RpcError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::UnknownRoot { root } => {
                Self::Execution(format!("historical state {root} is not available"))
            }
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<PoolError> for RpcError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Decode(_) => Self::InvalidParams(error.to_string()),
            PoolError::State(error) => error.into(),
            other => Self::Rejected(other.to_string()),
        }
    }
}

impl From<CallError> for RpcError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Block(error) => error.into(),
            CallError::Request { .. } => Self::InvalidParams(error.to_string()),
            CallError::Reverted { output, reason } => Self::Reverted {
                data: output,
                reason,
            },
            other => Self::Execution(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revert_carries_its_reason_and_its_data() {
        let error = RpcError::Reverted {
            data: Bytes::from_static(&[8, 0xc3]),
            reason: Some("no".into()),
        };
        let object = ErrorObjectOwned::from(error);
        assert_eq!(
            (object.code(), object.message()),
            (3, "execution reverted: no")
        );
        assert_eq!(object.data().map(|d| d.get()), Some("\"0x08c3\""));
    }

    #[test]
    fn a_revert_without_reason_has_the_bare_text() {
        let error = RpcError::Reverted {
            data: Bytes::new(),
            reason: None,
        };
        assert_eq!(error.to_string(), "execution reverted");
    }
}
