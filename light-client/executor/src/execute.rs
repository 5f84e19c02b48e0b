//! Executes a block in revm and records its block access list (EIP-7928).
//!
//! ```text
//!  BAL index   0                    1 .. n             n + 1
//!              EIP-2935, EIP-4788   transactions       EIP-7002, EIP-7251, rewards, withdrawals
//! ```

use std::sync::Arc;

use alloy_consensus::{Eip658Value, Header, Receipt, ReceiptEnvelope, Transaction, TxEnvelope};
use alloy_eip7928::AccountChanges;
use alloy_eips::{
    eip4895::Withdrawal,
    eip7002::{WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_TYPE},
    eip7251::{CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_TYPE},
    eip7685::Requests,
};
use alloy_evm::{
    EthEvm, Evm, EvmEnv, FromRecoveredTx,
    block::{BlockExecutionError, SystemCaller, state_changes::post_block_balance_increments},
    eth::{dao_fork, eip6110},
};
use alloy_hardforks::{EthereumHardforks, ForkCondition};
use alloy_primitives::{Address, B256, Bloom, Bytes, U256};
use revm::{
    Context, Database, DatabaseCommit, MainBuilder, MainContext,
    context::{TxEnv, result::EVMError, result::InvalidTransaction},
    context_interface::ContextTr,
    database::{State, states::bundle_state::BundleRetention},
    database_interface::{DatabaseCommitExt, bal::EvmDatabaseError},
    handler::EthPrecompiles,
    inspector::NoOpInspector,
    primitives::hardfork::SpecId,
    state::{
        EvmState,
        bal::{Bal, BlockAccessIndex},
    },
};
use sidelight_core::{execution::REQUEST_CONTRACTS, state::StateError};

use crate::{
    account::mend_extcodehash,
    block::DecodedBlock,
    error::{BlockError, TransactionError},
    history::mark_created_empty,
    spec::{ChainSpec, Fork},
    transaction::recover_sender,
};

/// What executing a block gave.
#[derive(Clone, Debug, Default)]
pub struct Executed {
    /// Senders of the transactions, recovered here.
    pub senders: Vec<Address>,
    /// Receipts of the transactions.
    pub receipts: Vec<ReceiptEnvelope>,
    /// Gas of all transactions.
    pub gas_used: u64,
    /// The union of the receipts' blooms.
    pub logs_bloom: Bloom,
    /// What the block requests of the consensus layer (EIP-7685); empty before Prague.
    pub requests: Requests,
    /// Every access and change, in canonical order.
    pub bal: Vec<AccountChanges>,
}

/// Bounds on a database that blocks are executed over.
pub trait StateSource:
    Database<Error: core::error::Error + Send + Sync + 'static> + core::fmt::Debug
{
}

impl<T: Database<Error: core::error::Error + Send + Sync + 'static> + core::fmt::Debug> StateSource
    for T
{
}

/// The state root after some of a block's changes. Only receipts before Byzantium hold one, and only for them is it asked.
pub type Roots<'a> = &'a mut dyn FnMut(&[AccountChanges]) -> Result<B256, StateError>;

type BlockEvm<DB> = EthEvm<State<DB>, NoOpInspector, EthPrecompiles>;
type RunError<DB> = EVMError<EvmDatabaseError<<DB as Database>::Error>>;

/// Executes a block over the state before it. With `bal`, each read is answered from that list where it has a value, and an access that it does not name fails the block.
///
/// Neither the block's roots nor its parent are looked at: see [`crate::verify_body`], [`crate::verify_header_rules`] and [`crate::verify_outcome`].
pub fn execute_block<DB: StateSource>(
    spec: &ChainSpec,
    decoded: &DecodedBlock,
    db: DB,
    bal: Option<&[AccountChanges]>,
    roots: Roots<'_>,
) -> Result<Executed, BlockError> {
    let header = &decoded.block.header;
    let body = &decoded.block.body;
    let mut execution = Execution::begin(spec, header, db, bal)?;
    execution.roots = Some(roots);
    let id = spec.spec_id(header.number, header.timestamp);
    for (index, transaction) in body.transactions.iter().enumerate() {
        recover_sender(transaction, spec.chain_id, id)
            .map_err(invalid)
            .and_then(|sender| execution.transact(transaction, sender, |_| true))
            .map_err(|error| place(index, error))?;
    }
    let withdrawals = body.withdrawals.as_ref().map(|list| list.as_slice());
    execution.finish(&body.ommers, withdrawals)
}

