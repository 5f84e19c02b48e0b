//! Executes a block's transactions and system calls in revm and records the block access list (EIP-7928).
//!
//! ```text
//!  BAL index   0                    1 .. n             n + 1
//!              EIP-4788, EIP-2935   transactions       EIP-7002, EIP-7251
//! ```
//!
//! A transaction is committed only after it is known to fit; one that does not, or that turns out invalid, leaves no trace in the access list.

use std::sync::Arc;

use alloy_consensus::{Eip658Value, Receipt, ReceiptEnvelope, Transaction, TxEnvelope};
use alloy_eip7928::{AccountChanges, BlockAccessIndex, ITEM_COST};
use alloy_eips::{
    eip2935::HISTORY_STORAGE_ADDRESS, eip4788::BEACON_ROOTS_ADDRESS,
    eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, eip7002::WITHDRAWAL_REQUEST_TYPE,
    eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, eip7251::CONSOLIDATION_REQUEST_TYPE,
    eip7685::Requests,
};
use alloy_primitives::{Address, B256, Bloom, Bytes};
use revm::{
    Database, DatabaseCommit, ExecuteEvm, MainBuilder, SystemCallEvm,
    context::{BlockEnv, result::EVMError, result::ExecutionResult, result::InvalidTransaction},
    context_interface::ContextTr,
    database::State,
    handler::{MainnetContext, MainnetEvm},
    state::EvmState,
};
use sidelight_core::limits::MAX_BLOCK_TRANSACTIONS;

use crate::{
    error::{ChainError, short},
    evm::{self, StateReader},
    pool::{Best, PooledTransaction},
};

/// EIP-7934's limit on a block's RLP, less its margin, less room for header and list headers.
const MAX_TRANSACTION_BYTES: usize = (8 << 20) - 4_096;
/// Gas below which no transaction fits.
const MIN_TX_GAS: u64 = 21_000;
/// BAL items kept free for the post-execution system calls of each request contract: its address, four counters and sixteen entries of six slots.
const REQUEST_CONTRACT_ITEMS: u64 = 101;

type BlockEvm<'a> = MainnetEvm<MainnetContext<State<StateReader<'a>>>>;

/// What executing a block gave.
#[derive(Debug, Default)]
pub(crate) struct Built {
    pub(crate) transactions: Vec<TxEnvelope>,
    pub(crate) senders: Vec<Address>,
    pub(crate) receipts: Vec<ReceiptEnvelope>,
    pub(crate) gas_used: u64,
    pub(crate) logs_bloom: Bloom,
    pub(crate) requests: Requests,
    pub(crate) bal: Vec<AccountChanges>,
    /// Transactions that can never be included.
    pub(crate) invalid: Vec<B256>,
}

/// Executes the block that `env` describes on the state that `reader` reads, with transactions from `best` until the block is full.
pub(crate) fn build(
    reader: StateReader<'_>,
    chain_id: u64,
    env: BlockEnv,
    parent_hash: B256,
    mut best: Best,
) -> Result<Built, ChainError> {
    let gas_limit = env.gas_limit;
    let db = State::builder()
        .with_database(reader)
        .with_bal_builder()
        .build();
    let mut builder = Builder {
        evm: evm::context(db, evm::cfg_env(chain_id), env).build_mainnet(),
        items: 0,
        bytes: 0,
        built: Built::default(),
    };
    builder.call_if_deployed(BEACON_ROOTS_ADDRESS, Bytes::from_static(&[0; 32]))?;
    builder.call_if_deployed(HISTORY_STORAGE_ADDRESS, parent_hash.into())?;

    let mut reserved = 0;
    for contract in [
        WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
        CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
    ] {
        if builder.is_deployed(contract)? {
            reserved += REQUEST_CONTRACT_ITEMS;
        }
    }
    let max_items = (gas_limit / ITEM_COST as u64).saturating_sub(reserved);
    while builder.built.transactions.len() < MAX_BLOCK_TRANSACTIONS
        && gas_limit.saturating_sub(builder.built.gas_used) >= MIN_TX_GAS
    {
        let Some(transaction) = best.next() else {
            break;
        };
        if !builder.include(&transaction, gas_limit, max_items)? {
            best.skip_sender();
        }
    }

    builder.set_index(builder.built.transactions.len() + 1);
    for (contract, kind) in [
        (
            WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
            WITHDRAWAL_REQUEST_TYPE,
        ),
        (
            CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
            CONSOLIDATION_REQUEST_TYPE,
        ),
    ] {
        let requests = builder.call_if_deployed(contract, Bytes::new())?;
        if !requests.is_empty() {
            builder
                .built
                .requests
                .push_request_with_type(kind, requests);
        }
    }
    let Builder {
        mut evm, mut built, ..
    } = builder;
    built.bal = evm
        .ctx
        .journaled_state
        .database
        .take_built_alloy_bal()
        .unwrap_or_default();
    Ok(built)
}

