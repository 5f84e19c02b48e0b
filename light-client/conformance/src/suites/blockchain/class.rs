//! Which of our reasons belong to which exception of the suite.

use alloy_primitives::U256;
use revm::context::result::InvalidTransaction as Tx;
use sidelight_executor::{BlockError, Rule, TransactionError};

use super::chain::ImportError;

/// Whether `error` is a reason that the fixture's exception allows. Fixtures name several, with `|` between them.
pub(super) fn covers(exception: &str, error: &ImportError) -> bool {
    let names = names_of(error);
    exception.split('|').any(|wanted| {
        let wanted = wanted.trim();
        let wanted = wanted.rsplit_once('.').map_or(wanted, |(_, name)| name);
        names.contains(&wanted)
    })
}

/// The suite's names for an error.
fn names_of(error: &ImportError) -> Vec<&'static str> {
    match error {
        ImportError::UnknownParent(hash) if hash.is_zero() => {
            vec!["UNKNOWN_PARENT_ZERO", "UNKNOWN_PARENT"]
        }
        ImportError::UnknownParent(_) => vec!["UNKNOWN_PARENT"],
        ImportError::Block(BlockError::Decode(_)) => vec![
            "RLP_STRUCTURES_ENCODING",
            "RLP_INVALID_FIELD_OVERFLOW_64",
            "RLP_INVALID_ADDRESS",
            "RLP_WITHDRAWALS_NOT_READ",
            "RLP_BLOCK_LIMIT_EXCEEDED",
            "RLP_INVALID_VALUE",
            "TYPE_3_TX_CONTRACT_CREATION",
            "TYPE_4_TX_CONTRACT_CREATION",
            "GASLIMIT_TOO_BIG",
        ],
        ImportError::Block(BlockError::Rule(broken)) => rule_names(broken.rule),
        ImportError::Block(BlockError::Transaction { error, .. }) => transaction_names(error),
        ImportError::Block(BlockError::SystemCall { .. }) => {
            vec![
                "SYSTEM_CONTRACT_EMPTY",
                "SYSTEM_CONTRACT_CALL_FAILED",
                "INVALID_DEPOSIT_EVENT_LAYOUT",
            ]
        }
        ImportError::Block(_) | ImportError::Recheck { .. } => Vec::new(),
    }
}

fn rule_names(rule: Rule) -> Vec<&'static str> {
    match rule {
        Rule::Number => vec!["INVALID_BLOCK_NUMBER"],
        Rule::Timestamp => vec!["INVALID_BLOCK_TIMESTAMP_OLDER_THAN_PARENT"],
        Rule::ExtraData => vec!["EXTRA_DATA_TOO_BIG"],
        Rule::GasLimit => vec!["INVALID_GASLIMIT", "GASLIMIT_TOO_BIG"],
        Rule::GasUsed => vec![
            "INVALID_GAS_USED",
            "GAS_USED_OVERFLOW",
            "INVALID_GAS_USED_ABOVE_LIMIT",
        ],
        Rule::BaseFee => vec!["INVALID_BASEFEE_PER_GAS"],
        Rule::Difficulty => vec![
            "IMPORT_IMPOSSIBLE_DIFFICULTY_OVER_PARIS",
            "INVALID_DIFFICULTY",
        ],
        Rule::Ommers => vec![
            "IMPORT_IMPOSSIBLE_UNCLES_OVER_PARIS",
            "UNCLE_IN_CHAIN",
            "UNCLE_IS_ANCESTOR",
            "UNCLE_IS_BROTHER",
            "UNCLE_PARENT_INCORRECT",
            "UNCLE_UNKNOWN_PARENT",
            "TOO_MANY_UNCLES",
            "INVALID_UNCLES_HASH",
            "RLP_STRUCTURES_ENCODING",
        ],
        Rule::WithdrawalsRoot => vec![
            "INVALID_WITHDRAWALS_ROOT",
            "RLP_WITHDRAWALS_NOT_READ",
            "RLP_STRUCTURES_ENCODING",
        ],
        Rule::BlobGasUsed => vec!["INCORRECT_BLOB_GAS_USED", "BLOB_GAS_USED_ABOVE_LIMIT"],
        Rule::ExcessBlobGas => vec!["INCORRECT_EXCESS_BLOB_GAS"],
        Rule::RequestsHash => vec!["INVALID_REQUESTS"],
        Rule::TransactionsRoot => vec!["INVALID_TRANSACTIONS_ROOT"],
        Rule::ReceiptsRoot => vec!["INVALID_RECEIPTS_ROOT"],
        Rule::LogsBloom => vec!["INVALID_LOG_BLOOM"],
        Rule::StateRoot => vec!["INVALID_STATE_ROOT"],
        Rule::Size => vec!["RLP_BLOCK_LIMIT_EXCEEDED"],
        _ => Vec::new(),
    }
}

