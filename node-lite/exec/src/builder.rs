//! Fills a block with transactions: the same execution that everybody repeats, and what the sequencer decides, which transactions fit.
//!
//! A transaction is committed only after it is known to fit; one that does not, or that turns out invalid, leaves no trace in the access list.

use std::sync::Arc;

use alloy_consensus::{Header, TxEnvelope};
use alloy_eip7928::ITEM_COST;
use alloy_eips::{
    eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
};
use alloy_primitives::{Address, B256};
use revm::context::result::InvalidTransaction;
use sidelight_core::limits::MAX_BLOCK_TRANSACTIONS;
use sidelight_executor::{BlockError, ChainSpec, Executed, Execution, Recorded, TransactionError};

use crate::{
    error::{ChainError, short},
    evm::StateReader,
    pool::{Best, PooledTransaction},
    seal::Accessed,
};

/// EIP-7934's limit on a block's RLP, less its margin, less room for header and list headers.
const MAX_TRANSACTION_BYTES: usize = (8 << 20) - 4_096;
/// Gas below which no transaction fits.
const MIN_TX_GAS: u64 = 21_000;
/// BAL items kept free for the post-execution system calls of each request contract: its address, four counters and sixteen entries of six slots.
const REQUEST_CONTRACT_ITEMS: u64 = 101;

/// A block's content, and what executing it gave.
#[derive(Debug, Default)]
pub(crate) struct Built {
    pub(crate) transactions: Vec<TxEnvelope>,
    pub(crate) executed: Executed,
    pub(crate) accessed: Accessed,
    /// Transactions that can never be included.
    pub(crate) invalid: Vec<B256>,
}

/// Executes the block that `template` begins on the state that `reader` reads, with transactions from `best` until the block is full.
pub(crate) fn build(
    reader: StateReader<'_>,
    spec: &ChainSpec,
    template: &Header,
    mut best: Best,
) -> Result<Built, ChainError> {
    let mut recorded = Recorded::new(reader);
    let mut builder = Builder {
        execution: Execution::begin(spec, template, &mut recorded, None)?,
        bytes: 0,
        transactions: Vec::new(),
        invalid: Vec::new(),
    };
    let gas_limit = template.gas_limit;
    let max_items = (gas_limit / ITEM_COST as u64).saturating_sub(builder.reserved_items()?);
    while builder.transactions.len() < MAX_BLOCK_TRANSACTIONS
        && gas_limit.saturating_sub(builder.execution.gas_used()) >= MIN_TX_GAS
    {
        let Some(transaction) = best.next() else {
            break;
        };
        if !builder.include(&transaction, max_items)? {
            best.skip_sender();
        }
    }
    let Builder {
        execution,
        transactions,
        invalid,
        ..
    } = builder;
    let executed = execution.finish(&[], Some(&[]))?;
    Ok(Built {
        transactions,
        executed,
        accessed: Accessed {
            codes: recorded.codes().clone(),
            oldest_block: recorded.oldest_block(),
        },
        invalid,
    })
}

struct Builder<'a, 'b> {
    execution: Execution<'a, &'b mut Recorded<StateReader<'a>>>,
    /// Encoded bytes of the transactions so far.
    bytes: usize,
    transactions: Vec<TxEnvelope>,
    invalid: Vec<B256>,
}

impl Builder<'_, '_> {
    /// BAL items that the end of the block may need.
    fn reserved_items(&mut self) -> Result<u64, ChainError> {
        let contracts: [Address; 2] = [
            WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
            CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
        ];
        let mut reserved = 0;
        for contract in contracts {
            if self.execution.will_call(contract)? {
                reserved += REQUEST_CONTRACT_ITEMS;
            }
        }
        Ok(reserved)
    }

    /// Executes a transaction and commits it if it fits. `false`: it is not in the block.
    fn include(
        &mut self,
        pooled: &Arc<PooledTransaction>,
        max_items: u64,
    ) -> Result<bool, ChainError> {
        let transaction = &pooled.transaction;
        if self.bytes.saturating_add(pooled.size) > MAX_TRANSACTION_BYTES {
            return Ok(false);
        }
        let room = max_items.saturating_sub(self.execution.items());
        let included = self
            .execution
            .transact(transaction, pooled.sender, |items| items <= room);
        match included {
            Ok(true) => {
                self.bytes += pooled.size;
                self.transactions.push(transaction.clone());
                Ok(true)
            }
            Ok(false) => Ok(false),
            Err(BlockError::Transaction { error, .. }) => {
                if let TransactionError::Invalid(reason) = error {
                    self.judge(pooled, &reason);
                }
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A gap or a base fee that rose may pass; everything else stays wrong.
    fn judge(&mut self, pooled: &PooledTransaction, reason: &InvalidTransaction) {
        if matches!(
            reason,
            InvalidTransaction::NonceTooHigh { .. } | InvalidTransaction::GasPriceLessThanBasefee
        ) {
            return;
        }
        tracing::debug!(hash = %short(&pooled.hash), %reason, "transaction dropped");
        self.invalid.push(pooled.hash);
    }
}
