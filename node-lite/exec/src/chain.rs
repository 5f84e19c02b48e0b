//! The handle that RPC, streams and tests hold: submit, seal, read, subscribe.

use std::sync::Arc;

use alloy_consensus::TxEnvelope;
use alloy_eips::{BlockId, BlockNumberOrTag, eip2718::Decodable2718};
use alloy_genesis::Genesis;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_rpc_types_eth::TransactionRequest;
use node_lite_state::{Account, AccountProof, StateDb};
use parking_lot::{Condvar, Mutex, RwLock};
use sidelight_core::{header::VerifiedHeader, rules::ChainRules};
use sidelight_executor::ChainSpec;
use tokio::sync::broadcast;

use crate::{
    block::SealedBlock,
    call::{self, AccessListOutcome, CallOverrides},
    config::{SealMode, SequencerConfig},
    error::{CallError, ChainError, PoolError},
    evm::CodeCache,
    genesis,
    history::History,
    pool::{Pool, PoolStatus, PooledTransaction, validate},
    seal,
    sequencer::Sequencer,
    signer::Signer,
};

/// A running chain. Cheap to clone; every clone is the same chain.
#[derive(Clone, Debug)]
pub struct Chain {
    pub(crate) inner: Arc<Inner>,
}

/// What the clones share. Lock order: `sealing`, then `pool`, then `history`.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) rules: ChainRules,
    /// The execution rules, as every executor has them.
    pub(crate) spec: ChainSpec,
    pub(crate) signer: Signer,
    pub(crate) fee_recipient: Address,
    pub(crate) config: SequencerConfig,
    pub(crate) state: StateDb,
    pub(crate) codes: CodeCache,
    pub(crate) history: RwLock<History>,
    pub(crate) pool: Mutex<Pool>,
    /// Held while a block is built, with the header that it builds on.
    pub(crate) sealing: Mutex<VerifiedHeader>,
    /// Signalled when a transaction arrives; `true` while one waits for automine.
    pub(crate) wake: (Mutex<bool>, Condvar),
    blocks: broadcast::Sender<Arc<SealedBlock>>,
    pending: broadcast::Sender<Arc<PooledTransaction>>,
}

