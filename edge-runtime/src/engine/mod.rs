//! The pinned engine in [wasmtime](https://docs.rs/wasmtime): class D0.
//!
//! The module computes the same bits here and in a browser because nothing that may differ is left: no relaxed SIMD, no threads, no imports, one NaN. Compiled once a machine and kept in a
//! cache that wasmtime keys by the module and by how it is compiled.

mod session;

use std::{collections::BTreeMap, path::Path, time::Instant};

use alloy_primitives::{B256, b256};
use sidelight_edge_core::{
    class::{DetClass, OptionValue, hash_options},
    manifest::hash_file,
    tensor::{DType, Tensor},
    typed::Runtime,
};
use wasmtime::{Cache, CacheConfig, Config, Engine, Module};

use crate::{
    backend::{Backend, BackendError, DeviceProfile, Options, Session},
    store::Model,
};

/// The module of [`VERSION`].
pub const WASM: &[u8] = include_bytes!("../../engine/artefact/sidelight-engine.wasm");
/// Its SHA-256, which is what a decision names.
pub const SHA256: B256 = b256!("46268ea4dac6d8ceb54e66a9becac78cd525d8f8028d46910df5de191787a79a");
/// Name and version.
pub const VERSION: &str = "sidelight-engine/1.0.0";

/// The version of the module's interface that this program speaks.
const ABI: u32 = 1;
/// The probe's matrices are of this size.
const PROBE: u64 = 256;
/// The probe runs so often; the median counts.
const PROBE_RUNS: usize = 5;

/// The engine, compiled for this machine.
#[derive(Debug)]
pub struct PinnedEngine {
    module: Module,
}

impl PinnedEngine {
    /// Checks the module's hash and compiles it, or takes what was compiled before from a folder that nobody else may write to.
    pub fn open(cache: Option<&Path>) -> Result<Self, BackendError> {
        let got = hash_file(WASM);
        if got != SHA256 {
            return Err(BackendError::Backend(format!(
                "engine: expected {SHA256}, got {got}"
            )));
        }
        let engine = Engine::new(&config(cache)?).map_err(damaged)?;
        let module = Module::new(&engine, WASM).map_err(damaged)?;
        if let Some(import) = module.imports().next() {
            return Err(BackendError::Backend(format!(
                "engine: expected no imports, got {}",
                import.name()
            )));
        }
        Ok(Self { module })
    }
}

impl Backend for PinnedEngine {
    fn name(&self) -> &str {
        VERSION
    }

    fn class(&self) -> DetClass {
        DetClass::D0
    }

    fn runtime(&self, options: &Options) -> Runtime {
        // Limits are not among them: they decide whether there is an answer, not which.
        let options = BTreeMap::from([("optimise", OptionValue::Flag(options.optimise))]);
        Runtime {
            detClass: DetClass::D0.number(),
            engineSha256: SHA256,
            engine: VERSION.into(),
            optionsHash: hash_options(&options),
            sampling: B256::ZERO,
            atolE9: 0,
            rtolE9: 0,
        }
    }

    fn load(&self, model: &Model, options: &Options) -> Result<Box<dyn Session>, BackendError> {
        Ok(Box::new(session::EngineSession::load(
            &self.module,
            model,
            options,
        )?))
    }

    fn profile(&self) -> Result<DeviceProfile, BackendError> {
        Ok(DeviceProfile {
            f32_macs_per_s: self.probe(
                include_bytes!("../../models/probe-f32.onnx"),
                DType::F32,
                DType::F32,
            )?,
            int8_macs_per_s: self.probe(
                include_bytes!("../../models/probe-int8.onnx"),
                DType::U8,
                DType::I8,
            )?,
        })
    }
}

impl PinnedEngine {
    /// One product of two square matrices, several times.
    fn probe(&self, file: &[u8], a: DType, b: DType) -> Result<f64, BackendError> {
        let model =
            Model::new(file.to_vec()).map_err(|error| BackendError::Model(error.to_string()))?;
        let mut session = self.load(&model, &Options::default())?;
        let matrix = |name: &str, dtype: DType| {
            let size = dtype.size().unwrap_or(1).saturating_mul(256 * 256);
            Tensor::new(name, dtype, [PROBE, PROBE], vec![1; size])
        };
        let inputs = [matrix("a", a)?, matrix("b", b)?];
        let mut times = Vec::with_capacity(PROBE_RUNS);
        session.run(&inputs)?;
        for _ in 0..PROBE_RUNS {
            let started = Instant::now();
            session.run(&inputs)?;
            times.push(started.elapsed());
        }
        times.sort_unstable();
        let median = times
            .get(PROBE_RUNS / 2)
            .map_or(f64::INFINITY, |time| time.as_secs_f64());
        Ok((PROBE * PROBE * PROBE) as f64 / median)
    }
}

fn config(cache: Option<&Path>) -> Result<Config, BackendError> {
    let mut config = Config::new();
    config
        .wasm_simd(true)
        .wasm_relaxed_simd(false)
        .cranelift_nan_canonicalization(true)
        .consume_fuel(true);
    if let Some(folder) = cache {
        let mut settings = CacheConfig::new();
        settings.with_directory(folder);
        config.cache(Some(Cache::new(settings).map_err(damaged)?));
    }
    Ok(config)
}

fn damaged(error: wasmtime::Error) -> BackendError {
    BackendError::Backend(format!("{error:#}"))
}
