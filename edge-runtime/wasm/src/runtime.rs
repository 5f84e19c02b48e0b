//! What ran a model, as JavaScript says it (`RuntimeUsed`).

use std::{collections::BTreeMap, sync::LazyLock};

use alloy_primitives::B256;
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

/// The options of the pinned engine, which has no providers. There are two, and they are hashed once.
pub(crate) fn pinned_options_hash(optimise: bool) -> B256 {
    static HASHES: LazyLock<[B256; 2]> =
        LazyLock::new(|| [options_hash(false, None), options_hash(true, None)]);
    let [plain, optimised] = *HASHES;
    if optimise { optimised } else { plain }
}

fn options_hash(optimise: bool, provider: Option<&str>) -> B256 {
    let mut options = BTreeMap::from([("optimise", OptionValue::Flag(optimise))]);
    if let Some(provider) = provider {
        options.insert("provider", OptionValue::Text(provider.to_owned()));
    }
    hash_options(&options)
}
