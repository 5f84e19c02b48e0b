//! Which rules hold at which block: the forks of a chain and its blob parameters (EIP-7840, EIP-7892).

use alloy_eips::eip7840::BlobParams;
pub use alloy_hardforks::EthereumHardfork as Fork;
use alloy_hardforks::{EthereumHardforks, ForkCondition};
use alloy_primitives::Address;
use revm::primitives::hardfork::SpecId;

use crate::history::ForkRules;

/// The forks up to Paris activate by number, those after it by time.
const ORDER: [Fork; 21] = [
    Fork::Frontier,
    Fork::Homestead,
    Fork::Dao,
    Fork::Tangerine,
    Fork::SpuriousDragon,
    Fork::Byzantium,
    Fork::Constantinople,
    Fork::Petersburg,
    Fork::Istanbul,
    Fork::MuirGlacier,
    Fork::Berlin,
    Fork::London,
    Fork::ArrowGlacier,
    Fork::GrayGlacier,
    Fork::Paris,
    Fork::Shanghai,
    Fork::Cancun,
    Fork::Prague,
    Fork::Osaka,
    Fork::Bpo1,
    Fork::Bpo2,
];

/// The rules of one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainSpec {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// When each fork begins. A fork that is not listed never does.
    forks: Vec<(Fork, ForkCondition)>,
    /// Blob parameters by the time from which they hold, ascending.
    blobs: Vec<(u64, BlobParams)>,
    /// The deposit contract of EIP-6110.
    pub deposit_contract: Option<Address>,
    /// Whether a block from Prague on is invalid where the request contracts (EIP-7002, EIP-7251) are missing. Ethereum's rule, and not that of a chain without validators.
    pub requires_request_contracts: bool,
}

impl ChainSpec {
    /// A chain on which every fork up to `fork` holds from genesis on.
    #[must_use]
    pub fn from_genesis_at(fork: Fork, chain_id: u64) -> Self {
        let mut spec = Self::frontier(chain_id);
        for earlier in ORDER.into_iter().take_while(|earlier| *earlier <= fork) {
            // The irregular state change of the DAO happened on one chain only.
            if earlier != Fork::Dao {
                spec = spec.with_fork(earlier, Self::at_genesis(earlier));
            }
        }
        spec
    }

    /// A chain of Sidelight: Osaka from genesis on, without validators, so that deposits and request contracts mean nothing unless the genesis deploys the latter.
    #[must_use]
    pub fn sidelight(chain_id: u64) -> Self {
        Self {
            deposit_contract: None,
            requires_request_contracts: false,
            ..Self::from_genesis_at(Fork::Osaka, chain_id)
        }
    }

    /// A chain with Frontier's rules for ever.
    #[must_use]
    pub fn frontier(chain_id: u64) -> Self {
        Self {
            chain_id,
            forks: vec![(Fork::Frontier, ForkCondition::ZERO_BLOCK)],
            blobs: Vec::new(),
            deposit_contract: Some(alloy_eips::eip6110::MAINNET_DEPOSIT_CONTRACT_ADDRESS),
            requires_request_contracts: true,
        }
    }

    fn at_genesis(fork: Fork) -> ForkCondition {
        if fork > Fork::Paris {
            ForkCondition::ZERO_TIMESTAMP
        } else {
            ForkCondition::ZERO_BLOCK
        }
    }

    /// The chain with a fork at `condition`, and that fork's usual blob parameters from then on.
    #[must_use]
    pub fn with_fork(mut self, fork: Fork, condition: ForkCondition) -> Self {
        self.forks.retain(|(known, _)| *known != fork);
        self.forks.push((fork, condition));
        let blobs = match fork {
            Fork::Cancun => BlobParams::cancun(),
            Fork::Prague => BlobParams::prague(),
            Fork::Osaka => BlobParams::osaka(),
            Fork::Bpo1 => BlobParams::bpo1(),
            Fork::Bpo2 => BlobParams::bpo2(),
            _ => return self,
        };
        match condition.as_timestamp() {
            Some(from) => self.with_blobs(from, blobs),
            None => self,
        }
    }

    /// The chain with other blob parameters from a time on.
    #[must_use]
    pub fn with_blobs(mut self, from: u64, params: BlobParams) -> Self {
        // A later entry for the same time is the later fork's.
        self.blobs.push((from, params));
        self.blobs.sort_by_key(|(from, _)| *from);
        self
    }

    /// The blob parameters at a time; none before Cancun.
    #[must_use]
    pub fn blob_params_at(&self, timestamp: u64) -> Option<BlobParams> {
        let begun = self.blobs.iter().take_while(|(from, _)| *from <= timestamp);
        begun.last().map(|(_, params)| *params)
    }

    /// revm's name for the rules of a block.
    #[must_use]
    pub fn spec_id(&self, number: u64, timestamp: u64) -> SpecId {
        alloy_evm::spec_by_timestamp_and_block_number(self, timestamp, number)
    }

    /// When accounts go, at a block.
    #[must_use]
    pub fn account_rules(&self, number: u64, timestamp: u64) -> ForkRules {
        ForkRules(self.spec_id(number, timestamp))
    }

    /// Whether a fork has begun at a block.
    #[must_use]
    pub fn is_active(&self, fork: Fork, number: u64, timestamp: u64) -> bool {
        self.ethereum_fork_activation(fork)
            .active_at_timestamp_or_number(timestamp, number)
    }
}

impl EthereumHardforks for ChainSpec {
    fn ethereum_fork_activation(&self, fork: Fork) -> ForkCondition {
        let listed = self.forks.iter().find(|(known, _)| *known == fork);
        listed.map_or(ForkCondition::Never, |(_, condition)| *condition)
    }
}
