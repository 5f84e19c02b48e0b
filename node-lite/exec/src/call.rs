//! Read-only execution: `eth_call`, `eth_estimateGas`, `eth_createAccessList`. Semantics and texts are geth's.

use alloy_eips::{BlockId, eip2930::AccessList, eip2930::AccessListItem};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use alloy_rpc_types_eth::{
    BlockOverrides, TransactionRequest, state::AccountOverride, state::StateOverride,
};
use revm::{
    DatabaseRef, ExecuteEvm, MainBuilder,
    bytecode::Bytecode,
    context::{
        BlockEnv, CfgEnv, TxEnv,
        either::Either,
        result::{
            EVMError, ExecutionResult, HaltReason, InvalidTransaction, OutOfGasError,
            ResultAndState,
        },
    },
    context_interface::block::BlobExcessGasAndPrice,
    database::CacheDB,
    precompile::{PrecompileSpecId, Precompiles},
    primitives::hardfork::SpecId,
};

use crate::{
    error::CallError,
    evm::{self, StateReader},
    view::ChainView,
};

/// A plain transfer's gas.
const TRANSFER_GAS: u64 = 21_000;
/// Gas that a call with value hands down for free.
const CALL_STIPEND: u64 = 2_300;
/// EIP-7825.
const MAX_TX_GAS: u64 = 1 << 24;
/// Most rounds until an access list does not change any more.
const MAX_ACCESS_LIST_ROUNDS: usize = 16;

/// What a read-only execution sees differently from the block it runs on.
#[derive(Clone, Debug, Default)]
pub struct CallOverrides {
    /// Accounts, as geth's third parameter of `eth_call`.
    pub state: Option<StateOverride>,
    /// Block environment, as geth's fourth parameter of `eth_call`.
    pub block: Option<BlockOverrides>,
}

/// What `eth_createAccessList` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessListOutcome {
    /// Sorted by address and slot.
    pub access_list: AccessList,
    /// Gas that the transaction uses with this list.
    pub gas_used: u64,
    /// Why it fails, if it does.
    pub error: Option<String>,
}

pub(crate) fn call(
    chain: &ChainView,
    request: &TransactionRequest,
    at: BlockId,
    overrides: &CallOverrides,
) -> Result<Bytes, CallError> {
    let mut scene = Scene::new(chain, request, at, overrides)?;
    let limit = scene.gas_cap(request.gas.unwrap_or(u64::MAX));
    into_output(scene.run(limit)?.result)
}

pub(crate) fn estimate_gas(
    chain: &ChainView,
    request: &TransactionRequest,
    at: BlockId,
    overrides: &CallOverrides,
) -> Result<u64, CallError> {
    let mut scene = Scene::new(chain, request, at, overrides)?;
    let asked = request
        .gas
        .filter(|gas| *gas >= TRANSFER_GAS)
        .unwrap_or(scene.block.gas_limit);
    let mut high = scene.gas_cap(asked.min(scene.max_tx_gas()));
    if let Some(allowance) = scene.affordable_gas()? {
        high = high.min(allowance);
    }
    if scene.is_plain_transfer()? && scene.succeeds(TRANSFER_GAS)? {
        return Ok(TRANSFER_GAS);
    }
    let result = match scene.run(high) {
        Ok(outcome) => outcome.result,
        Err(Failure::NeedsGas) => return Err(CallError::GasAboveAllowance { cap: high }),
        Err(Failure::Other(error)) => return Err(error),
    };
    if let ExecutionResult::Halt {
        reason: HaltReason::OutOfGas(_),
        ..
    } = result
    {
        return Err(CallError::GasAboveAllowance { cap: high });
    }
    let gas = *result.gas();
    into_output(result)?;

    // The gas used is a lower bound; with the refund, the stipend and the 64th that every call keeps back it is usually enough.
    let mut low = gas.tx_gas_used().saturating_sub(1);
    let optimistic = gas
        .total_gas_spent()
        .saturating_add(CALL_STIPEND)
        .saturating_mul(64)
        / 63;
    if optimistic < high {
        if scene.succeeds(optimistic)? {
            high = optimistic
        } else {
            low = optimistic
        }
    }
    while low + 1 < high {
        // Within 1.5 % is near enough, as in geth.
        if (high - low).saturating_mul(1_000) < high.saturating_mul(15) {
            break;
        }
        // Most transactions need little more than they use, so look near the low end first.
        let middle = (low + (high - low) / 2).min(low.saturating_mul(2).max(low + 1));
        if scene.succeeds(middle)? {
            high = middle
        } else {
            low = middle
        }
    }
    Ok(high)
}

