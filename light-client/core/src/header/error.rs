//! Why a header is refused: one variant for each rule.

use crate::{
    fault::{Fault, FaultKind, Mismatch, Value},
    signature::SignatureError,
};
use alloy_primitives::{Address, B64, B256, Bytes, U256};
use thiserror::Error;

/// Why a header is refused. `docs/wire-format.md` section 1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The header's RLP is longer than the limit.
    #[error("header: expected at most {expected} bytes, got {got}")]
    Size {
        /// The limit in bytes.
        expected: usize,
        /// The size in bytes.
        got: usize,
    },
    /// `extra_data` is not the hash of the extension beside the header.
    #[error("extra_data: expected {expected}, got {got}")]
    ExtraData {
        /// Hash of the extension that came.
        expected: B256,
        /// The header's `extra_data`.
        got: Bytes,
    },
    /// The extension has a version that this client does not know.
    #[error("extension version: expected {expected}, got {got}")]
    ExtensionVersion {
        /// The version that this client speaks.
        expected: u64,
        /// The version that came.
        got: u64,
    },
    /// The header follows other rules than the client's.
    #[error("rules_hash: expected {expected}, got {got}")]
    RulesHash {
        /// Hash of the client's rules.
        expected: B256,
        /// The extension's `rules_hash`.
        got: B256,
    },
    /// The header does not follow this parent.
    #[error("parent_hash: expected {expected}, got {got}")]
    ParentHash {
        /// Hash of the parent.
        expected: B256,
        /// The header's `parent_hash`.
        got: B256,
    },
    /// The number is not the parent's plus one.
    #[error("number: expected {expected}, got {got}")]
    Number {
        /// The parent's number plus one.
        expected: u64,
        /// The header's number.
        got: u64,
    },
    /// The timestamp is before the parent's.
    #[error("timestamp: expected at least {expected}, got {got}")]
    TimestampBeforeParent {
        /// The parent's timestamp in seconds.
        expected: u64,
        /// The header's timestamp in seconds.
        got: u64,
    },
    /// The timestamp is further ahead of the clock than the rules allow.
    #[error("timestamp: expected at most {expected}, got {got}")]
    TimestampInFuture {
        /// The latest acceptable timestamp in seconds.
        expected: u64,
        /// The header's timestamp in seconds.
        got: u64,
    },
    /// The gas limit is below the chain's minimum.
    #[error("gas_limit: expected at least {expected}, got {got}")]
    GasLimitMinimum {
        /// The chain's minimum.
        expected: u64,
        /// The header's gas limit.
        got: u64,
    },
    /// The gas limit moved further than one block may move it.
    #[error("gas_limit: expected less than {expected} away from {parent}, got {got}")]
    GasLimitStep {
        /// The parent's gas limit.
        parent: u64,
        /// The first difference that is too large.
        expected: u64,
        /// The header's gas limit.
        got: u64,
    },
    /// More gas was used than the limit allows.
    #[error("gas_used: expected at most {expected}, got {got}")]
    GasUsed {
        /// The header's gas limit.
        expected: u64,
        /// The header's gas used.
        got: u64,
    },
    /// The base fee is not what EIP-1559 gives for the parent.
    #[error("base_fee_per_gas: expected {expected:?}, got {got:?}")]
    BaseFee {
        /// What EIP-1559 gives.
        expected: Option<u64>,
        /// The header's base fee.
        got: Option<u64>,
    },
    /// There are no ommers on this chain.
    #[error("ommers_hash: expected {expected}, got {got}")]
    OmmersHash {
        /// Hash of the empty list.
        expected: B256,
        /// The header's value.
        got: B256,
    },
    /// Difficulty is zero on this chain.
    #[error("difficulty: expected {expected}, got {got}")]
    Difficulty {
        /// Zero.
        expected: U256,
        /// The header's value.
        got: U256,
    },
    /// The nonce is zero on this chain.
    #[error("nonce: expected {expected}, got {got}")]
    Nonce {
        /// Zero.
        expected: B64,
        /// The header's value.
        got: B64,
    },
    /// There are no withdrawals on this chain.
    #[error("withdrawals_root: expected {expected:?}, got {got:?}")]
    WithdrawalsRoot {
        /// Root of the empty trie.
        expected: Option<B256>,
        /// The header's value.
        got: Option<B256>,
    },
    /// There are no blobs on this chain.
    #[error("blob_gas_used: expected {expected:?}, got {got:?}")]
    BlobGasUsed {
        /// Zero.
        expected: Option<u64>,
        /// The header's value.
        got: Option<u64>,
    },
    /// There are no blobs on this chain.
    #[error("excess_blob_gas: expected {expected:?}, got {got:?}")]
    ExcessBlobGas {
        /// Zero.
        expected: Option<u64>,
        /// The header's value.
        got: Option<u64>,
    },
    /// There is no beacon chain.
    #[error("parent_beacon_block_root: expected {expected:?}, got {got:?}")]
    ParentBeaconBlockRoot {
        /// Zero.
        expected: Option<B256>,
        /// The header's value.
        got: Option<B256>,
    },
    /// A Prague header has a requests hash.
    #[error("requests_hash is missing")]
    RequestsHashMissing,
    /// Every header commits to its block access list (EIP-7928).
    #[error("block_access_list_hash is missing")]
    BlockAccessListHashMissing,
    /// Osaka headers have no slot number.
    #[error("slot_number: expected none, got {got}")]
    SlotNumber {
        /// The header's value.
        got: u64,
    },
    /// No signer could be recovered.
    #[error("signature: {0}")]
    Signature(SignatureError),
    /// Somebody else than the scheduled signer signed.
    #[error("signer: expected {expected}, got {got}")]
    Signer {
        /// The scheduled signer.
        expected: Address,
        /// The recovered signer.
        got: Address,
    },
    /// This is not the genesis header of the rules.
    #[error("genesis hash: expected {expected}, got {got}")]
    GenesisHash {
        /// The rules' genesis hash.
        expected: B256,
        /// The header's hash.
        got: B256,
    },
    /// The genesis header's number is not zero.
    #[error("genesis number: expected 0, got {got}")]
    GenesisNumber {
        /// The header's number.
        got: u64,
    },
}