/// A block in the making: begun, transaction after transaction, finished. The sequencer builds blocks with it, and everybody else repeats them with it.
#[expect(missing_debug_implementations, reason = "revm's machine has none")]
pub struct Execution<'a, DB: StateSource> {
    spec: &'a ChainSpec,
    header: &'a Header,
    evm: BlockEvm<DB>,
    done: Executed,
    items: u64,
    roots: Option<Roots<'a>>,
}

impl<'a, DB: StateSource> Execution<'a, DB> {
    /// Makes the system calls before the first transaction. Of the header, only what is known before execution is read.
    pub fn begin(
        spec: &'a ChainSpec,
        header: &'a Header,
        db: DB,
        bal: Option<&[AccountChanges]>,
    ) -> Result<Self, BlockError> {
        let id = spec.spec_id(header.number, header.timestamp);
        let state = State::builder().with_database(db).with_bal_builder();
        // Whether an account is there and empty shows in the bundle only.
        let state = if id.is_enabled_in(SpecId::SPURIOUS_DRAGON) {
            state
        } else {
            state.with_bundle_update()
        };
        let state = match bal {
            Some(bal) => {
                let bal = Bal::clone_from_alloy(bal)
                    .map_err(|error| BlockError::OutsideAccessList(error.to_string()))?;
                state.with_bal(Arc::new(bal)).build()
            }
            None => state.build(),
        };
        let blobs = spec.blob_params_at(header.timestamp);
        let EvmEnv { cfg_env, block_env } =
            EvmEnv::for_eth_block(header, spec, spec.chain_id, blobs);
        let mut evm = Context::mainnet()
            .with_block(block_env)
            .with_cfg(cfg_env)
            .with_db(state)
            .build_mainnet_with_inspector(NoOpInspector {});
        mend_extcodehash(&mut evm.instruction);
        let mut execution = Self {
            spec,
            header,
            evm: EthEvm::new(evm, false),
            done: Executed::default(),
            items: 0,
            roots: None,
        };
        let mut system = SystemCaller::new(spec);
        system
            .apply_blockhashes_contract_call(header.parent_hash, &mut execution.evm)
            .map_err(|error| system_error("EIP-2935", &error))?;
        system
            .apply_beacon_root_contract_call(header.parent_beacon_block_root, &mut execution.evm)
            .map_err(|error| system_error("EIP-4788", &error))?;
        execution.items = execution.count_listed();
        Ok(execution)
    }

    /// Gas of the transactions so far.
    #[must_use]
    pub const fn gas_used(&self) -> u64 {
        self.done.gas_used
    }

    /// Transactions so far.
    #[must_use]
    pub const fn transactions(&self) -> usize {
        self.done.receipts.len()
    }

    /// Accounts and slots in the access list so far.
    #[must_use]
    pub const fn items(&self) -> u64 {
        self.items
    }

    /// Whether a system contract of the end of the block (EIP-7002, EIP-7251) is there to be called.
    pub fn will_call(&mut self, contract: Address) -> Result<bool, BlockError> {
        let state = self.evm.db_mut();
        state.set_allow_bal_db_fallback(true);
        let account = state.basic(contract);
        state.set_allow_bal_db_fallback(false);
        let account = account.map_err(|error| run_error::<DB>(EVMError::Database(error)))?;
        Ok(account.is_some_and(|account| !account.is_empty_code_hash()))
    }

    /// Makes the system calls after the last transaction, and pays rewards and withdrawals.
    pub fn finish(
        mut self,
        ommers: &[Header],
        withdrawals: Option<&[Withdrawal]>,
    ) -> Result<Executed, BlockError> {
        self.set_index(self.transactions().saturating_add(1));
        if self.is_active(Fork::Prague) {
            self.collect_requests()?;
        }
        self.pay_out(ommers, withdrawals)?;
        let bal = self.changes();
        let mut done = self.done;
        done.bal = bal;
        Ok(done)
    }

