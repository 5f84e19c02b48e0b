//! A chain as it is read: blocks, states, pool, execution without a transaction. The sequencer's chain and an imported one are read in the same way.
//!
//! ```text
//!   Chain (seals) ----------+
//!                           +--> ChainView --> RPC, streams, tests
//!   ImportedChain (checks) -+
//! ```

use std::sync::Arc;

use alloy_consensus::{Header, TxEnvelope};
use alloy_eips::{BlockId, BlockNumberOrTag, eip1559::BaseFeeParams, eip2718::Decodable2718};
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_rpc_types_eth::TransactionRequest;
use node_lite_state::{Account, AccountProof, StateDb, StateError};
use parking_lot::{Condvar, Mutex, RwLock};
use sidelight_executor::{ChainSpec, Fork};
use tokio::sync::broadcast;

use crate::{
    block::SealedBlock,
    call::{self, AccessListOutcome, CallOverrides},
    config::ViewConfig,
    error::{CallError, ChainError, PoolError},
    evm::CodeCache,
    forks::ForkSchedule,
    history::History,
    pool::{Pool, PoolStatus, PooledTransaction, validate},
};

/// A handle on a chain that is read. Cheap to clone; every clone is the same chain.
#[derive(Clone, Debug)]
pub struct ChainView {
    pub(crate) inner: Arc<Shared>,
}

/// What the clones share. Lock order: the sequencer's `sealing`, then `pool`, then `history`.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The execution rules, as every executor has them.
    pub(crate) spec: ChainSpec,
    pub(crate) forks: ForkSchedule,
    pub(crate) fees: BaseFeeParams,
    /// Whether the pool takes EIP-4844 transactions.
    pub(crate) takes_blobs: bool,
    pub(crate) config: ViewConfig,
    pub(crate) state: StateDb,
    pub(crate) codes: CodeCache,
    pub(crate) history: RwLock<History>,
    pub(crate) pool: Mutex<Pool>,
    /// Signalled when a transaction arrives; `true` while one waits for automine.
    pub(crate) wake: (Mutex<bool>, Condvar),
    /// What `safe` and `finalized` name, where it is not the head.
    pub(crate) marks: RwLock<Marks>,
    blocks: broadcast::Sender<Arc<SealedBlock>>,
    pending: broadcast::Sender<Arc<PooledTransaction>>,
}

/// Hashes of marked blocks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks {
    safe: Option<B256>,
    finalized: Option<B256>,
}

impl ChainView {
    pub(crate) fn new(shared: Shared) -> Self {
        Self {
            inner: Arc::new(shared),
        }
    }

    /// EIP-155 chain id.
    pub fn chain_id(&self) -> u64 {
        self.inner.spec.chain_id
    }

    /// The rules by which blocks are executed.
    pub fn spec(&self) -> &ChainSpec {
        &self.inner.spec
    }

    /// When the forks begin, as EIP-2124 and EIP-7910 tell it.
    pub fn forks(&self) -> &ForkSchedule {
        &self.inner.forks
    }

    /// Blocks, and their states, that stay readable.
    pub fn retained_blocks(&self) -> usize {
        self.inner.config.retain_blocks
    }

    /// The newest block.
    pub fn head(&self) -> Arc<SealedBlock> {
        self.inner.history.read().head()
    }

    /// Number of the oldest block that can still be read.
    pub fn oldest_number(&self) -> u64 {
        self.inner.history.read().oldest()
    }

    /// A retained block. `latest` and `pending` are the head, `earliest` is block 0; `safe` and `finalized` are the head unless [`Self::mark`] said otherwise.
    pub fn block(&self, id: BlockId) -> Result<Arc<SealedBlock>, ChainError> {
        let marks = *self.inner.marks.read();
        let marked = match id {
            BlockId::Number(BlockNumberOrTag::Safe) => marks.safe,
            BlockId::Number(BlockNumberOrTag::Finalized) => marks.finalized,
            _ => None,
        };
        match id {
            BlockId::Hash(hash) => self.block_by_hash(hash.block_hash),
            BlockId::Number(BlockNumberOrTag::Number(number)) => self.block_by_number(number),
            BlockId::Number(BlockNumberOrTag::Earliest) => self.block_by_number(0),
            BlockId::Number(_) => {
                marked.map_or_else(|| Ok(self.head()), |hash| self.block_by_hash(hash))
            }
        }
    }

    /// Names the blocks that `safe` and `finalized` stand for, as a consensus layer does.
    pub fn mark(&self, safe: B256, finalized: B256) -> Result<(), ChainError> {
        let (safe_block, final_block) = (self.block_by_hash(safe)?, self.block_by_hash(finalized)?);
        if final_block.number() > safe_block.number() {
            return Err(ChainError::Config {
                key: "finalized",
                expected: format!("at most the safe block, {}", safe_block.number()),
                got: final_block.number().to_string(),
            });
        }
        *self.inner.marks.write() = Marks {
            safe: Some(safe),
            finalized: Some(finalized),
        };
        Ok(())
    }