impl HeaderError {
    /// The kind of fault that a peer commits with such a header.
    pub const fn fault_kind(&self) -> FaultKind {
        match self {
            Self::ParentHash { .. } | Self::Number { .. } => FaultKind::WrongParent,
            Self::Signature(_) | Self::Signer { .. } => FaultKind::BadSignature,
            _ => FaultKind::BadHeader,
        }
    }

    /// The error as a fault; the caller adds the block.
    pub fn fault(&self) -> Fault {
        Fault::new(self.fault_kind(), self.mismatch())
    }

    /// The field, what was expected and what came.
    pub fn mismatch(&self) -> Mismatch {
        match self.clone() {
            Self::Size { expected, got } => Mismatch::new("header", expected, got),
            Self::ExtraData { expected, got } => Mismatch::new("header.extra_data", expected, got),
            Self::ExtensionVersion { expected, got } => {
                Mismatch::new("extension.version", expected, got)
            }
            Self::RulesHash { expected, got } => {
                Mismatch::new("extension.rules_hash", expected, got)
            }
            Self::ParentHash { expected, got } => {
                Mismatch::new("header.parent_hash", expected, got)
            }
            Self::Number { expected, got } => Mismatch::new("header.number", expected, got),
            Self::TimestampBeforeParent { expected, got }
            | Self::TimestampInFuture { expected, got } => {
                Mismatch::new("header.timestamp", expected, got)
            }
            Self::GasLimitMinimum { expected, got } => {
                Mismatch::new("header.gas_limit", expected, got)
            }
            Self::GasLimitStep { parent, got, .. } => {
                Mismatch::new("header.gas_limit", parent, got)
            }
            Self::GasUsed { expected, got } => Mismatch::new("header.gas_used", expected, got),
            Self::BaseFee { expected, got } => {
                Mismatch::new("header.base_fee_per_gas", expected, got)
            }
            Self::OmmersHash { expected, got } => {
                Mismatch::new("header.ommers_hash", expected, got)
            }
            Self::Difficulty { expected, got } => Mismatch::new("header.difficulty", expected, got),
            Self::Nonce { expected, got } => {
                let bytes = |nonce: B64| Bytes::copy_from_slice(nonce.as_slice());
                Mismatch::new("header.nonce", bytes(expected), bytes(got))
            }
            Self::WithdrawalsRoot { expected, got } => {
                Mismatch::new("header.withdrawals_root", expected, got)
            }
            Self::BlobGasUsed { expected, got } => {
                Mismatch::new("header.blob_gas_used", expected, got)
            }
            Self::ExcessBlobGas { expected, got } => {
                Mismatch::new("header.excess_blob_gas", expected, got)
            }
            Self::ParentBeaconBlockRoot { expected, got } => {
                Mismatch::new("header.parent_beacon_block_root", expected, got)
            }
            Self::RequestsHashMissing => {
                Mismatch::new("header.requests_hash", "a hash", Value::None)
            }
            Self::BlockAccessListHashMissing => {
                Mismatch::new("header.block_access_list_hash", "a hash", Value::None)
            }
            Self::SlotNumber { got } => Mismatch::new("header.slot_number", Value::None, got),
            Self::Signature(error) => {
                Mismatch::new("signature", "a recoverable signature", error.as_str())
            }
            Self::Signer { expected, got } => Mismatch::new("signer", expected, got),
            Self::GenesisHash { expected, got } => Mismatch::new("genesis.hash", expected, got),
            Self::GenesisNumber { got } => Mismatch::new("genesis.number", 0_u64, got),
        }
    }
}