pub(crate) fn create_access_list(
    chain: &ChainView,
    request: &TransactionRequest,
    at: BlockId,
    overrides: &CallOverrides,
) -> Result<AccessListOutcome, CallError> {
    let mut scene = Scene::new(chain, request, at, overrides)?;
    let asked = request.gas.unwrap_or(scene.block.gas_limit);
    let limit = scene.gas_cap(asked.min(scene.max_tx_gas()));
    let mut list = request.access_list.clone().unwrap_or_default();
    for _ in 0..MAX_ACCESS_LIST_ROUNDS {
        scene.tx.access_list = list.clone();
        // A list makes it at least an EIP-2930 transaction.
        scene.tx.tx_type = scene.tx.tx_type.max(1);
        let outcome = scene.run(limit)?;
        let touched = scene.touched(&outcome);
        if touched == list {
            let gas_used = outcome.result.tx_gas_used();
            let error = into_output(outcome.result)
                .err()
                .map(|error| error.to_string());
            return Ok(AccessListOutcome {
                access_list: list,
                gas_used,
                error,
            });
        }
        list = touched;
    }
    Err(CallError::Invalid(
        "the access list does not settle".to_owned(),
    ))
}

/// A request on a state and a block, ready to run at any gas limit.
struct Scene<'a> {
    db: CacheDB<StateReader<'a>>,
    cfg: CfgEnv,
    block: BlockEnv,
    tx: TxEnv,
    gas_cap: u64,
    /// Whether the sender named a gas price, and so must be able to pay.
    is_priced: bool,
}

/// Why a run has no result.
enum Failure {
    /// The gas limit is below what the transaction must have to start.
    NeedsGas,
    Other(CallError),
}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NeedsGas => Self::Invalid("intrinsic gas too low".to_owned()),
            Failure::Other(error) => error,
        }
    }
}

impl<'a> Scene<'a> {
    fn new(
        chain: &'a ChainView,
        request: &TransactionRequest,
        at: BlockId,
        overrides: &CallOverrides,
    ) -> Result<Self, CallError> {
        let header = chain.block(at)?;
        let (mut cfg, mut block) = evm::environment(chain.spec(), header.header());
        let state = chain.state_at(header.hash.into())?;
        let mut db = CacheDB::new(chain.reader(state));
        if let Some(overrides) = &overrides.block {
            override_block(overrides, &mut block, &mut db);
        }
        for (address, account) in overrides.state.iter().flatten() {
            override_account(*address, account, &mut db)?;
        }
        // A call is not a transaction: nobody signed it, and no block has to hold it.
        cfg.disable_nonce_check = true;
        cfg.disable_eip3607 = true;
        cfg.disable_block_gas_limit = true;
        cfg.tx_gas_limit_cap = Some(u64::MAX);
        let tx = to_tx_env(request, chain, &block)?;
        if tx.tx_type == 3 && tx.max_fee_per_blob_gas == 0 {
            // As with gas: without a price nobody pays for blobs.
            block.blob_excess_gas_and_price =
                block
                    .blob_excess_gas_and_price
                    .map(|blobs| BlobExcessGasAndPrice {
                        blob_gasprice: 0,
                        ..blobs
                    });
        }
        let is_priced = tx.gas_price != 0;
        if !is_priced {
            // Without a price nobody pays the base fee, and BASEFEE is zero; geth does the same.
            block.basefee = 0;
        }
        Ok(Self {
            db,
            cfg,
            block,
            tx,
            gas_cap: chain.inner.config.call_gas_cap,
            is_priced,
        })
    }

