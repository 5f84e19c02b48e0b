//! When a chain's forks begin: its fork identifiers ([EIP-6122](https://eips.ethereum.org/EIPS/eip-6122)) and the configurations that a node tells
//! ([EIP-7910](https://eips.ethereum.org/EIPS/eip-7910)).

use alloy_eips::{
    eip2124::{ForkFilter, ForkFilterKey, Head},
    eip2935::HISTORY_STORAGE_ADDRESS,
    eip4788::BEACON_ROOTS_ADDRESS,
    eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
    eip7840::BlobParams,
};
use alloy_genesis::ChainConfig;
use alloy_primitives::{Address, B256};
use revm::precompile::{PrecompileSpecId, Precompiles};
use sidelight_executor::{ChainSpec, Fork};

/// The forks of a chain, as its genesis file names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkSchedule {
    genesis_hash: B256,
    genesis_time: u64,
    blocks: Vec<u64>,
    /// Ascending, each once.
    times: Vec<u64>,
}

/// The rules from one fork on, as EIP-7910 tells them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForkConfig {
    /// When they begin; zero if with the genesis block.
    pub activation_time: u64,
    /// None before Cancun.
    pub blobs: Option<BlobParams>,
    /// EIP-6122's hash once they hold.
    pub fork_id: [u8; 4],
    /// By name.
    pub precompiles: Vec<(String, Address)>,
    /// By name.
    pub system_contracts: Vec<(&'static str, Address)>,
}

impl ForkSchedule {
    /// The schedule of a genesis file's config.
    pub(crate) fn new(config: &ChainConfig, genesis_hash: B256, genesis_time: u64) -> Self {
        let blocks = [
            config.homestead_block,
            config.dao_fork_block.filter(|_| config.dao_fork_support),
            config.eip150_block,
            config.eip155_block,
            config.eip158_block,
            config.byzantium_block,
            config.constantinople_block,
            config.petersburg_block,
            config.istanbul_block,
            config.muir_glacier_block,
            config.berlin_block,
            config.london_block,
            config.arrow_glacier_block,
            config.gray_glacier_block,
            config.merge_netsplit_block,
        ];
        let mut times: Vec<u64> = [
            config.shanghai_time,
            config.cancun_time,
            config.prague_time,
            config.osaka_time,
            config.bpo1_time,
            config.bpo2_time,
            config.bpo3_time,
            config.bpo4_time,
            config.bpo5_time,
            config.amsterdam_time,
        ]
        .into_iter()
        .flatten()
        .collect();
        times.sort_unstable();
        times.dedup();
        Self {
            genesis_hash,
            genesis_time,
            blocks: blocks.into_iter().flatten().collect(),
            times,
        }
    }

    /// Hash of block 0.
    pub const fn genesis_hash(&self) -> B256 {
        self.genesis_hash
    }

    /// When the rules that hold at `time` began; none before Shanghai, when forks had no time.
    pub fn current(&self, time: u64) -> Option<u64> {
        let begun = self.times.iter().take_while(|from| **from <= time);
        begun.last().copied()
    }

    /// When the rules after those that hold at `time` begin.
    pub fn next(&self, time: u64) -> Option<u64> {
        self.times.iter().find(|from| **from > time).copied()
    }

    /// When the last rules that are known begin.
    pub fn last(&self) -> Option<u64> {
        self.times.last().copied()
    }

    /// EIP-6122's hash at a time, all forks by number passed.
    pub fn id_at(&self, time: u64) -> [u8; 4] {
        let head = Head {
            number: u64::MAX,
            timestamp: time,
            ..Head::default()
        };
        let blocks = self.blocks.iter().copied().map(ForkFilterKey::Block);
        let times = self.times.iter().copied().map(ForkFilterKey::Time);
        let forks = blocks.chain(times);
        let filter = ForkFilter::new(head, self.genesis_hash, self.genesis_time, forks);
        filter.current().hash.0
    }

    /// The rules that begin at a time of the schedule.
    pub fn config_at(&self, spec: &ChainSpec, time: u64) -> ForkConfig {
        let id = spec.spec_id(u64::MAX, time);
        let precompiles = Precompiles::new(PrecompileSpecId::from_spec_id(id));
        let named = precompiles.addresses().filter_map(|address| {
            let precompile = precompiles.get(address)?;
            Some((precompile.id().name().to_owned(), *address))
        });
        let mut precompiles: Vec<_> = named.collect();
        precompiles.sort_unstable();
        let is_active = |fork| spec.is_active(fork, u64::MAX, time);
        let mut system_contracts = Vec::new();
        if is_active(Fork::Cancun) {
            system_contracts.push(("BEACON_ROOTS_ADDRESS", BEACON_ROOTS_ADDRESS));
        }
        if is_active(Fork::Prague) {
            let deposits = spec.deposit_contract;
            system_contracts.extend([
                (
                    "CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS",
                    CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
                ),
                ("HISTORY_STORAGE_ADDRESS", HISTORY_STORAGE_ADDRESS),
                (
                    "WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS",
                    WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
                ),
            ]);
            system_contracts
                .extend(deposits.map(|contract| ("DEPOSIT_CONTRACT_ADDRESS", contract)));
        }
        ForkConfig {
            activation_time: if time <= self.genesis_time { 0 } else { time },
            blobs: spec.blob_params_at(time),
            fork_id: self.id_at(time),
            precompiles,
            system_contracts,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use alloy_primitives::{b256, hex};

    use super::*;

    /// The fork identifiers of mainnet that EIP-2124 and EIP-6122 publish.
    #[test]
    fn mainnets_identifiers_are_the_published_ones() {
        let config = ChainConfig {
            homestead_block: Some(1_150_000),
            dao_fork_block: Some(1_920_000),
            dao_fork_support: true,
            eip150_block: Some(2_463_000),
            eip155_block: Some(2_675_000),
            eip158_block: Some(2_675_000),
            byzantium_block: Some(4_370_000),
            constantinople_block: Some(7_280_000),
            petersburg_block: Some(7_280_000),
            istanbul_block: Some(9_069_000),
            muir_glacier_block: Some(9_200_000),
            berlin_block: Some(12_244_000),
            london_block: Some(12_965_000),
            arrow_glacier_block: Some(13_773_000),
            gray_glacier_block: Some(15_050_000),
            shanghai_time: Some(1_681_338_455),
            cancun_time: Some(1_710_338_135),
            ..ChainConfig::default()
        };
        let genesis = b256!("0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3");
        let forks = ForkSchedule::new(&config, genesis, 0);
        assert_eq!(forks.id_at(0), hex!("f0afd0e3"), "Gray Glacier");
        assert_eq!(forks.id_at(1_681_338_455), hex!("dce96c2d"), "Shanghai");
        assert_eq!(forks.id_at(1_710_338_135), hex!("9f3d2254"), "Cancun");
        assert_eq!(forks.current(1_681_338_454), None);
        assert_eq!(forks.current(1_700_000_000), Some(1_681_338_455));
        assert_eq!(forks.next(1_700_000_000), Some(1_710_338_135));
        assert_eq!(forks.next(1_710_338_135), None);
        assert_eq!(forks.last(), Some(1_710_338_135));
    }
}