    /// A retained block by number.
    pub fn block_by_number(&self, number: u64) -> Result<Arc<SealedBlock>, ChainError> {
        self.inner.history.read().by_number(number)
    }

    /// A retained block by hash.
    pub fn block_by_hash(&self, hash: B256) -> Result<Arc<SealedBlock>, ChainError> {
        self.inner
            .history
            .read()
            .by_hash(&hash)
            .ok_or(ChainError::UnknownBlock)
    }

    /// The retained block that includes a transaction, and the transaction's index in it.
    pub fn locate(&self, transaction_hash: B256) -> Option<(Arc<SealedBlock>, usize)> {
        self.inner.history.read().locate(&transaction_hash)
    }

    /// Takes a transaction, encoded as it is gossiped (EIP-2718, blobs with their sidecar), into the pool and returns its hash.
    pub fn submit(&self, raw: &[u8]) -> Result<B256, PoolError> {
        let limits = &self.inner.config.pool;
        let rules = self.pool_rules();
        validate::check_raw(raw, limits, &rules)?;
        let mut rest = raw;
        let transaction = TxEnvelope::decode_2718(&mut rest)
            .map_err(|error| PoolError::Decode(error.to_string()))?;
        if !rest.is_empty() {
            return Err(PoolError::Decode("bytes after the transaction".to_owned()));
        }
        let transaction = validate::check_stateless(transaction, raw.len(), &rules)?;
        let hash = transaction.hash;
        let base_fee = self.next_base_fee();
        let transaction = {
            // The head is read again under the pool's lock, which sealing takes after it has published.
            let mut pool = self.inner.pool.lock();
            let view = self.state_at_root(self.head().state_root());
            let account = view.account(transaction.sender)?.unwrap_or_default();
            validate::check_sender(&view, &transaction, &account)?;
            pool.insert(transaction, account.nonce, account.balance, base_fee)?
        };
        // No subscriber is not an error.
        let _ = self.inner.pending.send(transaction);
        let (waiting, condvar) = &self.inner.wake;
        *waiting.lock() = true;
        condvar.notify_all();
        Ok(hash)
    }

    /// What a transaction must satisfy to be included next; the forks of the head hold.
    fn pool_rules(&self) -> validate::Rules {
        let head = self.head();
        let header = head.header();
        let blobs = self.inner.spec.blob_params_at(header.timestamp);
        validate::Rules {
            chain_id: self.chain_id(),
            spec: self.inner.spec.spec_id(header.number, header.timestamp),
            blobs: blobs.filter(|_| self.inner.takes_blobs),
            block_gas_limit: header.gas_limit,
        }
    }

    /// A transaction that waits in the pool.
    pub fn pooled(&self, hash: B256) -> Option<Arc<PooledTransaction>> {
        self.inner.pool.lock().get(&hash)
    }

    /// Every pooled transaction: those that can be included now, and those that wait for a nonce.
    pub fn pool_content(&self) -> (Vec<Arc<PooledTransaction>>, Vec<Arc<PooledTransaction>>) {
        self.inner.pool.lock().content()
    }

    /// Sizes of the pool.
    pub fn pool_status(&self) -> PoolStatus {
        self.inner.pool.lock().status()
    }

    /// The sender's next nonce after its executable pooled transactions: `eth_getTransactionCount(.., "pending")`.
    pub fn pending_nonce(&self, address: Address) -> Result<u64, ChainError> {
        let pool = self.inner.pool.lock();
        let state = self
            .state_at_root(self.head().state_root())
            .account(address)?
            .map_or(0, |account| account.nonce);
        Ok(pool.next_nonce(&address, state))
    }