    fn precompiles(&self) -> &'static Precompiles {
        Precompiles::new(PrecompileSpecId::from_spec_id(self.cfg.spec))
    }

    /// The most gas that a transaction may have at this fork.
    fn max_tx_gas(&self) -> u64 {
        if self.cfg.spec.is_enabled_in(SpecId::OSAKA) {
            MAX_TX_GAS
        } else {
            u64::MAX
        }
    }

    fn gas_cap(&self, limit: u64) -> u64 {
        limit.min(self.gas_cap)
    }

    fn run(&mut self, gas_limit: u64) -> Result<ResultAndState, Failure> {
        self.tx.gas_limit = gas_limit;
        let mut evm =
            evm::context(&mut self.db, self.cfg.clone(), self.block.clone()).build_mainnet();
        evm.transact(self.tx.clone()).map_err(to_failure)
    }

    fn succeeds(&mut self, gas_limit: u64) -> Result<bool, CallError> {
        match self.run(gas_limit) {
            Ok(outcome) => Ok(outcome.result.is_success()),
            Err(Failure::NeedsGas) => Ok(false),
            Err(Failure::Other(error)) => Err(error),
        }
    }

    /// Gas that the sender can pay for, if a price is named.
    fn affordable_gas(&self) -> Result<Option<u64>, CallError> {
        if !self.is_priced {
            return Ok(None);
        }
        let balance = self
            .db
            .basic_ref(self.tx.caller)
            .map_err(to_read_error)?
            .unwrap_or_default()
            .balance;
        let Some(available) = balance.checked_sub(self.tx.value) else {
            return Err(CallError::Invalid(
                "insufficient funds for transfer".to_owned(),
            ));
        };
        Ok(Some(
            (available / U256::from(self.tx.gas_price)).saturating_to(),
        ))
    }

    fn is_plain_transfer(&self) -> Result<bool, CallError> {
        let TxKind::Call(to) = self.tx.kind else {
            return Ok(false);
        };
        if !self.tx.data.is_empty()
            || !self.tx.access_list.is_empty()
            || !self.tx.authorization_list.is_empty()
        {
            return Ok(false);
        }
        let account = self.db.basic_ref(to).map_err(to_read_error)?;
        Ok(account.is_none_or(|account| account.is_empty_code_hash())
            && !self.precompiles().contains(&to))
    }

    /// What a run read or wrote beyond what every transaction warms anyway.
    fn touched(&self, outcome: &ResultAndState) -> AccessList {
        let to = match self.tx.kind {
            TxKind::Call(to) => to,
            TxKind::Create => self.tx.caller.create(
                outcome
                    .state
                    .get(&self.tx.caller)
                    .map_or(0, |caller| caller.original_info().nonce),
            ),
        };
        let free = [self.tx.caller, to, self.block.beneficiary];
        let mut items: Vec<_> = outcome
            .state
            .iter()
            .filter(|(address, account)| {
                !self.precompiles().contains(address)
                    && (!free.contains(address) || !account.storage.is_empty())
            })
            .map(|(address, account)| {
                let mut storage_keys: Vec<B256> =
                    account.storage.keys().map(|slot| (*slot).into()).collect();
                storage_keys.sort_unstable();
                AccessListItem {
                    address: *address,
                    storage_keys,
                }
            })
            .collect();
        items.sort_unstable_by_key(|item| item.address);
        AccessList(items)
    }
}

fn override_block(
    overrides: &BlockOverrides,
    block: &mut BlockEnv,
    db: &mut CacheDB<StateReader<'_>>,
) {
    block.number = overrides.number.unwrap_or(block.number);
    block.difficulty = overrides.difficulty.unwrap_or(block.difficulty);
    block.timestamp = overrides.time.map_or(block.timestamp, U256::from);
    block.gas_limit = overrides.gas_limit.unwrap_or(block.gas_limit);
    block.beneficiary = overrides.coinbase.unwrap_or(block.beneficiary);
    block.prevrandao = overrides.random.or(block.prevrandao);
    block.basefee = overrides
        .base_fee
        .map_or(block.basefee, |fee| fee.saturating_to());
    for (number, hash) in overrides.block_hash.iter().flatten() {
        db.cache.block_hashes.insert(U256::from(*number), *hash);
    }
}

