//! Why a block is not valid.

use core::fmt;

use alloy_primitives::{B256, Bytes};
use revm::context::result::InvalidTransaction;
use sidelight_core::state::StateError;

use crate::witness::WitnessError;

/// A rule that compares one thing with what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// Keccak of the parent's header.
    ParentHash,
    /// The parent's number and one.
    Number,
    /// Later than the parent.
    Timestamp,
    /// At most 32 bytes, and what the DAO fork's first blocks must hold (EIP-779).
    ExtraData,
    /// Within a 1,024th of the parent's, at least 5,000, below 2^63.
    GasLimit,
    /// At most the gas limit, and what the transactions used.
    GasUsed,
    /// EIP-1559.
    BaseFee,
    /// What Ethash's formula gives; zero from Paris on.
    Difficulty,
    /// Zero from Paris on.
    Nonce,
    /// No ommers from Paris on, and at most two kin of the parent before.
    Ommers,
    /// Present from Shanghai on, and the list's root (EIP-4895).
    WithdrawalsRoot,
    /// Present from Cancun on, and what the transactions carry (EIP-4844).
    BlobGasUsed,
    /// Present from Cancun on, and what follows from the parent's (EIP-4844, EIP-7918).
    ExcessBlobGas,
    /// Present from Cancun on (EIP-4788).
    ParentBeaconBlockRoot,
    /// Present from Prague on, and the hash of what execution requested (EIP-7685).
    RequestsHash,
    /// The hash of the access list that execution gives (EIP-7928).
    BlockAccessListHash,
    /// The root of the transactions.
    TransactionsRoot,
    /// The root of the receipts.
    ReceiptsRoot,
    /// The union of the receipts' blooms.
    LogsBloom,
    /// The state after the block.
    StateRoot,
    /// The block's RLP is at most 8 MiB long (EIP-7934).
    Size,
    /// A header field of a later fork.
    UnknownField,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ParentHash => "parent hash",
            Self::Number => "number",
            Self::Timestamp => "timestamp",
            Self::ExtraData => "extra data",
            Self::GasLimit => "gas limit",
            Self::GasUsed => "gas used",
            Self::BaseFee => "base fee",
            Self::Difficulty => "difficulty",
            Self::Nonce => "nonce",
            Self::Ommers => "ommers",
            Self::WithdrawalsRoot => "withdrawals root",
            Self::BlobGasUsed => "blob gas used",
            Self::ExcessBlobGas => "excess blob gas",
            Self::ParentBeaconBlockRoot => "parent beacon block root",
            Self::RequestsHash => "requests hash",
            Self::BlockAccessListHash => "block access list hash",
            Self::TransactionsRoot => "transactions root",
            Self::ReceiptsRoot => "receipts root",
            Self::LogsBloom => "logs bloom",
            Self::StateRoot => "state root",
            Self::Size => "size",
            Self::UnknownField => "field of a later fork",
        })
    }
}

/// A rule that a block breaks, with both sides of the comparison as text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: expected {expected}, got {got}")]
pub struct HeaderRule {
    /// The rule.
    pub rule: Rule,
    /// What it wants.
    pub expected: String,
    /// What the block has.
    pub got: String,
}

/// Why a transaction is not valid in its block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// Not canonical RLP of a transaction.
    #[error("malformed: {0}")]
    Decode(alloy_rlp::Error),
    /// The transaction type is not known at this fork.
    #[error("transaction type {got} does not exist at this fork")]
    TypeNotSupported {
        /// EIP-2718 type.
        got: u8,
    },
    /// The signature is not one that this fork allows, or gives no public key.
    #[error("the signature is not valid")]
    Signature,
    /// Signed for another chain.
    #[error("signed for another chain")]
    ChainId,
    /// More blobs than one block holds.
    #[error("{got} blobs, at most {expected} fit")]
    Blobs {
        /// Most.
        expected: u64,
        /// This block's.
        got: u64,
    },
    /// More gas than is left in the block.
    #[error("gas limit {got}, but {expected} is left in the block")]
    GasAllowance {
        /// Gas left.
        expected: u64,
        /// The transaction's limit.
        got: u64,
    },
    /// A fee of more than 128 bits, which no account can pay.
    #[error("the fee has more than 128 bits")]
    FeeTooHigh,
    /// revm's rules.
    #[error("{0}")]
    Invalid(InvalidTransaction),
}

/// Why a block is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// Not canonical RLP of a block.
    #[error("malformed block: {0}")]
    Decode(alloy_rlp::Error),
    /// A rule of the header or the body is broken.
    #[error(transparent)]
    Rule(#[from] HeaderRule),
    /// A transaction is not valid.
    #[error("transaction {index}: {error}")]
    Transaction {
        /// Its index.
        index: usize,
        /// Why.
        error: TransactionError,
    },
    /// A system contract failed or is missing where the chain requires it.
    #[error("system call to {contract}: {reason}")]
    SystemCall {
        /// EIP number of the contract.
        contract: &'static str,
        /// Why.
        reason: String,
    },
    /// The witness is not one of this block, or does not show what the block reads. The block may be valid.
    #[error("witness: {0}")]
    Witness(#[from] WitnessError),
    /// The caller's own database failed. The block may be valid.
    #[error("database: {0}")]
    Database(Box<dyn core::error::Error + Send + Sync>),
    /// The machine gave up, in a way that no rule of Ethereum knows. The block may be valid, and nobody lied.
    #[error("machine: {0}")]
    Machine(String),
    /// An access that the block access list does not name.
    #[error("access outside the block access list: {0}")]
    OutsideAccessList(String),
    /// The changes do not apply to the state.
    #[error("state: {0}")]
    Trie(#[from] StateError),
    /// The access list that execution gives is another one.
    #[error("rebuilt access list: expected {expected}, got {got}")]
    AccessList {
        /// Keccak of the list that came with the block.
        expected: B256,
        /// Keccak of the one that execution gives.
        got: B256,
    },
}

impl BlockError {
    /// The rule that is broken, if it is one.
    #[must_use]
    pub const fn rule(&self) -> Option<Rule> {
        match self {
            Self::Rule(broken) => Some(broken.rule),
            _ => None,
        }
    }
}

/// `Ok` when both sides are equal.
pub(crate) fn expect<T: PartialEq + fmt::Debug>(
    rule: Rule,
    expected: T,
    got: T,
) -> Result<(), BlockError> {
    if expected == got {
        return Ok(());
    }
    Err(broken(rule, format!("{expected:?}"), format!("{got:?}")))
}

/// The rule is broken.
pub(crate) fn broken(
    rule: Rule,
    expected: impl Into<String>,
    got: impl Into<String>,
) -> BlockError {
    let (expected, got) = (expected.into(), got.into());
    HeaderRule {
        rule,
        expected,
        got,
    }
    .into()
}

/// Bytes as an error shows them.
pub(crate) fn show(bytes: &Bytes) -> String {
    format!("{bytes}")
}