struct Builder<'a> {
    evm: BlockEvm<'a>,
    /// BAL items so far: addresses and distinct slots.
    items: u64,
    /// Encoded bytes of the transactions so far.
    bytes: usize,
    built: Built,
}

impl Builder<'_> {
    fn set_index(&mut self, index: usize) {
        self.evm
            .ctx
            .db_mut()
            .set_bal_index(BlockAccessIndex::new(index as u64));
    }

    /// Executes a transaction and commits it if it fits. `false`: it is not in the block.
    fn include(
        &mut self,
        pooled: &Arc<PooledTransaction>,
        gas_limit: u64,
        max_items: u64,
    ) -> Result<bool, ChainError> {
        let transaction = &pooled.transaction;
        let gas_left = gas_limit.saturating_sub(self.built.gas_used);
        if transaction.gas_limit() > gas_left
            || self.bytes.saturating_add(pooled.size) > MAX_TRANSACTION_BYTES
        {
            return Ok(false);
        }
        self.set_index(self.built.transactions.len() + 1);
        let outcome = match self.evm.transact(evm::tx_env(transaction, pooled.sender)) {
            Ok(outcome) => outcome,
            Err(EVMError::Transaction(reason)) => {
                // A gap or a base fee that rose may pass; everything else stays wrong.
                if !matches!(
                    reason,
                    InvalidTransaction::NonceTooHigh { .. }
                        | InvalidTransaction::GasPriceLessThanBasefee
                ) {
                    tracing::debug!(hash = %short(&pooled.hash), %reason, "transaction dropped");
                    self.built.invalid.push(pooled.hash);
                }
                return Ok(false);
            }
            Err(error) => return Err(ChainError::Execution(error.to_string())),
        };
        let items = self.count_new_items(&outcome.state);
        if self.items.saturating_add(items) > max_items {
            return Ok(false);
        }
        self.items += items;
        self.bytes += pooled.size;
        self.commit(pooled, outcome.result, outcome.state);
        Ok(true)
    }

    fn commit(&mut self, pooled: &PooledTransaction, result: ExecutionResult, state: EvmState) {
        self.built.gas_used += result.tx_gas_used();
        let receipt = Receipt {
            status: Eip658Value::Eip658(result.is_success()),
            cumulative_gas_used: self.built.gas_used,
            logs: result.into_logs(),
        };
        let receipt = receipt.with_bloom();
        self.built.logs_bloom |= receipt.logs_bloom;
        self.built.receipts.push(ReceiptEnvelope::from_typed(
            pooled.transaction.tx_type(),
            receipt,
        ));
        self.built.transactions.push(pooled.transaction.clone());
        self.built.senders.push(pooled.sender);
        self.evm.ctx.db_mut().commit(state);
    }

    /// Addresses and slots that `state` would add to the access list.
    fn count_new_items(&mut self, state: &EvmState) -> u64 {
        let listed = self.evm.ctx.db_mut().bal_state.bal_builder.as_ref();
        let mut items = 0;
        for (address, account) in state {
            let known = listed.and_then(|bal| bal.accounts.get(address));
            items += u64::from(known.is_none());
            items += account
                .storage
                .keys()
                .filter(|slot| {
                    !known.is_some_and(|known| known.storage.storage.contains_key(*slot))
                })
                .count() as u64;
        }
        items
    }

    fn is_deployed(&mut self, contract: Address) -> Result<bool, ChainError> {
        let account = self
            .evm
            .ctx
            .db_mut()
            .basic(contract)
            .map_err(|error| ChainError::Execution(error.to_string()))?;
        Ok(account.is_some_and(|account| !account.is_empty_code_hash()))
    }

    /// A system call, if there is a contract to call. Returns what it returned.
    fn call_if_deployed(&mut self, contract: Address, data: Bytes) -> Result<Bytes, ChainError> {
        if !self.is_deployed(contract)? {
            return Ok(Bytes::new());
        }
        let outcome = self
            .evm
            .system_call(contract, data)
            .map_err(|error| ChainError::Execution(error.to_string()))?;
        let output = match outcome.result {
            ExecutionResult::Success { output, .. } => output.into_data(),
            ExecutionResult::Revert { .. } => {
                return Err(ChainError::Execution(format!(
                    "system call to {contract} reverted"
                )));
            }
            ExecutionResult::Halt { reason, .. } => {
                return Err(ChainError::Execution(format!(
                    "system call to {contract} failed: {reason}"
                )));
            }
        };
        self.items += self.count_new_items(&outcome.state);
        self.evm.ctx.db_mut().commit(outcome.state);
        Ok(output)
    }
}
