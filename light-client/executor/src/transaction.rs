//! A transaction by itself: encoding, signature and intrinsic gas at a fork.

use alloy_consensus::{Transaction, TxEnvelope, TxType, Typed2718};
use alloy_eips::eip2718::{Decodable2718, Eip2718Error, Encodable2718};
use alloy_evm::FromRecoveredTx;
use alloy_primitives::{Address, B256, Signature, U256};
use revm::{
    context::{TxEnv, result::InvalidTransaction},
    context_interface::cfg::gas::{InitialAndFloorGas, calculate_initial_tx_gas_for_tx},
    primitives::{eip3860::MAX_INITCODE_SIZE, hardfork::SpecId},
};

use crate::{error::TransactionError, wide::Wide};

/// A transaction whose encoding, signature and own limits hold at a fork. Nonce, balance and fees depend on the state and were not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedTransaction {
    /// Recovered from the signature.
    pub sender: Address,
    /// Keccak of the encoding.
    pub hash: B256,
    /// Gas before the first opcode.
    pub intrinsic_gas: u64,
}

/// Decodes a transaction as it stands in a network message (EIP-2718) and checks it at a fork.
pub fn verify_transaction(
    bytes: &[u8],
    chain_id: u64,
    spec: SpecId,
) -> Result<VerifiedTransaction, TransactionError> {
    if let Some(wide) = Wide::decode(bytes) {
        check_type(&wide.transaction, spec)?;
        check_chain(&wide.transaction, chain_id, spec)?;
        let sender = recover(wide.transaction.signature(), wide.signing_hash, spec)?;
        check_fees(
            &wide.transaction,
            wide.max_fee,
            wide.has_tip().then_some(wide.tip),
        )?;
        return Ok(VerifiedTransaction {
            intrinsic_gas: check_gas(&wide.transaction, sender, spec)?,
            hash: wide.hash,
            sender,
        });
    }
    let transaction = decode(bytes)?;
    check_type(&transaction, spec)?;
    let sender = recover_sender(&transaction, chain_id, spec)?;
    let tip = transaction.max_priority_fee_per_gas().map(U256::from);
    check_fees(&transaction, U256::from(transaction.max_fee_per_gas()), tip)?;
    Ok(VerifiedTransaction {
        intrinsic_gas: check_gas(&transaction, sender, spec)?,
        hash: *transaction.tx_hash(),
        sender,
    })
}

fn decode(bytes: &[u8]) -> Result<TxEnvelope, TransactionError> {
    let mut rest = bytes;
    let transaction = TxEnvelope::decode_2718(&mut rest).map_err(|error| match error {
        Eip2718Error::RlpError(error) => TransactionError::Decode(error),
        Eip2718Error::UnexpectedType(got @ 1..) => TransactionError::TypeNotSupported { got },
        _ => TransactionError::Decode(alloy_rlp::Error::Custom("not a transaction")),
    })?;
    if !rest.is_empty() {
        return Err(TransactionError::Decode(alloy_rlp::Error::UnexpectedLength));
    }
    if transaction.encoded_2718() != bytes {
        return Err(TransactionError::Decode(alloy_rlp::Error::Custom(
            "not the canonical encoding",
        )));
    }
    Ok(transaction)
}

fn check_type(transaction: &TxEnvelope, spec: SpecId) -> Result<(), TransactionError> {
    let since = match transaction.tx_type() {
        TxType::Legacy => SpecId::FRONTIER,
        TxType::Eip2930 => SpecId::BERLIN,
        TxType::Eip1559 => SpecId::LONDON,
        TxType::Eip4844 => SpecId::CANCUN,
        TxType::Eip7702 => SpecId::PRAGUE,
    };
    if spec.is_enabled_in(since) {
        return Ok(());
    }
    Err(TransactionError::TypeNotSupported {
        got: transaction.ty(),
    })
}

/// The sender, if the signature is one that the fork allows: low `s` since Homestead (EIP-2), a chain id since Spurious Dragon (EIP-155).
pub fn recover_sender(
    transaction: &TxEnvelope,
    chain_id: u64,
    spec: SpecId,
) -> Result<Address, TransactionError> {
    check_chain(transaction, chain_id, spec)?;
    recover(transaction.signature(), transaction.signature_hash(), spec)
}

