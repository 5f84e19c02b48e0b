//! Errors of the chain, the mempool and read-only execution. Pool and call errors print Ethereum's usual texts, because wallets match on them.

use alloy_primitives::{Address, B256, Bytes, U256};
use node_lite_state::StateError;
use sidelight_core::header::HeaderError;

/// A genesis file that cannot start a chain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenesisError {
    /// Not geth-style genesis JSON.
    #[error("genesis is not valid JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A header field that this chain fixes has another value.
    #[error("genesis field {field}: expected {expected}, got {got}")]
    Field {
        /// JSON name of the field.
        field: &'static str,
        /// What the chain needs.
        expected: String,
        /// What the file says.
        got: String,
    },
    /// EIP-161 leaves no empty accounts in the state, so a genesis with one could not be reproduced from diffs.
    #[error("genesis account {address} is empty")]
    EmptyAccount {
        /// The account.
        address: Address,
    },
    /// The signer predeploy is missing or names nobody.
    #[error("genesis has no signer in slot 0 of {predeploy}")]
    NoSigner {
        /// Where it was looked for.
        predeploy: Address,
    },
    /// The state could not be built.
    #[error(transparent)]
    State(#[from] StateError),
}

/// A chain operation that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The genesis file was refused.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// A configuration value is out of range.
    #[error("configuration {key}: expected {expected}, got {got}")]
    Config {
        /// Field of [`crate::SequencerConfig`].
        key: &'static str,
        /// Allowed values.
        expected: String,
        /// What was set.
        got: String,
    },
    /// No such block.
    #[error("unknown block")]
    UnknownBlock,
    /// The block, or the state after it, is behind the retained history.
    #[error("block {number} is pruned, the oldest retained block is {oldest}")]
    Pruned {
        /// Asked for.
        number: u64,
        /// What is still there.
        oldest: u64,
    },
    /// A state read failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// The EVM failed in a way that no transaction can cause.
    #[error("execution failed: {0}")]
    Execution(String),
    /// The header that was built would be refused by every client; it was not published.
    #[error("sealed header is refused by the verifier: {0}")]
    Refused(#[from] HeaderError),
    /// The block access list that was built would be refused by every client; it was not published.
    #[error("sealed block access list is refused by the verifier: {0}")]
    RefusedBal(#[from] sidelight_core::bal::BalError),
    /// The state names a next signer whose key this sequencer does not hold.
    #[error("the state schedules signer {expected}, this sequencer holds {got}")]
    NotTheSigner {
        /// Slot 0 of the signer predeploy.
        expected: Address,
        /// Address of the configured key.
        got: Address,
    },
    /// Not a valid secp256k1 secret key.
    #[error("signer key is not a valid secp256k1 key")]
    SignerKey,
}

impl ChainError {
    /// The block existed and its data was dropped, as opposed to never having been there.
    pub const fn is_pruned(&self) -> bool {
        matches!(self, Self::Pruned { .. })
    }
}

/// A transaction that the mempool refuses. Texts are geth's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// Not an EIP-2718 transaction.
    #[error("rlp: {0}")]
    Decode(String),
    /// Of an unknown type, of one that the fork does not have yet, or with blobs where they have no meaning.
    #[error("transaction type not supported")]
    TypeNotSupported,
    /// The blobs of an EIP-4844 transaction are not those that it commits to, or too many. Texts are geth's where it has one.
    #[error("{0}")]
    Blobs(String),
    /// The signature recovers to nobody.
    #[error("invalid sender")]
    InvalidSender,
    /// Signed for another chain.
    #[error("invalid chain id for signer: have {got} want {expected}")]
    ChainId {
        /// This chain.
        expected: u64,
        /// The transaction's.
        got: u64,
    },
    /// EIP-155 replay protection is required.
    #[error("only replay-protected (EIP-155) transactions allowed over RPC")]
    Unprotected,
    /// The pool has it.
    #[error("already known")]
    AlreadyKnown,
    /// Encoded size above the limit.
    #[error("oversized data: transaction size {got}, limit {expected}")]
    Oversized {
        /// Limit in bytes.
        expected: usize,
        /// Size in bytes.
        got: usize,
    },
    /// EIP-3860.
    #[error("max initcode size exceeded: code size {got}, limit {expected}")]
    InitCodeTooLarge {
        /// Limit in bytes.
        expected: usize,
        /// Size in bytes.
        got: usize,
    },
    /// Above the block's gas limit.
    #[error("exceeds block gas limit")]
    ExceedsBlockGas,
    /// EIP-7825.
    #[error("transaction gas limit too high (cap: {expected}, tx: {got})")]
    GasLimitTooHigh {
        /// Cap.
        expected: u64,
        /// The transaction's.
        got: u64,
    },
    /// Tip above the cap.
    #[error(
        "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: {tip}, maxFeePerGas: {cap}"
    )]
    TipAboveCap {
        /// `maxPriorityFeePerGas`.
        tip: u128,
        /// `maxFeePerGas`.
        cap: u128,
    },
    /// Below the intrinsic gas, or below EIP-7623's floor.
    #[error("intrinsic gas too low: gas {got}, minimum needed {expected}")]
    IntrinsicGas {
        /// Minimum.
        expected: u64,
        /// The transaction's gas limit.
        got: u64,
    },
    /// The account has used this nonce.
    #[error("nonce too low: next nonce {expected}, tx nonce {got}")]
    NonceTooLow {
        /// The account's nonce.
        expected: u64,
        /// The transaction's.
        got: u64,
    },
    /// Too far in the future to keep.
    #[error("nonce too high: next nonce {expected}, tx nonce {got}")]
    NonceTooHigh {
        /// The account's nonce.
        expected: u64,
        /// The transaction's.
        got: u64,
    },
    /// EIP-2681: no account may reach this nonce.
    #[error("nonce has max value")]
    NonceMax,
    /// EIP-3607: senders with code cannot send, delegations excepted.
    #[error("sender not an eoa: address {sender}")]
    SenderNotEoa {
        /// The sender.
        sender: Address,
    },
    /// The balance does not cover this transaction and the sender's others before it.
    #[error("insufficient funds for gas * price + value: balance {got}, tx cost {expected}")]
    InsufficientFunds {
        /// What it may cost at most, the sender's other pooled transactions included.
        expected: U256,
        /// Balance.
        got: U256,
    },
    /// The fee cap is below the next block's base fee.
    #[error("max fee per gas less than block base fee: maxFeePerGas: {got}, baseFee: {expected}")]
    FeeCapBelowBaseFee {
        /// Base fee of the next block.
        expected: u64,
        /// `maxFeePerGas`.
        got: u128,
    },
    /// A replacement must raise both fee caps by 10 %.
    #[error("replacement transaction underpriced")]
    ReplacementUnderpriced,
    /// The sender has too many transactions in the pool.
    #[error("account limit exceeded: pooled {got}, limit {expected}")]
    AccountLimit {
        /// Limit.
        expected: usize,
        /// Pooled.
        got: usize,
    },
    /// The pool is full of better ones.
    #[error("txpool is full")]
    Full,
    /// EIP-7702 needs at least one authorization.
    #[error("set code transaction must have at least one authorization tuple")]
    EmptyAuthorizations,
    /// EIP-7702 cannot create.
    #[error("set code transaction must not be a create transaction")]
    SetCodeCreate,
    /// The state could not be read.
    #[error("{0}")]
    State(StateError),
}

