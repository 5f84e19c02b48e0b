//! `eth_call`: one message on top of a block, with geth's rules for what it need not pay.

use revm::{
    Context, ExecuteEvm, MainBuilder, MainContext,
    context::{
        TxEnv,
        result::{EVMError, ExecutionResult, HaltReason, InvalidTransaction},
        transaction::{AccessList, AccessListItem},
    },
    primitives::{Address, B256, Bytes, TxKind, U256},
};

use crate::{
    block::BlockContext,
    database::{Database, Missing, Stop},
    limits::DEFAULT_GAS_CAP,
    revert::decode_reason,
    state::ProvenState,
};

/// What a request offers to pay. Without it nothing is charged and the base fee is zero, as in geth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// `maxFeePerGas`, or `gasPrice`, in wei.
    pub max_fee: u128,
    /// `maxPriorityFeePerGas` in wei; `None` for a plain `gasPrice`.
    pub priority_fee: Option<u128>,
}

/// One entry of an EIP-2930 access list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessListEntry {
    /// The account.
    pub address: Address,
    /// Its slots.
    pub slots: Vec<B256>,
}

/// The transaction object of `eth_call` and `eth_estimateGas`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallRequest {
    /// Sender; zero when not given. No signature is asked for.
    pub from: Address,
    /// Receiver; `None` creates a contract.
    pub to: Option<Address>,
    /// Gas limit; [`DEFAULT_GAS_CAP`] when not given, and never more.
    pub gas: Option<u64>,
    /// What it pays.
    pub fees: Option<Fees>,
    /// Wei sent along.
    pub value: U256,
    /// Input.
    pub data: Bytes,
    /// Must be the block's chain id when given.
    pub chain_id: Option<u64>,
    /// Access list, also a hint for what to prove first.
    pub access_list: Vec<AccessListEntry>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned.
    Success {
        /// Returned bytes; the code for a creation.
        output: Bytes,
        /// Gas that a receipt would show.
        gas_used: u64,
        /// Gas given back by refunds, which a limit must cover nevertheless.
        gas_refunded: u64,
    },
    /// It reverted.
    Revert {
        /// The revert's bytes.
        output: Bytes,
        /// Solidity's reason, if it is one.
        reason: Option<String>,
        /// Gas used.
        gas_used: u64,
    },
    /// It stopped with an exception and used all its gas.
    Halt {
        /// Why, in geth's words.
        reason: String,
        /// True if more gas might have helped.
        out_of_gas: bool,
        /// Gas used.
        gas_used: u64,
    },
    /// The request can be no transaction on this block.
    Invalid {
        /// Why.
        reason: String,
        /// True if more gas might have helped.
        out_of_gas: bool,
    },
    /// More state is needed; nothing else is known.
    Missing(Missing),
}

/// Runs a request on top of a block.
///
/// The result depends on nothing but proven values: a run that needed an unproven one is [`Outcome::Missing`].
pub fn run_call(block: &BlockContext, request: &CallRequest, state: &ProvenState) -> Outcome {
    let gas = request.gas.unwrap_or(DEFAULT_GAS_CAP).min(DEFAULT_GAS_CAP);
    let missing = first_needs(request, state);
    if !missing.is_empty() {
        return Outcome::Missing(missing);
    }
    execute(block, request, state, gas)
}

/// What every run of this request reads, so that the first round already asks for all of it.
pub(crate) fn first_needs(request: &CallRequest, state: &ProvenState) -> Missing {
    let mut missing = Missing::default();
    let accounts = [Some(request.from), request.to];
    let listed = request.access_list.iter().map(|entry| entry.address);
    for address in accounts.into_iter().flatten().chain(listed) {
        match state.account(address) {
            None => missing.add_account(address),
            Some(Some(account))
                if account.has_code() && state.code(account.code_hash).is_none() =>
            {
                missing.add_code(address, account.code_hash);
            }
            Some(_) => {}
        }
    }
    for entry in &request.access_list {
        for slot in &entry.slots {
            let slot = U256::from_be_bytes(slot.0);
            if state.slot(entry.address, slot).is_none() {
                missing.add_slot(entry.address, slot);
            }
        }
    }
    missing
}