/// By libsecp256k1.
#[cfg(feature = "secp256k1")]
pub(crate) fn recover(
    signature: &Signature,
    digest: B256,
    spec: SpecId,
) -> Result<Address, TransactionError> {
    use alloy_consensus::crypto::secp256k1::{recover_signer, recover_signer_unchecked};

    let recovered = if spec.is_enabled_in(SpecId::HOMESTEAD) {
        recover_signer(signature, digest)
    } else {
        recover_signer_unchecked(signature, digest)
    };
    recovered.map_err(|_| TransactionError::Signature)
}

/// By the core, which does not verify again what it has just solved: a third less time than k256's own recovery.
#[cfg(not(feature = "secp256k1"))]
pub(crate) fn recover(
    signature: &Signature,
    digest: B256,
    spec: SpecId,
) -> Result<Address, TransactionError> {
    use sidelight_core::signature::{SRange, recover_from_parts};

    let (r, s) = (
        signature.r().to_be_bytes::<32>(),
        signature.s().to_be_bytes::<32>(),
    );
    let range = if spec.is_enabled_in(SpecId::HOMESTEAD) {
        SRange::Low
    } else {
        SRange::Any
    };
    recover_from_parts(digest, &r, &s, signature.v(), range)
        .map_err(|_| TransactionError::Signature)
}

fn check_chain(
    transaction: &TxEnvelope,
    chain_id: u64,
    spec: SpecId,
) -> Result<(), TransactionError> {
    let is_allowed = |id| spec.is_enabled_in(SpecId::SPURIOUS_DRAGON) && id == chain_id;
    if transaction.chain_id().is_none_or(is_allowed) {
        return Ok(());
    }
    Err(TransactionError::ChainId)
}

/// The most that the gas can cost has 256 bits, and a tip is part of the fee.
fn check_fees(
    transaction: &TxEnvelope,
    max_fee: U256,
    tip: Option<U256>,
) -> Result<(), TransactionError> {
    let invalid = |reason| Err(TransactionError::Invalid(reason));
    if tip.is_some_and(|tip| tip > max_fee) {
        return invalid(InvalidTransaction::PriorityFeeGreaterThanMaxFee);
    }
    if U256::from(transaction.gas_limit())
        .checked_mul(max_fee)
        .is_none()
    {
        return invalid(InvalidTransaction::OverflowPaymentInTransaction);
    }
    Ok(())
}

/// Limits that hold for every state: nonce, gas and init code.
fn check_gas(
    transaction: &TxEnvelope,
    sender: Address,
    spec: SpecId,
) -> Result<u64, TransactionError> {
    let invalid = |reason| Err(TransactionError::Invalid(reason));
    if transaction.nonce() == u64::MAX {
        return invalid(InvalidTransaction::NonceOverflowInTransaction);
    }
    let is_create = transaction.kind().is_create();
    if is_create
        && spec.is_enabled_in(SpecId::SHANGHAI)
        && transaction.input().len() > MAX_INITCODE_SIZE
    {
        return invalid(InvalidTransaction::CreateInitCodeSizeLimit);
    }
    let gas = compute_initial_gas(transaction, sender, spec);
    let (initial_gas, gas_limit) = (gas.initial_total_gas(), transaction.gas_limit());
    if gas_limit < initial_gas {
        return invalid(InvalidTransaction::CallGasCostMoreThanGasLimit {
            initial_gas,
            gas_limit,
        });
    }
    let gas_floor = gas.floor_gas();
    if spec.is_enabled_in(SpecId::PRAGUE) && gas_limit < gas_floor {
        return invalid(InvalidTransaction::GasFloorMoreThanGasLimit {
            gas_floor,
            gas_limit,
        });
    }
    Ok(initial_gas)
}

fn compute_initial_gas(
    transaction: &TxEnvelope,
    sender: Address,
    spec: SpecId,
) -> InitialAndFloorGas {
    let env = TxEnv::from_recovered_tx(transaction, sender);
    calculate_initial_tx_gas_for_tx(&env, spec, None)
}
