//! The block that a request runs on top of: what the opcodes from `COINBASE` to `BLOBBASEFEE` see.

use revm::{
    context::{BlockEnv, CfgEnv},
    primitives::{Address, B256, U256, eip4844, hardfork::SpecId},
};

/// The fields of a verified header that execution reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockContext {
    /// Chain id, for `CHAINID` and the request's own `chainId`.
    pub chain_id: u64,
    /// Block number.
    pub number: u64,
    /// Seconds since the Unix epoch.
    pub timestamp: u64,
    /// The block's gas limit; `eth_estimateGas` begins its search there.
    pub gas_limit: u64,
    /// Base fee in wei per gas.
    pub base_fee: u64,
    /// Who gets the fees.
    pub beneficiary: Address,
    /// `mix_hash`, which `PREVRANDAO` returns.
    pub prevrandao: B256,
    /// Excess blob gas, from which the blob base fee follows.
    pub excess_blob_gas: u64,
}

impl BlockContext {
    /// The environment of the EVM. As in geth, a request that pays nothing sees a base fee of zero.
    pub(crate) fn env(&self, pays: bool) -> BlockEnv {
        let mut env = BlockEnv {
            number: U256::from(self.number),
            beneficiary: self.beneficiary,
            timestamp: U256::from(self.timestamp),
            gas_limit: self.gas_limit,
            basefee: if pays { self.base_fee } else { 0 },
            difficulty: U256::ZERO,
            prevrandao: Some(self.prevrandao),
            ..BlockEnv::default()
        };
        env.set_blob_excess_gas_and_price(
            self.excess_blob_gas,
            eip4844::BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE,
        );
        env
    }

    /// Osaka's rules, without those that only a signed transaction must meet: nonce, sender without code, gas limits.
    pub(crate) fn cfg(&self, pays: bool) -> CfgEnv {
        let mut cfg = CfgEnv::new_with_spec(SpecId::OSAKA).with_chain_id(self.chain_id);
        cfg.disable_nonce_check = true;
        cfg.disable_eip3607 = true;
        cfg.disable_block_gas_limit = true;
        cfg.disable_base_fee = !pays;
        cfg.disable_fee_charge = !pays;
        cfg.tx_gas_limit_cap = Some(u64::MAX);
        cfg
    }
}
