//! Imports a chain of RLP blocks of any Ethereum rules from Frontier to Osaka: each block is checked, executed and its state kept.
//!
//! Proof-of-work seals are not checked, and there is no fork choice: the file's blocks are one chain. Before a chain's merge is known by number it is known by its total difficulty.

use std::sync::Arc;

use alloy_consensus::{Header, TxEnvelope, constants::EMPTY_ROOT_HASH};
use alloy_eip7928::AccountChanges;
use alloy_eips::{eip4895::Withdrawals, eip7840::BlobParams};
use alloy_genesis::{ChainConfig, Genesis};
use alloy_hardforks::ForkCondition;
use alloy_primitives::{Address, B64, B256, Bytes, U256};
use node_lite_state::{StateDb, StateError};
use sidelight_core::{
    extension::Extension, header::SignedHeader, merkle::compute_accounts_root, state::PartialState,
};
use sidelight_executor::{
    Ancestor, BlockError, ChainSpec, DecodedBlock, Executed, ExecutionWitness, Fork, Recorded,
    decode_block, execute_block, request_contracts, verify_body, verify_header_rules,
    verify_outcome,
};

use crate::{
    block::{self, SealedBlock},
    config::ViewConfig,
    error::{ChainError, GenesisError},
    evm::StateReader,
    forks::ForkSchedule,
    genesis,
    seal::Accessed,
    view::{ChainView, Shared, StateView},
};

/// Ancestors that ommers reach.
const ANCESTORS: usize = 8;