    /// The access list so far.
    fn changes(&mut self) -> Vec<AccountChanges> {
        let has_bundle = !self.is_active(Fork::SpuriousDragon);
        let state = self.evm.db_mut();
        let built = state.bal_state.bal_builder.clone().unwrap_or_default();
        let mut bal = built.into_alloy_bal();
        if has_bundle {
            state.merge_transitions(BundleRetention::PlainState);
            let at = state.bal_state.bal_index();
            mark_created_empty(&mut bal, &state.bundle_state, at);
        }
        bal
    }

    fn is_active(&self, fork: Fork) -> bool {
        self.spec
            .is_active(fork, self.header.number, self.header.timestamp)
    }

    fn set_index(&mut self, index: usize) {
        let index = BlockAccessIndex::new(index as u64);
        self.evm.db_mut().set_bal_index(index);
    }

    /// Executes a transaction and, if `admit` takes the new accounts and slots that it touches, commits it. `false`: it left no trace.
    pub fn transact(
        &mut self,
        transaction: &TxEnvelope,
        sender: Address,
        admit: impl FnOnce(u64) -> bool,
    ) -> Result<bool, BlockError> {
        let left = self.header.gas_limit.saturating_sub(self.done.gas_used);
        if transaction.gas_limit() > left {
            let (expected, got) = (left, transaction.gas_limit());
            return Err(invalid(TransactionError::GasAllowance { expected, got }));
        }
        self.set_index(self.transactions().saturating_add(1));
        let env = TxEnv::from_recovered_tx(transaction, sender);
        let outcome = self.evm.transact_raw(env).map_err(run_error::<DB>)?;
        let items = self.count_new_items(&outcome.state);
        if !admit(items) {
            return Ok(false);
        }
        self.items = self.items.saturating_add(items);
        let result = outcome.result;
        self.done.gas_used = self.done.gas_used.saturating_add(result.tx_gas_used());
        let is_success = result.is_success();
        let logs = result.into_logs();
        self.evm.db_mut().commit(outcome.state);
        let status = if self.is_active(Fork::Byzantium) {
            Eip658Value::Eip658(is_success)
        } else {
            let changes = self.changes();
            match &mut self.roots {
                Some(roots) => Eip658Value::PostState(roots(&changes)?),
                None => Eip658Value::PostState(B256::ZERO),
            }
        };
        let receipt = Receipt {
            status,
            cumulative_gas_used: self.done.gas_used,
            logs,
        };
        let receipt = receipt.with_bloom();
        self.done.logs_bloom |= receipt.logs_bloom;
        let receipt = ReceiptEnvelope::from_typed(transaction.tx_type(), receipt);
        self.done.receipts.push(receipt);
        self.done.senders.push(sender);
        Ok(true)
    }

    fn count_listed(&self) -> u64 {
        let listed = self.evm.ctx().db_ref().bal_state.bal_builder.as_ref();
        let accounts = listed.into_iter().flat_map(|bal| bal.accounts.values());
        let slots = accounts.map(|account| account.storage.storage.len() as u64);
        slots.fold(0, |sum, slots| sum.saturating_add(slots).saturating_add(1))
    }

    /// Accounts and slots that `state` would add to the access list.
    fn count_new_items(&self, state: &EvmState) -> u64 {
        let listed = self.evm.ctx().db_ref().bal_state.bal_builder.as_ref();
        let mut items = 0_u64;
        for (address, account) in state {
            let known = listed.and_then(|bal| bal.accounts.get(address));
            let is_new = |slot: &&U256| {
                !known.is_some_and(|known| known.storage.storage.contains_key(*slot))
            };
            let slots = account.storage.keys().filter(is_new).count() as u64;
            items = items
                .saturating_add(u64::from(known.is_none()))
                .saturating_add(slots);
        }
        items
    }