impl Chain {
    /// Starts a chain from genesis. Nothing is sealed until [`Self::start_sequencer`] or [`Self::seal`].
    pub fn open(genesis: &Genesis, config: SequencerConfig) -> Result<Self, ChainError> {
        config.validate()?;
        let state = StateDb::new();
        let start = genesis::build(genesis, &state)?;
        let signer = Signer::new(config.signer_key, start.rules.chain_id, start.rules.hash())?;
        if signer.address() != start.rules.genesis_signer {
            return Err(ChainError::NotTheSigner {
                expected: start.rules.genesis_signer,
                got: signer.address(),
            });
        }
        let head = VerifiedHeader::genesis(start.block.header().clone(), &start.rules)?;
        let inner = Inner {
            fee_recipient: config.fee_recipient.unwrap_or(signer.address()),
            history: RwLock::new(History::new(Arc::new(start.block), config.retain_blocks)),
            pool: Mutex::new(Pool::new(config.pool)),
            sealing: Mutex::new(head),
            wake: (Mutex::new(false), Condvar::new()),
            blocks: broadcast::Sender::new(config.subscription_depth),
            pending: broadcast::Sender::new(config.subscription_depth.saturating_mul(16)),
            codes: CodeCache::default(),
            spec: ChainSpec::sidelight(start.rules.chain_id),
            rules: start.rules,
            signer,
            config,
            state,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Starts the thread that seals as [`SequencerConfig::seal`] says. It stops when the returned handle is dropped.
    pub fn start_sequencer(&self) -> Sequencer {
        self.start_sequencer_in(self.inner.config.seal)
    }

    /// As [`Self::start_sequencer`], in another mode than the configured one. Two of them at once seal twice as often.
    pub fn start_sequencer_in(&self, mode: SealMode) -> Sequencer {
        Sequencer::start(self.clone(), mode)
    }

    /// EIP-155 chain id.
    pub fn chain_id(&self) -> u64 {
        self.inner.rules.chain_id
    }

    /// What clients must know of this chain.
    pub fn rules(&self) -> &ChainRules {
        &self.inner.rules
    }

    /// The configuration it was opened with.
    pub fn config(&self) -> &SequencerConfig {
        &self.inner.config
    }

    /// The sequencer's key. For the lying node only: anything signed here that is not a sealed block is evidence of equivocation.
    pub fn signer(&self) -> &Signer {
        &self.inner.signer
    }

    /// The newest sealed block.
    pub fn head(&self) -> Arc<SealedBlock> {
        self.inner.history.read().head()
    }

    /// Number of the oldest block that can still be read.
    pub fn oldest_number(&self) -> u64 {
        self.inner.history.read().oldest()
    }

    /// A retained block. `latest`, `pending`, `safe` and `finalized` are the head: a sequencer's block is final here once it is sealed. `earliest` is block 0.
    pub fn block(&self, id: BlockId) -> Result<Arc<SealedBlock>, ChainError> {
        let history = self.inner.history.read();
        match id {
            BlockId::Hash(hash) => history
                .by_hash(&hash.block_hash)
                .ok_or(ChainError::UnknownBlock),
            BlockId::Number(BlockNumberOrTag::Number(number)) => history.by_number(number),
            BlockId::Number(BlockNumberOrTag::Earliest) => history.by_number(0),
            BlockId::Number(_) => Ok(history.head()),
        }
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

    /// Takes an EIP-2718 encoded transaction into the pool and returns its hash.
    pub fn submit(&self, raw: &[u8]) -> Result<B256, PoolError> {
        let limit = self.inner.config.pool.transaction_bytes;
        if raw.len() > limit {
            return Err(PoolError::Oversized {
                expected: limit,
                got: raw.len(),
            });
        }
        validate::check_type(raw)?;
        let mut rest = raw;
        let transaction = TxEnvelope::decode_2718(&mut rest)
            .map_err(|error| PoolError::Decode(error.to_string()))?;
        if !rest.is_empty() {
            return Err(PoolError::Decode("bytes after the transaction".to_owned()));
        }
        let head = self.head();
        let transaction = validate::check_stateless(
            transaction,
            raw.len(),
            self.chain_id(),
            head.header().gas_limit,
        )?;
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

    /// Seals a block now, with whatever the pool holds, in any seal mode.
    pub fn seal(&self) -> Result<Arc<SealedBlock>, ChainError> {
        let mut parent = self.inner.sealing.lock();
        let (block, verified) = seal::seal_next(&self.inner, &parent)?;
        let block = Arc::new(block);
        *parent = verified;
        self.inner.publish(&block)?;
        // No subscriber is not an error.
        let _ = self.inner.blocks.send(Arc::clone(&block));
        Ok(block)
    }

    /// Sealed blocks from now on. A receiver that falls behind by [`SequencerConfig::subscription_depth`] gets `Lagged`, and reads the rest from the history.
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

    /// The state after a retained block.
    pub fn state_at(&self, id: BlockId) -> Result<StateView, ChainError> {
        Ok(self.state_at_root(self.block(id)?.state_root()))
    }

    pub(crate) fn state_at_root(&self, root: B256) -> StateView {
        StateView::new(self.inner.state.clone(), root)
    }

    /// Base fee of the next block in wei (EIP-1559).
    pub fn next_base_fee(&self) -> u64 {
        seal::next_base_fee(self.head().header(), &self.inner.rules)
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

impl Inner {
    /// Makes a block the head, lets go of the state that falls out of the window, and tells the pool.
    fn publish(&self, block: &Arc<SealedBlock>) -> Result<(), ChainError> {
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
    pub fn account(
        &self,
        address: Address,
    ) -> Result<Option<Account>, node_lite_state::StateError> {
        self.state.account_at(self.root, address)
    }

    /// A storage slot; zero when the trie proves that it is not there.
    pub fn storage(
        &self,
        address: Address,
        slot: U256,
    ) -> Result<U256, node_lite_state::StateError> {
        self.state.storage_at(self.root, address, slot)
    }

    /// An account's code; empty when it has none.
    pub fn code(&self, address: Address) -> Result<Bytes, node_lite_state::StateError> {
        match self.account(address)? {
            Some(account) => self.state.code(account.code_hash),
            None => Ok(Bytes::new()),
        }
    }

    /// A code that some account of this state has, by its hash.
    pub fn code_by_hash(&self, hash: B256) -> Result<Bytes, node_lite_state::StateError> {
        self.state.code(hash)
    }

    /// EIP-1186 proof of an account and some of its slots.
    pub fn prove(
        &self,
        address: Address,
        slots: &[U256],
    ) -> Result<AccountProof, node_lite_state::StateError> {
        self.state.prove(self.root, address, slots)
    }
}
