//! What a transaction must satisfy before it enters the pool, in the order of geth's `ValidateTransaction`.

use alloy_consensus::{Transaction, TxEnvelope, transaction::SignerRecoverable};
use alloy_eips::eip2718::EIP4844_TX_TYPE_ID;
use alloy_primitives::U256;
use node_lite_state::Account;
use revm::context_interface::cfg::gas::calculate_initial_tx_gas;

use super::PooledTransaction;
use crate::{chain::StateView, error::PoolError, evm::SPEC};

/// EIP-3860: twice EIP-170's code size limit.
const MAX_INITCODE_SIZE: usize = 49_152;
/// EIP-7825.
const MAX_TX_GAS: u64 = 1 << 24;
/// What an account with EIP-7702 delegated code begins with.
const DELEGATION_PREFIX: [u8; 3] = [0xef, 0x01, 0x00];

/// Refuses blob transactions before decoding them: with or without sidecar, they have no meaning here.
pub(crate) fn check_type(raw: &[u8]) -> Result<(), PoolError> {
    match raw.first() {
        None => Err(PoolError::Decode("empty transaction".to_owned())),
        Some(&EIP4844_TX_TYPE_ID) => Err(PoolError::TypeNotSupported),
        // EIP-2718: above the known types and below RLP lists.
        Some(5..=0x7f) | Some(0) => Err(PoolError::TypeNotSupported),
        Some(_) => Ok(()),
    }
}

/// Every check that needs no state, the signature last because it is the dearest.
pub(crate) fn check_stateless(
    transaction: TxEnvelope,
    size: usize,
    chain_id: u64,
    block_gas_limit: u64,
) -> Result<PooledTransaction, PoolError> {
    if transaction.is_eip4844() {
        return Err(PoolError::TypeNotSupported);
    }
    match transaction.chain_id() {
        None => return Err(PoolError::Unprotected),
        Some(got) if got != chain_id => {
            return Err(PoolError::ChainId {
                expected: chain_id,
                got,
            });
        }
        Some(_) => {}
    }
    let init_code = if transaction.is_create() {
        transaction.input().len()
    } else {
        0
    };
    if init_code > MAX_INITCODE_SIZE {
        return Err(PoolError::InitCodeTooLarge {
            expected: MAX_INITCODE_SIZE,
            got: init_code,
        });
    }
    let gas_limit = transaction.gas_limit();
    if gas_limit > block_gas_limit {
        return Err(PoolError::ExceedsBlockGas);
    }
    if gas_limit > MAX_TX_GAS {
        return Err(PoolError::GasLimitTooHigh {
            expected: MAX_TX_GAS,
            got: gas_limit,
        });
    }
    let (tip, cap) = (
        transaction.max_priority_fee_per_gas().unwrap_or_default(),
        transaction.max_fee_per_gas(),
    );
    if tip > cap {
        return Err(PoolError::TipAboveCap { tip, cap });
    }
    if transaction.is_eip7702() {
        if transaction.is_create() {
            return Err(PoolError::SetCodeCreate);
        }
        if transaction.authorization_list().is_none_or(<[_]>::is_empty) {
            return Err(PoolError::EmptyAuthorizations);
        }
    }
    if transaction.nonce() == u64::MAX {
        return Err(PoolError::NonceMax);
    }
    check_intrinsic_gas(&transaction)?;
    let sender = transaction
        .recover_signer()
        .map_err(|_| PoolError::InvalidSender)?;
    let max_cost = U256::from(gas_limit)
        .saturating_mul(U256::from(cap))
        .saturating_add(transaction.value());
    Ok(PooledTransaction {
        hash: *transaction.tx_hash(),
        transaction,
        sender,
        size,
        max_cost,
        arrival: 0,
    })
}

/// EIP-3607 with EIP-7702's exception.
pub(crate) fn check_sender(
    view: &StateView,
    transaction: &PooledTransaction,
    account: &Account,
) -> Result<(), PoolError> {
    if account.code_hash == alloy_primitives::KECCAK256_EMPTY {
        return Ok(());
    }
    let code = view.code_by_hash(account.code_hash)?;
    if code.starts_with(&DELEGATION_PREFIX) {
        Ok(())
    } else {
        Err(PoolError::SenderNotEoa {
            sender: transaction.sender,
        })
    }
}

fn check_intrinsic_gas(transaction: &TxEnvelope) -> Result<(), PoolError> {
    let (accounts, slots) = transaction
        .access_list()
        .map_or((0, 0), |list| (list.len(), list.storage_keys_count()));
    let authorizations = transaction.authorization_list().map_or(0, <[_]>::len);
    let gas = calculate_initial_tx_gas(
        SPEC,
        transaction.input(),
        transaction.is_create(),
        accounts as u64,
        slots as u64,
        authorizations as u64,
        None,
    );
    let (expected, got) = (
        gas.initial_total_gas().max(gas.floor_gas()),
        transaction.gas_limit(),
    );
    if got < expected {
        Err(PoolError::IntrinsicGas { expected, got })
    } else {
        Ok(())
    }
}