fn override_account(
    address: Address,
    account: &AccountOverride,
    db: &mut CacheDB<StateReader<'_>>,
) -> Result<(), CallError> {
    if account.move_precompile_to.is_some() {
        return Err(CallError::Invalid(
            "movePrecompileToAddress is not supported".to_owned(),
        ));
    }
    if account.state.is_some() && account.state_diff.is_some() {
        return Err(CallError::Invalid(format!(
            "account {address} has both 'state' and 'stateDiff'"
        )));
    }
    let mut info = db
        .basic_ref(address)
        .map_err(to_read_error)?
        .unwrap_or_default();
    info.nonce = account.nonce.unwrap_or(info.nonce);
    info.balance = account.balance.unwrap_or(info.balance);
    if let Some(code) = &account.code {
        let code = Bytecode::new_raw_checked(code.clone())
            .map_err(|error| CallError::Invalid(format!("code of {address}: {error}")))?;
        info.code_hash = code.hash_slow();
        info.code = Some(code);
    }
    db.insert_account_info(address, info);
    if let Some(slots) = &account.state {
        let slots = slots
            .iter()
            .map(|(slot, value)| ((*slot).into(), (*value).into()))
            .collect();
        db.replace_account_storage(address, slots)
            .map_err(to_read_error)?;
    }
    for (slot, value) in account.state_diff.iter().flatten() {
        db.insert_account_storage(address, (*slot).into(), (*value).into())
            .map_err(to_read_error)?;
    }
    Ok(())
}

