//! What ran a model, as JavaScript says it (`RuntimeUsed`).

use std::collections::BTreeMap;

use alloy_primitives::{B256, b256};
use serde::Deserialize;
use sidelight_edge_core::{
    class::{OptionValue, check_runtime, hash_options},
    typed::Runtime,
};

use crate::Refusal;

/// `RuntimeUsed` of `pkg/src/decisions/types.ts`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RuntimeUsed {
    det_class: u8,
    engine: String,
    engine_sha256: B256,
    pub(crate) optimise: bool,
    #[serde(default)]
    provider: Option<String>,
    atol_e9: u64,
    rtol_e9: u64,
}

impl RuntimeUsed {
    /// As it is hashed; refused where it claims what its class does not allow.
    pub(crate) fn to_runtime(&self) -> Result<Runtime, Refusal> {
        let runtime = Runtime {
            detClass: self.det_class,
            engineSha256: self.engine_sha256,
            engine: self.engine.clone(),
            optionsHash: options_hash(self.optimise, self.provider.as_deref()),
            sampling: B256::ZERO,
            atolE9: self.atol_e9,
            rtolE9: self.rtol_e9,
        };
        check_runtime(&runtime).map_err(|error| Refusal::argument("runtime", error))?;
        Ok(runtime)
    }
}

/// The options of the pinned engine, which has no providers: `{"optimise":true}` or `{"optimise":false}`. A second run is judged in microseconds, so they are not hashed for each.
pub(crate) const fn pinned_options_hash(optimise: bool) -> B256 {
    if optimise { OPTIMISED } else { PLAIN }
}

const OPTIMISED: B256 = b256!("d5bb86974a85fbf6ea1e4c12e98ee83ac692ec957df971350c3608fbbc91172c");
const PLAIN: B256 = b256!("5eaff64d1cc7334d072b741d200944cf511a3b4c36aa58137515452637a71921");

fn options_hash(optimise: bool, provider: Option<&str>) -> B256 {
    let mut options = BTreeMap::new();
    options.insert("optimise", OptionValue::Flag(optimise));
    if let Some(provider) = provider {
        options.insert("provider", OptionValue::Text(provider.to_owned()));
    }
    hash_options(&options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_the_hashes() {
        for optimise in [false, true] {
            assert_eq!(pinned_options_hash(optimise), options_hash(optimise, None));
        }
    }
}