fn transaction_names(error: &TransactionError) -> Vec<&'static str> {
    match error {
        TransactionError::TypeNotSupported { .. } => vec![
            "TYPE_NOT_SUPPORTED",
            "TYPE_3_TX_PRE_FORK",
            "TYPE_4_TX_PRE_FORK",
        ],
        TransactionError::Signature => vec!["INVALID_SIGNATURE_VRS", "EC_RECOVERY_FAIL"],
        TransactionError::ChainId => vec!["INVALID_CHAINID"],
        TransactionError::Blobs { .. } => vec![
            "TYPE_3_TX_BLOB_COUNT_EXCEEDED",
            "TYPE_3_TX_MAX_BLOB_GAS_ALLOWANCE_EXCEEDED",
        ],
        TransactionError::GasAllowance { .. } => vec!["GAS_ALLOWANCE_EXCEEDED"],
        TransactionError::FeeTooHigh => vec![
            "GASLIMIT_PRICE_PRODUCT_OVERFLOW",
            "INSUFFICIENT_ACCOUNT_FUNDS",
        ],
        TransactionError::Invalid(reason) => invalid_names(reason),
        _ => Vec::new(),
    }
}

fn invalid_names(reason: &Tx) -> Vec<&'static str> {
    match reason {
        Tx::PriorityFeeGreaterThanMaxFee => vec!["PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS"],
        Tx::GasPriceLessThanBasefee => vec!["INSUFFICIENT_MAX_FEE_PER_GAS"],
        Tx::CallerGasLimitMoreThanBlock => vec!["GAS_ALLOWANCE_EXCEEDED"],
        Tx::CallGasCostMoreThanGasLimit { .. } => vec!["INTRINSIC_GAS_TOO_LOW"],
        Tx::GasFloorMoreThanGasLimit { .. } => vec![
            "INTRINSIC_GAS_TOO_LOW",
            "INTRINSIC_GAS_BELOW_FLOOR_GAS_COST",
        ],
        Tx::RejectCallerWithCode => vec!["SENDER_NOT_EOA"],
        // The product of gas and price may be all that does not fit.
        Tx::LackOfFundForMaxFee { fee, .. } if **fee == U256::MAX => {
            vec![
                "INSUFFICIENT_ACCOUNT_FUNDS",
                "GASLIMIT_PRICE_PRODUCT_OVERFLOW",
            ]
        }
        Tx::LackOfFundForMaxFee { .. } => vec!["INSUFFICIENT_ACCOUNT_FUNDS"],
        Tx::OverflowPaymentInTransaction => {
            vec![
                "INSUFFICIENT_ACCOUNT_FUNDS",
                "GASLIMIT_PRICE_PRODUCT_OVERFLOW",
            ]
        }
        Tx::NonceOverflowInTransaction => vec!["NONCE_IS_MAX"],
        Tx::NonceTooHigh { .. } => vec!["NONCE_MISMATCH_TOO_HIGH"],
        Tx::NonceTooLow { .. } => vec!["NONCE_MISMATCH_TOO_LOW"],
        Tx::CreateInitCodeSizeLimit => vec!["INITCODE_SIZE_EXCEEDED"],
        Tx::InvalidChainId | Tx::MissingChainId => vec!["INVALID_CHAINID"],
        Tx::TxGasLimitGreaterThanCap { .. } => vec!["GAS_LIMIT_EXCEEDS_MAXIMUM"],
        Tx::BlobGasPriceGreaterThanMax { .. } => vec!["INSUFFICIENT_MAX_FEE_PER_BLOB_GAS"],
        Tx::EmptyBlobs => vec!["TYPE_3_TX_ZERO_BLOBS"],
        Tx::BlobCreateTransaction => vec!["TYPE_3_TX_CONTRACT_CREATION"],
        Tx::TooManyBlobs { .. } => vec![
            "TYPE_3_TX_BLOB_COUNT_EXCEEDED",
            "TYPE_3_TX_MAX_BLOB_GAS_ALLOWANCE_EXCEEDED",
        ],
        Tx::BlobVersionNotSupported => vec!["TYPE_3_TX_INVALID_BLOB_VERSIONED_HASH"],
        Tx::EmptyAuthorizationList => vec!["TYPE_4_EMPTY_AUTHORIZATION_LIST"],
        Tx::Eip2930NotSupported | Tx::Eip1559NotSupported => vec!["TYPE_NOT_SUPPORTED"],
        Tx::Eip4844NotSupported => vec!["TYPE_3_TX_PRE_FORK", "TYPE_NOT_SUPPORTED"],
        Tx::Eip7702NotSupported => vec!["TYPE_4_TX_PRE_FORK", "TYPE_NOT_SUPPORTED"],
        _ => Vec::new(),
    }
}