/// Why a chain cannot be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The genesis file.
    #[error("genesis: {0}")]
    Genesis(#[from] GenesisError),
    /// A block breaks a rule.
    #[error("block {number}: {error}")]
    Block {
        /// Its place in the file, counted from 1; the number in its header may be a lie.
        number: usize,
        /// Why.
        error: BlockError,
    },
    /// A block does not follow the one before it in the file.
    #[error("block {number}: expected the parent {expected}, got {got}")]
    Parent {
        /// Its place in the file, counted from 1.
        number: usize,
        /// Hash of the block before it.
        expected: B256,
        /// Its parent hash.
        got: B256,
    },
    /// The file ends inside a block, or has something else than blocks.
    #[error("block {number}: {error}")]
    File {
        /// Its place in the file, counted from 1.
        number: usize,
        /// Why.
        error: alloy_rlp::Error,
    },
    /// The state.
    #[error("state: {0}")]
    State(#[from] StateError),
    /// The chain could not be extended, or a configuration value is out of range.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// A chain while it is imported. Then it is read through its [`ChainView`].
#[derive(Debug)]
pub struct ImportedChain {
    shared: Shared,
    merge_at: Option<U256>,
    total_difficulty: U256,
    imported: usize,
}

impl ImportedChain {
    /// The genesis block of a geth-style genesis file.
    pub fn open(genesis: &Genesis, config: ViewConfig) -> Result<Self, ImportError> {
        config.validate()?;
        let (spec, merge_at) = read_spec(&genesis.config);
        let state = StateDb::new();
        // Whatever fork begins with it, a genesis state has every account that its file names, empty ones too.
        let rules = ChainSpec::frontier(spec.chain_id).account_rules(0, 0);
        let changes = genesis::to_changes(genesis);
        let root = state.commit(EMPTY_ROOT_HASH, &changes, &[], &rules)?.root;
        let header = to_header(genesis, &spec, root)?;
        let withdrawals = header.withdrawals_root.map(|_| Withdrawals::default());
        let (hash, total_difficulty) = (header.hash_slow(), header.difficulty);
        let forks = ForkSchedule::new(&genesis.config, hash, genesis.timestamp);
        let size = block::compute_size(&header, &[], &[], withdrawals.as_ref());
        let content = Content {
            withdrawals,
            size,
            ..Content::default()
        };
        let block = unsigned(header, hash, content);
        let mut shared = Shared::new(spec, forks, config, state, block);
        shared.takes_blobs = true;
        Ok(Self {
            shared,
            total_difficulty,
            imported: 0,
            merge_at,
        })
    }

    /// Number and hash of the head.
    #[must_use]
    pub fn head(&self) -> (u64, B256) {
        let head = self.shared.history.read().head();
        (head.number(), head.hash)
    }

    /// The chain as it is now, for its readers. Nothing is imported any more.
    #[must_use]
    pub fn into_view(self) -> ChainView {
        ChainView::new(self.shared)
    }

    /// Imports the blocks of a file: RLP lists, one after another. Returns how many.
    pub fn import(&mut self, file: &[u8]) -> Result<usize, ImportError> {
        self.import_with(file, |_, _| {})
    }

    /// As [`Self::import`], and tells after each block its number and how many bytes of the file are done.
    pub fn import_with(
        &mut self,
        mut file: &[u8],
        mut progress: impl FnMut(u64, usize),
    ) -> Result<usize, ImportError> {
        let (before, size) = (self.imported, file.len());
        while !file.is_empty() {
            let number = self.imported.saturating_add(1);
            let start = file;
            alloy_rlp::Header::decode_bytes(&mut file, true)
                .map_err(|error| ImportError::File { number, error })?;
            let length = start.len().saturating_sub(file.len());
            self.import_block(start.get(..length).unwrap_or_default(), number)?;
            self.imported = number;
            progress(self.head().0, size.saturating_sub(file.len()));
        }
        Ok(self.imported.saturating_sub(before))
    }

    fn import_block(&mut self, rlp: &[u8], number: usize) -> Result<(), ImportError> {
        let refuse = |error: BlockError| ImportError::Block { number, error };
        let decoded = decode_block(rlp).map_err(refuse)?;
        let header = &decoded.block.header;
        let parent = self.shared.history.read().head();
        if header.parent_hash != parent.hash {
            return Err(ImportError::Parent {
                number,
                expected: parent.hash,
                got: header.parent_hash,
            });
        }
        if self
            .merge_at
            .is_some_and(|merge| self.total_difficulty >= merge)
        {
            self.merge_at = None;
            let at = ForkCondition::Block(header.number);
            self.shared.spec = self.shared.spec.clone().with_fork(Fork::Paris, at);
        }
        let shared = &self.shared;
        verify_header_rules(&shared.spec, header, parent.header(), parent.hash).map_err(refuse)?;
        let near = shared.history.read().newest(ANCESTORS);
        let ancestors: Vec<Ancestor<'_>> = near
            .iter()
            .map(|block| Ancestor {
                header: block.header(),
                hash: block.hash,
                ommers: &block.ommers,
            })
            .collect();
        verify_body(&shared.spec, &decoded, &ancestors).map_err(refuse)?;
        let (executed, witness) = self.execute(&decoded, &parent).map_err(refuse)?;
        let rules = shared.spec.account_rules(header.number, header.timestamp);
        let looked_at = request_contracts(&shared.spec, header);
        let committed =
            shared
                .state
                .commit(parent.state_root(), &executed.bal, looked_at, &rules)?;
        if let Err(error) = verify_outcome(header, &executed, committed.root) {
            shared.state.release(committed.root)?;
            return Err(refuse(error));
        }
        self.total_difficulty = self.total_difficulty.saturating_add(header.difficulty);
        let execution = witness.capture(shared, parent.number(), committed.execution_nodes)?;
        let DecodedBlock { block, hash, size } = decoded;
        let content = Content {
            transactions: block.body.transactions,
            ommers: block.body.ommers,
            withdrawals: block.body.withdrawals,
            size: size as u64,
            witness: committed.witness,
            execution,
            executed,
        };
        let block = Arc::new(unsigned(block.header, hash, content));
        shared.publish(&block)?;
        Ok(())
    }

    fn execute(
        &self,
        decoded: &DecodedBlock,
        parent: &SealedBlock,
    ) -> Result<(Executed, Accessed), BlockError> {
        let shared = &self.shared;
        let (header, root) = (&decoded.block.header, parent.state_root());
        let rules = shared.spec.account_rules(header.number, header.timestamp);
        let view = StateView::new(shared.state.clone(), root);
        let mut recorded = Recorded::new(StateReader::new(shared, view));
        let mut roots = |changes: &[AccountChanges]| {
            let mut state = PartialState::from_root(root);
            state.apply_with_under(|hash| shared.state.node(hash), changes, &rules)?;
            Ok(state.root())
        };
        let executed = execute_block(&shared.spec, decoded, &mut recorded, None, &mut roots)?;
        let accessed = Accessed {
            codes: recorded.codes().clone(),
            oldest_block: recorded.oldest_block(),
        };
        Ok((executed, accessed))
    }
}

/// What a block holds beyond its header.
#[derive(Default)]
struct Content {
    transactions: Vec<TxEnvelope>,
    ommers: Vec<Header>,
    withdrawals: Option<Withdrawals>,
    size: u64,
    witness: Vec<Bytes>,
    execution: Option<ExecutionWitness>,
    executed: Executed,
}

/// A block that nobody signed for light clients: signature and extension are empty.
fn unsigned(header: Header, hash: B256, content: Content) -> SealedBlock {
    let bal = content.executed.bal;
    SealedBlock {
        signed_header: SignedHeader {
            extension: Extension {
                version: Extension::VERSION,
                accounts_root: compute_accounts_root(&bal),
                frames_root: B256::ZERO,
                rules_hash: B256::ZERO,
                next_signer: Address::ZERO,
            },
            signature: [0; 65],
            header,
        },
        hash,
        transactions: content.transactions,
        senders: content.executed.senders,
        receipts: content.executed.receipts,
        ommers: content.ommers,
        withdrawals: content.withdrawals,
        bal_raw: alloy_rlp::encode(&bal).into(),
        bal,
        witness: content.witness,
        execution: content.execution,
        held_since: (Vec::new(), Vec::new()),
        size: content.size,
    }
}

/// Forks and blob parameters, and the total difficulty of the merge if its block is not known.
fn read_spec(config: &ChainConfig) -> (ChainSpec, Option<U256>) {
    let mut spec = ChainSpec::frontier(config.chain_id);
    let dao = config.dao_fork_block.filter(|_| config.dao_fork_support);
    let blocks = [
        (Fork::Homestead, config.homestead_block),
        (Fork::Dao, dao),
        (Fork::Tangerine, config.eip150_block),
        (Fork::SpuriousDragon, config.eip158_block),
        (Fork::Byzantium, config.byzantium_block),
        (Fork::Constantinople, config.constantinople_block),
        (Fork::Petersburg, config.petersburg_block),
        (Fork::Istanbul, config.istanbul_block),
        (Fork::MuirGlacier, config.muir_glacier_block),
        (Fork::Berlin, config.berlin_block),
        (Fork::London, config.london_block),
        (Fork::ArrowGlacier, config.arrow_glacier_block),
        (Fork::GrayGlacier, config.gray_glacier_block),
    ];
    for (fork, block) in blocks {
        if let Some(block) = block {
            spec = spec.with_fork(fork, ForkCondition::Block(block));
        }
    }
    let times = [
        (Fork::Shanghai, config.shanghai_time),
        (Fork::Cancun, config.cancun_time),
        (Fork::Prague, config.prague_time),
        (Fork::Osaka, config.osaka_time),
        (Fork::Bpo1, config.bpo1_time),
        (Fork::Bpo2, config.bpo2_time),
        (Fork::Bpo3, config.bpo3_time),
        (Fork::Bpo4, config.bpo4_time),
        (Fork::Bpo5, config.bpo5_time),
    ];
    for (fork, time) in times {
        let Some(time) = time else { continue };
        spec = spec.with_fork(fork, ForkCondition::Timestamp(time));
        let scheduled = config.blob_schedule.get(&fork.name().to_lowercase());
        if let Some(scheduled) = scheduled {
            let usual = spec.blob_params_at(time).unwrap_or(BlobParams::cancun());
            let params = BlobParams {
                target_blob_count: scheduled.target_blob_count,
                max_blob_count: scheduled.max_blob_count,
                update_fraction: scheduled.update_fraction,
                ..usual
            };
            spec = spec.with_blobs(time, params);
        }
    }
    spec.deposit_contract = config.deposit_contract_address;
    let merge = config.terminal_total_difficulty;
    match merge {
        Some(difficulty) if !difficulty.is_zero() => (spec, Some(difficulty)),
        Some(_) => (spec.with_fork(Fork::Paris, ForkCondition::ZERO_BLOCK), None),
        None => (spec, None),
    }
}

fn to_header(
    genesis: &Genesis,
    spec: &ChainSpec,
    state_root: B256,
) -> Result<Header, GenesisError> {
    let is_active = |fork| spec.is_active(fork, 0, genesis.timestamp);
    let base_fee = genesis::base_fee(genesis)?;
    let cancun = is_active(Fork::Cancun);
    Ok(Header {
        beneficiary: genesis.coinbase,
        state_root,
        difficulty: genesis.difficulty,
        gas_limit: genesis.gas_limit,
        timestamp: genesis.timestamp,
        extra_data: Bytes::clone(&genesis.extra_data),
        mix_hash: genesis.mix_hash,
        nonce: B64::from(genesis.nonce),
        base_fee_per_gas: is_active(Fork::London).then_some(base_fee),
        withdrawals_root: is_active(Fork::Shanghai).then_some(EMPTY_ROOT_HASH),
        blob_gas_used: cancun.then(|| genesis.blob_gas_used.unwrap_or_default()),
        excess_blob_gas: cancun.then(|| genesis.excess_blob_gas.unwrap_or_default()),
        parent_beacon_block_root: cancun.then_some(B256::ZERO),
        requests_hash: is_active(Fork::Prague).then_some(alloy_eips::eip7685::EMPTY_REQUESTS_HASH),
        ..Header::default()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use std::path::{Path, PathBuf};

    use alloy_eips::BlockNumberOrTag;
    use alloy_genesis::GenesisAccount;
    use alloy_trie::{TrieAccount, root::state_root_unhashed};
    use sidelight_core::proof::compute_ordered_root;

    use super::*;

    /// A chain from Homestead to Osaka with both blob forks, of ethereum/execution-apis. Says so when it is not there.
    fn official_chain() -> Option<(Genesis, Vec<u8>, B256)> {
        let root = std::env::var_os("SIDELIGHT_VECTORS").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
            PathBuf::from,
        );
        let folder = root.join("execution-apis/tests");
        let Ok(chain) = std::fs::read(folder.join("chain.rlp")) else {
            println!("skipped: no test data at {}", folder.display());
            return None;
        };
        let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let head: serde_json::Value = serde_json::from_str(&text("headfcu.json")).unwrap();
        let head = head["params"][0]["headBlockHash"].as_str().unwrap();
        let genesis = serde_json::from_str(&text("genesis.json")).unwrap();
        Some((genesis, chain, head.parse().unwrap()))
    }

    #[test]
    fn an_official_chain_from_homestead_to_osaka_has_its_head() {
        let Some((genesis, file, head)) = official_chain() else {
            return;
        };
        let mut chain = ImportedChain::open(&genesis, ViewConfig::default()).unwrap();
        let blocks = chain.import(&file).unwrap();
        assert_eq!(chain.head(), (blocks as u64, head));
    }

    #[test]
    fn a_genesis_state_has_empty_accounts_too() {
        let storage = [(B256::with_last_byte(1), B256::with_last_byte(2))];
        let full = GenesisAccount::default().with_balance(U256::ONE);
        let relic = GenesisAccount::default().with_storage(Some(storage.into()));
        let accounts = [full, GenesisAccount::default(), relic];
        let named = accounts
            .into_iter()
            .enumerate()
            .map(|(index, account)| (Address::with_last_byte(index as u8 + 1), account));
        let genesis = Genesis::default().extend_accounts(named);
        let accounts = genesis.alloc.clone().into_iter();
        let accounts = accounts.map(|(address, account)| (address, TrieAccount::from(account)));
        let expected = state_root_unhashed(accounts);
        for eip161 in [None, Some(0)] {
            let mut genesis = genesis.clone();
            genesis.config.eip158_block = eip161;
            let chain = ImportedChain::open(&genesis, ViewConfig::default()).unwrap();
            assert_eq!(chain.into_view().head().state_root(), expected);
        }
    }

    #[test]
    fn an_imported_chain_keeps_what_its_file_holds() {
        let Some((genesis, file, _)) = official_chain() else {
            return;
        };
        let mut chain = ImportedChain::open(&genesis, ViewConfig::default()).unwrap();
        chain.import(&file).unwrap();
        let chain = chain.into_view();
        let blocks = (1..=chain.head().number()).map(|number| chain.block_by_number(number));
        let blocks: Vec<_> = blocks.collect::<Result<_, _>>().unwrap();
        let encoded: Vec<u8> = blocks.iter().flat_map(|block| block.encoded()).collect();
        assert_eq!(encoded, file);
        for block in &blocks {
            let root = compute_ordered_root(&block.encoded_receipts());
            assert_eq!(root, block.header().receipts_root, "{}", block.number());
            assert_eq!(block.size, block.encoded().len() as u64);
            assert!(
                chain
                    .state_at(block.hash.into())
                    .unwrap()
                    .account(block.header().beneficiary)
                    .is_ok()
            );
        }
        // The price that each block has was known before it.
        for pair in blocks.windows(2) {
            let [before, after] = pair else { continue };
            assert_eq!(chain.base_fee_after(before.header()), after.base_fee());
        }
    }

    #[test]
    fn only_what_is_retained_is_kept() {
        let Some((genesis, file, head)) = official_chain() else {
            return;
        };
        let config = ViewConfig {
            retain_blocks: 8,
            ..ViewConfig::default()
        };
        let mut chain = ImportedChain::open(&genesis, config).unwrap();
        chain.import(&file).unwrap();
        assert_eq!(chain.head().1, head);
        let chain = chain.into_view();
        let (last, oldest) = (chain.head().number(), chain.oldest_number());
        assert_eq!(last - oldest, 7);
        // What is older keeps header, transactions and receipts, and only the state that the oldest block starts from.
        let old = chain.block_by_number(oldest - 1).unwrap();
        assert_eq!(old.number(), oldest - 1);
        let kept = |number: u64| chain.state_at(number.into());
        assert!(kept(oldest - 1).is_ok());
        let pruned = kept(oldest - 2);
        assert!(
            matches!(pruned, Err(ChainError::Pruned { .. })),
            "{pruned:?}"
        );
        // The state before the oldest block, and those after the eight.
        assert_eq!(chain.state().stats().roots, 9);
    }

    #[test]
    fn tags_name_the_marked_blocks() {
        let Some((genesis, file, head)) = official_chain() else {
            return;
        };
        let mut chain = ImportedChain::open(&genesis, ViewConfig::default()).unwrap();
        chain.import(&file).unwrap();
        let chain = chain.into_view();
        let hash = |id: BlockNumberOrTag| chain.block(id.into()).unwrap().hash;
        let (safe, finalized) = (hash(40.into()), hash(30.into()));
        assert_eq!(hash(BlockNumberOrTag::Safe), head);
        assert!(chain.mark(finalized, safe).is_err());
        assert!(matches!(
            chain.mark(B256::ZERO, finalized),
            Err(ChainError::UnknownBlock)
        ));
        assert_eq!(hash(BlockNumberOrTag::Finalized), head);
        chain.mark(safe, finalized).unwrap();
        assert_eq!(hash(BlockNumberOrTag::Safe), safe);
        assert_eq!(hash(BlockNumberOrTag::Finalized), finalized);
        assert_eq!(hash(BlockNumberOrTag::Latest), head);
    }

    #[test]
    fn a_changed_file_is_refused_at_the_block_that_changed() {
        let Some((genesis, file, _)) = official_chain() else {
            return;
        };
        for at in (40..file.len()).step_by(file.len() / 3) {
            let mut changed = file.clone();
            changed[at] ^= 1;
            let mut chain = ImportedChain::open(&genesis, ViewConfig::default()).unwrap();
            assert!(chain.import(&changed).is_err(), "byte {at}");
        }
        let mut chain = ImportedChain::open(&genesis, ViewConfig::default()).unwrap();
        let cut = chain.import(&file[..file.len() - 1]);
        assert!(matches!(cut, Err(ImportError::File { .. })), "{cut:?}");
    }
}
