//! What a transaction must satisfy before it enters the pool, in the order of geth's `ValidateTransaction`.

use alloy_consensus::{Transaction, TxEnvelope, transaction::SignerRecoverable};
use alloy_eips::eip7840::BlobParams;
use alloy_primitives::U256;
use node_lite_state::Account;
use revm::{context_interface::cfg::gas::calculate_initial_tx_gas, primitives::hardfork::SpecId};

use super::{PooledTransaction, blobs};
use crate::{config::PoolLimits, error::PoolError, view::StateView};

/// EIP-3860: twice EIP-170's code size limit.
const MAX_INITCODE_SIZE: usize = 49_152;
/// EIP-7825.
const MAX_TX_GAS: u64 = 1 << 24;
/// What an account with EIP-7702 delegated code begins with.
const DELEGATION_PREFIX: [u8; 3] = [0xef, 0x01, 0x00];

/// What depends on the chain and on the fork of its head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) chain_id: u64,
    pub(crate) spec: SpecId,
    /// None where blob transactions have no meaning.
    pub(crate) blobs: Option<BlobParams>,
    pub(crate) block_gas_limit: u64,
}

/// What can be refused before decoding: unknown types, those of later forks, and what is too large.
pub(crate) fn check_raw(raw: &[u8], limits: &PoolLimits, rules: &Rules) -> Result<(), PoolError> {
    let (since, limit) = match raw.first() {
        None => return Err(PoolError::Decode("empty transaction".to_owned())),
        Some(0) => return Err(PoolError::TypeNotSupported),
        Some(1) => (SpecId::BERLIN, limits.transaction_bytes),
        Some(2) => (SpecId::LONDON, limits.transaction_bytes),
        Some(3) if rules.blobs.is_some() => (SpecId::CANCUN, limits.blob_transaction_bytes),
        Some(4) => (SpecId::PRAGUE, limits.transaction_bytes),
        // EIP-2718: above the known types and below RLP lists.
        Some(3..=0x7f) => return Err(PoolError::TypeNotSupported),
        Some(_) => (SpecId::FRONTIER, limits.transaction_bytes),
    };
    if raw.len() > limit {
        return Err(PoolError::Oversized {
            expected: limit,
            got: raw.len(),
        });
    }
    if rules.spec.is_enabled_in(since) {
        Ok(())
    } else {
        Err(PoolError::TypeNotSupported)
    }
}

/// Every check that needs no state, the signature and the blobs last because they are the dearest.
pub(crate) fn check_stateless(
    transaction: TxEnvelope,
    size: usize,
    rules: &Rules,
) -> Result<PooledTransaction, PoolError> {
    match transaction.chain_id() {
        None => return Err(PoolError::Unprotected),
        Some(got) if got != rules.chain_id => {
            return Err(PoolError::ChainId {
                expected: rules.chain_id,
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
    if rules.spec.is_enabled_in(SpecId::SHANGHAI) && init_code > MAX_INITCODE_SIZE {
        return Err(PoolError::InitCodeTooLarge {
            expected: MAX_INITCODE_SIZE,
            got: init_code,
        });
    }
    let gas_limit = transaction.gas_limit();
    if gas_limit > rules.block_gas_limit {
        return Err(PoolError::ExceedsBlockGas);
    }
    if rules.spec.is_enabled_in(SpecId::OSAKA) && gas_limit > MAX_TX_GAS {
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
    check_intrinsic_gas(&transaction, rules.spec)?;
    let sender = transaction
        .recover_signer()
        .map_err(|_| PoolError::InvalidSender)?;
    let blob_gas = U256::from(transaction.blob_gas_used().unwrap_or_default());
    let blob_price = U256::from(transaction.max_fee_per_blob_gas().unwrap_or_default());
    let max_cost = U256::from(gas_limit)
        .saturating_mul(U256::from(cap))
        .saturating_add(blob_gas.saturating_mul(blob_price))
        .saturating_add(transaction.value());
    let transaction = match (transaction, rules.blobs) {
        (TxEnvelope::Eip4844(signed), Some(params)) => {
            blobs::verify(signed, &params, rules.spec)?.into()
        }
        (other, _) => other,
    };
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

fn check_intrinsic_gas(transaction: &TxEnvelope, spec: SpecId) -> Result<(), PoolError> {
    let (accounts, slots) = transaction
        .access_list()
        .map_or((0, 0), |list| (list.len(), list.storage_keys_count()));
    let authorizations = transaction.authorization_list().map_or(0, <[_]>::len);
    let gas = calculate_initial_tx_gas(
        spec,
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