impl From<StateError> for PoolError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

/// A read-only execution that gave no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The block is unknown or pruned.
    #[error(transparent)]
    Block(#[from] ChainError),
    /// The transaction could not even start. Texts are geth's.
    #[error("{0}")]
    Invalid(String),
    /// A field of the request is out of range.
    #[error("{field}: expected {expected}, got {got}")]
    Request {
        /// JSON name of the field.
        field: &'static str,
        /// Allowed.
        expected: String,
        /// Given.
        got: String,
    },
    /// `REVERT`, with what it returned.
    #[error("execution reverted{}", reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default())]
    Reverted {
        /// Return data.
        output: Bytes,
        /// Decoded `Error(string)` or `Panic(uint256)`, if it is one.
        reason: Option<String>,
    },
    /// Out of gas, invalid opcode, stack errors. Texts are geth's.
    #[error("{reason}")]
    Halted {
        /// What happened.
        reason: String,
        /// Gas burnt.
        gas_used: u64,
    },
    /// No gas limit up to the cap lets it succeed.
    #[error("gas required exceeds allowance ({cap})")]
    GasAboveAllowance {
        /// The highest limit tried.
        cap: u64,
    },
}

/// Hash of a block or transaction, for logs.
pub(crate) fn short(hash: &B256) -> String {
    format!("{:.10}", hash.to_string())
}

impl From<sidelight_executor::BlockError> for ChainError {
    fn from(error: sidelight_executor::BlockError) -> Self {
        Self::Execution(error.to_string())
    }
}