    /// EIP-6110, EIP-7002 and EIP-7251.
    fn collect_requests(&mut self) -> Result<(), BlockError> {
        let mut system = SystemCaller::new(self.spec);
        let mut requests = Requests::default();
        let mut deposits = Vec::new();
        if let Some(contract) = self.spec.deposit_contract {
            eip6110::accumulate_deposits_from_receipts(
                contract,
                &self.done.receipts,
                &mut deposits,
            )
            .map_err(|error| BlockError::SystemCall {
                contract: "EIP-6110",
                reason: error.to_string(),
            })?;
        }
        if !deposits.is_empty() {
            requests.push_request_with_type(eip6110::DEPOSIT_REQUEST_TYPE, Bytes::from(deposits));
        }
        if self.is_deployed("EIP-7002", WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS)? {
            let data = system
                .apply_withdrawal_requests_contract_call(&mut self.evm)
                .map_err(|error| system_error("EIP-7002", &error))?;
            if !data.is_empty() {
                requests.push_request_with_type(WITHDRAWAL_REQUEST_TYPE, data);
            }
        }
        if self.is_deployed("EIP-7251", CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS)? {
            let data = system
                .apply_consolidation_requests_contract_call(&mut self.evm)
                .map_err(|error| system_error("EIP-7251", &error))?;
            if !data.is_empty() {
                requests.push_request_with_type(CONSOLIDATION_REQUEST_TYPE, data);
            }
        }
        self.done.requests = requests;
        Ok(())
    }

    /// Whether there is a contract to call. Looking is no access in the sense of EIP-7928, so it may look beyond the list.
    fn is_deployed(&mut self, name: &'static str, contract: Address) -> Result<bool, BlockError> {
        let deployed = self.will_call(contract)?;
        if !deployed && self.spec.requires_request_contracts {
            return Err(BlockError::SystemCall {
                contract: name,
                reason: "there is no contract".to_owned(),
            });
        }
        Ok(deployed)
    }

    /// Rewards before Paris, withdrawals since Shanghai, and the DAO's irregular change (EIP-779).
    fn pay_out(
        &mut self,
        ommers: &[Header],
        withdrawals: Option<&[Withdrawal]>,
    ) -> Result<(), BlockError> {
        let mut increments =
            post_block_balance_increments(self.spec, self.evm.block(), ommers, withdrawals);
        let number = self.header.number;
        let dao = self.spec.ethereum_fork_activation(Fork::Dao);
        let state = self.evm.db_mut();
        let failed = |error| run_error::<DB>(EVMError::Database(error));
        if dao == ForkCondition::Block(number) {
            let drained = state
                .drain_balances(dao_fork::DAO_HARDFORK_ACCOUNTS)
                .map_err(failed)?;
            let sum = drained.into_iter().fold(0_u128, u128::saturating_add);
            let beneficiary = increments.entry(dao_fork::DAO_HARDFORK_BENEFICIARY);
            let paid = beneficiary.or_default();
            *paid = paid.saturating_add(sum);
        }
        state.increment_balances(increments).map_err(failed)
    }
}

/// Accounts that executing the block looks at beyond its access list, so that a witness must prove them: the request contracts, from Prague on.
#[must_use]
pub fn request_contracts(spec: &ChainSpec, header: &Header) -> &'static [Address] {
    if spec.is_active(Fork::Prague, header.number, header.timestamp) {
        &REQUEST_CONTRACTS
    } else {
        &[]
    }
}

fn invalid(error: TransactionError) -> BlockError {
    BlockError::Transaction { index: 0, error }
}

/// Gives an error about a transaction the transaction's index.
fn place(index: usize, error: BlockError) -> BlockError {
    match error {
        BlockError::Transaction { error, .. } => BlockError::Transaction { index, error },
        other => other,
    }
}

fn run_error<DB: Database>(error: RunError<DB>) -> BlockError {
    match error {
        EVMError::Transaction(reason) => invalid(TransactionError::Invalid(reason)),
        EVMError::Database(EvmDatabaseError::Bal(error)) => {
            BlockError::OutsideAccessList(error.to_string())
        }
        EVMError::Database(EvmDatabaseError::Database(error)) => {
            BlockError::Database(Box::new(error))
        }
        EVMError::Header(error) => invalid(TransactionError::Invalid(InvalidTransaction::from(
            error.to_string(),
        ))),
        EVMError::Custom(reason) => BlockError::Machine(reason),
        EVMError::CustomAny(error) => BlockError::Machine(error.to_string()),
    }
}

fn system_error(contract: &'static str, error: &BlockExecutionError) -> BlockError {
    BlockError::SystemCall {
        contract,
        reason: error.to_string(),
    }
}
