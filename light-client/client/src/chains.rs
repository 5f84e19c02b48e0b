//! The chains that are built in, and the rules of others from JSON.

use alloy_primitives::{Address, B256, address, b256};
use sidelight_core::rules::ChainRules;

use crate::{
    dto::{ChainOption, RulesView},
    error::ClientError,
};

/// Hash of the genesis block that `node-lite --dev` makes without a genesis file.
pub const DEV_GENESIS_HASH: B256 =
    b256!("0x714bc6be4044e4bd8d1dfe0e0351b529213206011c65384480492de6a8a8e093");
/// Signer of the development chain's blocks; its key is public.
pub const DEV_SIGNER: Address = address!("0x0f12e3ea7f45c92aaf2c5f3a43718db61e5de5bf");

/// The rules of `node-lite --dev`.
pub const fn dev() -> ChainRules {
    ChainRules::dev(DEV_GENESIS_HASH, DEV_SIGNER)
}

/// The rules that an option names.
pub fn resolve(option: &ChainOption) -> Result<ChainRules, ClientError> {
    match option {
        ChainOption::Named(name) if name == "dev" => Ok(dev()),
        ChainOption::Named(name) => Err(ClientError::Params(format!(
            "chain: expected \"dev\" or rules, got {name:?}"
        ))),
        ChainOption::Rules(view) => read_rules(view),
    }
}

fn read_rules(view: &RulesView) -> Result<ChainRules, ClientError> {
    let usual = ChainRules::dev(view.genesis_hash, view.genesis_signer);
    let rules = ChainRules {
        chain_id: view.chain_id,
        base_fee_change_denominator: view
            .base_fee_change_denominator
            .unwrap_or(usual.base_fee_change_denominator),
        base_fee_elasticity: view
            .base_fee_elasticity
            .unwrap_or(usual.base_fee_elasticity),
        gas_limit_bound_divisor: view
            .gas_limit_bound_divisor
            .unwrap_or(usual.gas_limit_bound_divisor),
        min_gas_limit: view.min_gas_limit.unwrap_or(usual.min_gas_limit),
        max_clock_drift_s: view.max_clock_drift_s.unwrap_or(usual.max_clock_drift_s),
        ..usual
    };
    // The decoder knows which rules make no sense.
    ChainRules::decode(&rules.encode())
        .map_err(|error| ClientError::Params(format!("chain: {error}")))
}

/// The rules as JSON.
pub fn view(rules: &ChainRules) -> RulesView {
    RulesView {
        chain_id: rules.chain_id,
        genesis_hash: rules.genesis_hash,
        genesis_signer: rules.genesis_signer,
        base_fee_change_denominator: Some(rules.base_fee_change_denominator),
        base_fee_elasticity: Some(rules.base_fee_elasticity),
        gas_limit_bound_divisor: Some(rules.gas_limit_bound_divisor),
        min_gas_limit: Some(rules.min_gas_limit),
        max_clock_drift_s: Some(rules.max_clock_drift_s),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_survive_json_and_need_three_fields_only() {
        let rules = ChainRules {
            chain_id: 7,
            min_gas_limit: 6_000,
            ..dev()
        };
        assert_eq!(resolve(&ChainOption::Rules(view(&rules))).unwrap(), rules);
        let json = format!(
            "{{\"chainId\":7,\"genesisHash\":\"{}\",\"genesisSigner\":\"{}\"}}",
            B256::ZERO,
            Address::ZERO
        );
        let short: RulesView = serde_json::from_str(&json).unwrap();
        assert_eq!(
            resolve(&ChainOption::Rules(short))
                .unwrap()
                .base_fee_elasticity,
            2
        );
    }

    #[test]
    fn senseless_rules_and_unknown_names_are_bad_parameters() {
        let mut zero = view(&dev());
        zero.base_fee_elasticity = Some(0);
        for option in [
            ChainOption::Rules(zero),
            ChainOption::Named("mainnet".into()),
        ] {
            assert_eq!(resolve(&option).unwrap_err().code(), -32602);
        }
    }
}