    /// Blocks from now on. A receiver that falls behind by [`ViewConfig::subscription_depth`] gets `Lagged`, and reads the rest from the history.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<SealedBlock>> {
        self.inner.blocks.subscribe()
    }

    /// Transactions from now on, as they enter the pool.
    pub fn subscribe_pending(&self) -> broadcast::Receiver<Arc<PooledTransaction>> {
        self.inner.pending.subscribe()
    }

    /// The node store, for proofs and multiproofs at any retained root.
    pub fn state(&self) -> &StateDb {
        &self.inner.state
    }

    /// The state after a block, [`ChainError::Pruned`] where the block is still there and its state is not.
    pub fn state_at(&self, id: BlockId) -> Result<StateView, ChainError> {
        let block = self.block(id)?;
        if !self.inner.state.is_retained(block.state_root()) {
            return Err(ChainError::Pruned {
                number: block.number(),
                oldest: self.oldest_number(),
            });
        }
        Ok(self.state_at_root(block.state_root()))
    }

    pub(crate) fn state_at_root(&self, root: B256) -> StateView {
        StateView::new(self.inner.state.clone(), root)
    }

    /// Base fee of the next block in wei (EIP-1559); zero before London.
    pub fn next_base_fee(&self) -> u64 {
        self.base_fee_after(self.head().header())
    }

    /// Base fee of the block after `header` in wei; zero before London.
    pub fn base_fee_after(&self, header: &Header) -> u64 {
        let next = header.number.saturating_add(1);
        let (spec, time) = (&self.inner.spec, header.timestamp);
        match header.next_block_base_fee(self.inner.fees) {
            Some(fee) => fee,
            None if spec.is_active(Fork::London, next, time) => {
                alloy_eips::eip1559::INITIAL_BASE_FEE
            }
            None => 0,
        }
    }

    /// Price of blob gas in a block, in wei (EIP-4844); none before Cancun.
    pub fn blob_base_fee(&self, header: &Header) -> Option<u128> {
        let params = self.inner.spec.blob_params_at(header.timestamp)?;
        Some(params.calc_blob_fee(header.excess_blob_gas?))
    }

    /// Price of blob gas in the block after `header`, by the rules that hold for `header`; none before Cancun.
    pub fn blob_base_fee_after(&self, header: &Header) -> Option<u128> {
        let params = self.inner.spec.blob_params_at(header.timestamp)?;
        let excess = params.next_block_excess_blob_gas_osaka(
            header.excess_blob_gas?,
            header.blob_gas_used?,
            header.base_fee_per_gas.unwrap_or_default(),
        );
        Some(params.calc_blob_fee(excess))
    }

    /// `eth_call`: runs a request on the state after a block. The block environment is that block's own, unless overridden.
    pub fn call(
        &self,
        request: &TransactionRequest,
        at: BlockId,
        overrides: &CallOverrides,
    ) -> Result<Bytes, CallError> {
        call::call(self, request, at, overrides)
    }

    /// `eth_estimateGas`: the smallest gas limit with which the request succeeds.
    pub fn estimate_gas(
        &self,
        request: &TransactionRequest,
        at: BlockId,
        overrides: &CallOverrides,
    ) -> Result<u64, CallError> {
        call::estimate_gas(self, request, at, overrides)
    }

    /// `eth_createAccessList` (EIP-2930).
    pub fn create_access_list(
        &self,
        request: &TransactionRequest,
        at: BlockId,
        overrides: &CallOverrides,
    ) -> Result<AccessListOutcome, CallError> {
        call::create_access_list(self, request, at, overrides)
    }
}

impl Shared {
    /// A chain of one block, `genesis`.
    pub(crate) fn new(
        spec: ChainSpec,
        forks: ForkSchedule,
        config: ViewConfig,
        state: StateDb,
        genesis: SealedBlock,
    ) -> Self {
        Self {
            history: RwLock::new(History::new(Arc::new(genesis), config.retain_blocks)),
            pool: Mutex::new(Pool::new(config.pool)),
            wake: (Mutex::new(false), Condvar::new()),
            blocks: broadcast::Sender::new(config.subscription_depth),
            pending: broadcast::Sender::new(config.subscription_depth.saturating_mul(16)),
            marks: RwLock::default(),
            codes: CodeCache::default(),
            fees: BaseFeeParams::ethereum(),
            takes_blobs: false,
            spec,
            forks,
            config,
            state,
        }
    }

    /// Makes a block the head, lets go of the state that falls out of the window, tells the pool and who listens.
    pub(crate) fn publish(&self, block: &Arc<SealedBlock>) -> Result<(), ChainError> {
        let released = self.history.write().push(Arc::clone(block));
        let mut pool = self.pool.lock();
        let root = block.state_root();
        for sender in pool.senders_to_refresh(block) {
            let account = self.state.account_at(root, sender)?.unwrap_or_default();
            pool.refresh(sender, account.nonce, account.balance);
        }
        drop(pool);
        if let Some(root) = released {
            self.state.release(root)?;
        }
        // No subscriber is not an error.
        let _ = self.blocks.send(Arc::clone(block));
        Ok(())
    }
}

/// The state after one block. Reads fail, rather than answer zero, when the block is pruned meanwhile.
#[derive(Clone, Debug)]
pub struct StateView {
    state: StateDb,
    root: B256,
}

impl StateView {
    pub(crate) const fn new(state: StateDb, root: B256) -> Self {
        Self { state, root }
    }

    /// Root of this state.
    pub const fn root(&self) -> B256 {
        self.root
    }

    /// An account, or `None` if the trie proves that there is none.
    pub fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        self.state.account_at(self.root, address)
    }

    /// A storage slot; zero when the trie proves that it is not there.
    pub fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        self.state.storage_at(self.root, address, slot)
    }

    /// An account's code; empty when it has none.
    pub fn code(&self, address: Address) -> Result<Bytes, StateError> {
        match self.account(address)? {
            Some(account) => self.state.code(account.code_hash),
            None => Ok(Bytes::new()),
        }
    }

    /// A code that some account of this state has, by its hash.
    pub fn code_by_hash(&self, hash: B256) -> Result<Bytes, StateError> {
        self.state.code(hash)
    }

    /// EIP-1186 proof of an account and some of its slots.
    pub fn prove(&self, address: Address, slots: &[U256]) -> Result<AccountProof, StateError> {
        self.state.prove(self.root, address, slots)
    }
}