pub(crate) fn execute(
    block: &BlockContext,
    request: &CallRequest,
    state: &ProvenState,
    gas: u64,
) -> Outcome {
    let pays = request.fees.is_some_and(|fees| fees.max_fee > 0);
    let mut missing = Missing::default();
    let result = {
        let mut evm = Context::mainnet()
            .with_db(Database::new(state, &mut missing))
            .with_block(block.env(pays))
            .with_cfg(block.cfg(pays))
            .build_mainnet();
        evm.transact_one(transaction(block, request, gas))
    };
    if !missing.is_empty() {
        return Outcome::Missing(missing);
    }
    match result {
        Ok(result) => outcome(result),
        Err(error) => invalid(error),
    }
}

fn transaction(block: &BlockContext, request: &CallRequest, gas: u64) -> TxEnv {
    let access_list: Vec<AccessListItem> = request
        .access_list
        .iter()
        .map(|entry| AccessListItem {
            address: entry.address,
            storage_keys: entry.slots.clone(),
        })
        .collect();
    let mut tx = TxEnv {
        tx_type: 0,
        caller: request.from,
        gas_limit: gas,
        gas_price: request.fees.map_or(0, |fees| fees.max_fee),
        kind: request.to.map_or(TxKind::Create, TxKind::Call),
        value: request.value,
        data: request.data.clone(),
        nonce: 0,
        chain_id: Some(request.chain_id.unwrap_or(block.chain_id)),
        access_list: AccessList(access_list),
        gas_priority_fee: request.fees.and_then(|fees| fees.priority_fee),
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: Vec::new(),
    };
    // It can only fail for the blob and authorization fields, which are empty.
    let _ = tx.derive_tx_type();
    tx
}

fn outcome(result: ExecutionResult) -> Outcome {
    let gas_used = result.tx_gas_used();
    match result {
        ExecutionResult::Success { gas, output, .. } => Outcome::Success {
            output: output.into_data(),
            gas_used,
            gas_refunded: gas.final_refunded(),
        },
        ExecutionResult::Revert { output, .. } => Outcome::Revert {
            reason: decode_reason(&output),
            output,
            gas_used,
        },
        ExecutionResult::Halt { reason, .. } => Outcome::Halt {
            out_of_gas: matches!(reason, HaltReason::OutOfGas(_)),
            reason: halt_reason(&reason).to_owned(),
            gas_used,
        },
    }
}

/// geth's words, which tools match on.
const fn halt_reason(reason: &HaltReason) -> &'static str {
    match reason {
        HaltReason::OutOfGas(_) => "out of gas",
        HaltReason::OpcodeNotFound | HaltReason::NotActivated => "invalid opcode",
        HaltReason::InvalidFEOpcode => "invalid opcode: INVALID",
        HaltReason::InvalidJump => "invalid jump destination",
        HaltReason::StackUnderflow => "stack underflow",
        HaltReason::StackOverflow => "stack limit reached 1024",
        HaltReason::OutOfOffset => "return data out of bounds",
        HaltReason::CreateCollision => "contract address collision",
        HaltReason::NonceOverflow => "nonce uint64 overflow",
        HaltReason::CreateContractSizeLimit => "max code size exceeded",
        HaltReason::CreateContractStartingWithEF => "invalid code: must not begin with 0xef",
        HaltReason::CreateInitCodeSizeLimit => "max initcode size exceeded",
        HaltReason::StateChangeDuringStaticCall | HaltReason::CallNotAllowedInsideStatic => {
            "write protection"
        }
        HaltReason::OutOfFunds => "insufficient balance for transfer",
        HaltReason::CallTooDeep => "max call depth exceeded",
        HaltReason::PrecompileError | HaltReason::PrecompileErrorWithContext(_) => {
            "precompile failed"
        }
        HaltReason::OverflowPayment => "payment overflow",
    }
}

fn invalid(error: EVMError<Stop>) -> Outcome {
    let out_of_gas = matches!(
        error,
        EVMError::Transaction(
            InvalidTransaction::CallGasCostMoreThanGasLimit { .. }
                | InvalidTransaction::GasFloorMoreThanGasLimit { .. }
        )
    );
    let reason = match error {
        EVMError::Transaction(InvalidTransaction::LackOfFundForMaxFee { fee, balance }) => {
            format!("insufficient funds for gas * price + value: have {balance} want {fee}")
        }
        EVMError::Transaction(error) => error.to_string(),
        other => other.to_string(),
    };
    Outcome::Invalid { reason, out_of_gas }
}