fn to_tx_env(
    request: &TransactionRequest,
    chain: &ChainView,
    block: &BlockEnv,
) -> Result<TxEnv, CallError> {
    let chain_id = chain.chain_id();
    if let Some(got) = request.chain_id.filter(|got| *got != chain_id) {
        return Err(CallError::Request {
            field: "chainId",
            expected: chain_id.to_string(),
            got: got.to_string(),
        });
    }
    let blob_hashes = request.blob_versioned_hashes.clone().unwrap_or_default();
    let has_blobs = !blob_hashes.is_empty() || request.max_fee_per_blob_gas.is_some();
    let takes_blobs = chain.inner.takes_blobs && block.blob_excess_gas_and_price.is_some();
    if request.sidecar.is_some() || (has_blobs && !takes_blobs) {
        return Err(CallError::Invalid(
            "transaction type not supported".to_owned(),
        ));
    }
    let (data, input) = (request.input.data.as_ref(), request.input.input.as_ref());
    if let (Some(data), Some(input)) = (data, input)
        && data != input
    {
        return Err(CallError::Invalid(r#"both "data" and "input" are set and not equal. Please use "input" to pass transaction call data"#.to_owned()));
    }
    let (cap, tip) = (request.max_fee_per_gas, request.max_priority_fee_per_gas);
    if request.gas_price.is_some() && (cap.is_some() || tip.is_some()) {
        return Err(CallError::Invalid(
            "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified".to_owned(),
        ));
    }
    let is_dynamic = cap.is_some() || tip.is_some();
    // A tip alone is on top of the base fee.
    let price = request
        .gas_price
        .or(cap)
        .unwrap_or_else(|| tip.map_or(0, |tip| u128::from(block.basefee).saturating_add(tip)));
    let authorizations = request.authorization_list.clone().unwrap_or_default();
    let access_list = request.access_list.clone().unwrap_or_default();
    let kind = request.to.unwrap_or(TxKind::Create);
    if !authorizations.is_empty() && kind.is_create() {
        return Err(CallError::Invalid(
            "set code transaction must not be a create transaction".to_owned(),
        ));
    }
    if !blob_hashes.is_empty() && kind.is_create() {
        return Err(CallError::Invalid(
            "missing \"to\" in blob transaction".to_owned(),
        ));
    }
    let tx_type = match (
        authorizations.is_empty(),
        is_dynamic,
        access_list.is_empty(),
    ) {
        _ if !blob_hashes.is_empty() => 3,
        (false, ..) => 4,
        (true, true, _) => 2,
        (true, false, false) => 1,
        (true, false, true) => 0,
    };
    Ok(TxEnv {
        tx_type,
        caller: request.from.unwrap_or_default(),
        gas_limit: 0,
        gas_price: price,
        kind,
        value: request.value.unwrap_or_default(),
        data: input.or(data).cloned().unwrap_or_default(),
        nonce: request.nonce.unwrap_or_default(),
        chain_id: Some(chain_id),
        access_list,
        gas_priority_fee: (tx_type >= 2).then(|| tip.unwrap_or_default()),
        blob_hashes,
        max_fee_per_blob_gas: request.max_fee_per_blob_gas.unwrap_or_default(),
        authorization_list: authorizations.into_iter().map(Either::Left).collect(),
    })
}

fn to_failure(error: EVMError<evm::ReadError>) -> Failure {
    let reason = match error {
        EVMError::Transaction(reason) => reason,
        // The block was pruned while the call ran.
        EVMError::Database(error) => return Failure::Other(to_read_error(error)),
        error => return Failure::Other(CallError::Invalid(error.to_string())),
    };
    let text = match reason {
        InvalidTransaction::CallGasCostMoreThanGasLimit { .. }
        | InvalidTransaction::GasFloorMoreThanGasLimit { .. } => return Failure::NeedsGas,
        InvalidTransaction::LackOfFundForMaxFee { fee, balance } => {
            format!("insufficient funds for gas * price + value: have {balance} want {fee}")
        }
        InvalidTransaction::GasPriceLessThanBasefee => {
            "max fee per gas less than block base fee".to_owned()
        }
        InvalidTransaction::PriorityFeeGreaterThanMaxFee => {
            "max priority fee per gas higher than max fee per gas".to_owned()
        }
        InvalidTransaction::CreateInitCodeSizeLimit => "max initcode size exceeded".to_owned(),
        InvalidTransaction::NonceOverflowInTransaction => "nonce has max value".to_owned(),
        reason => reason.to_string(),
    };
    Failure::Other(CallError::Invalid(text))
}

fn to_read_error(error: evm::ReadError) -> CallError {
    CallError::Block(error.0.into())
}

fn into_output(result: ExecutionResult) -> Result<Bytes, CallError> {
    match result {
        ExecutionResult::Success { output, .. } => Ok(output.into_data()),
        ExecutionResult::Revert { output, .. } => Err(CallError::Reverted {
            reason: decode_revert_reason(&output),
            output,
        }),
        ExecutionResult::Halt { reason, gas, .. } => Err(CallError::Halted {
            reason: halt_text(&reason),
            gas_used: gas.tx_gas_used(),
        }),
    }
}

/// geth's texts for what stops the EVM.
fn halt_text(reason: &HaltReason) -> String {
    let text = match reason {
        HaltReason::OutOfGas(OutOfGasError::ReentrancySentry) => {
            "not enough gas for reentrancy sentry"
        }
        HaltReason::OutOfGas(_) => "out of gas",
        HaltReason::OpcodeNotFound | HaltReason::InvalidFEOpcode | HaltReason::NotActivated => {
            "invalid opcode"
        }
        HaltReason::InvalidJump => "invalid jump destination",
        HaltReason::StackUnderflow => "stack underflow",
        HaltReason::StackOverflow => "stack limit reached 1024 (1023)",
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
        other => return other.to_string(),
    };
    text.to_owned()
}

/// Solidity's `Error(string)` and `Panic(uint256)`.
fn decode_revert_reason(output: &[u8]) -> Option<String> {
    let (selector, arguments) = output.split_first_chunk::<4>()?;
    let word = |at: usize| Some(U256::from_be_slice(arguments.get(at..at.checked_add(32)?)?));
    match selector {
        [0x08, 0xc3, 0x79, 0xa0] => {
            let offset = usize::try_from(word(0)?).ok()?;
            let length = usize::try_from(word(offset)?).ok()?;
            let start = offset.checked_add(32)?;
            let text = arguments.get(start..start.checked_add(length)?)?;
            Some(String::from_utf8_lossy(text).into_owned())
        }
        [0x4e, 0x48, 0x7b, 0x71] => {
            let code = word(0)?;
            let text = match u64::try_from(code) {
                Ok(0x00) => "generic panic",
                Ok(0x01) => "assert(false)",
                Ok(0x11) => "arithmetic underflow or overflow",
                Ok(0x12) => "division or modulo by zero",
                Ok(0x21) => "enum overflow",
                Ok(0x22) => "invalid encoded storage byte array accessed",
                Ok(0x31) => "out-of-bounds array access; popping on an empty array",
                Ok(0x32) => "out-of-bounds access of an array or bytesN",
                Ok(0x41) => "out of memory",
                Ok(0x51) => "uninitialized function",
                _ => return Some(format!("unknown panic code: {code:#x}")),
            };
            Some(text.to_owned())
        }
        _ => None,
    }
}
