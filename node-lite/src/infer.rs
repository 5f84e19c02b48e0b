//! Inference: the service behind `/v2`, and the process that runs its models.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use alloy_primitives::B256;
use axum::Router;
use clap::Args;
use eyre::{Context, Result, bail};
use node_lite_exec::{Chain, DECISION_PREDEPLOY};
use node_lite_infer::{Executor, Models, Service, ServiceConfig, router};
use sidelight_edge::{
    WorkerConfig, onnxruntime,
    worker::{ChildConfig, serve},
};

use crate::accounts::ACCOUNTS;
use crate::flags::Flags;

/// Which test account executes on a development chain.
const DEV_EXECUTOR: usize = 9;

/// What inference needs.
#[derive(Clone, Debug, Args)]
pub(crate) struct Infer {
    /// Serve the models of this folder over the Open Inference Protocol (/v2). Each is a manifest with its ONNX file.
    #[arg(long, value_name = "DIR", env = "NODE_LITE_MODELS")]
    pub(crate) models: Option<PathBuf>,

    /// ONNX Runtime's shared library. Without it, models run on the pinned engine.
    #[arg(long, value_name = "FILE", env = "ORT_DYLIB_PATH")]
    pub(crate) onnxruntime: Option<PathBuf>,

    /// File with the secp256k1 key in hex that signs decisions and pays for anchoring them; --dev uses a test account.
    #[arg(long, value_name = "FILE", env = "NODE_LITE_EXECUTOR_KEY_FILE")]
    pub(crate) executor_key_file: Option<PathBuf>,

    /// Memory of the process that runs models, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(64..=65_536))]
    pub(crate) infer_memory: u64,

    /// Seconds that loading a model, or one run of it, may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) infer_time: u64,
}

/// How the node starts its worker.
#[derive(Clone, Debug, Args)]
pub(crate) struct InferWorker {
    #[arg(long)]
    memory: u64,
    #[arg(long)]
    onnxruntime: Option<PathBuf>,
    #[arg(long)]
    cache: Option<PathBuf>,
}

impl InferWorker {
    pub(crate) fn run(&self) -> ExitCode {
        serve(ChildConfig {
            memory: self.memory,
            onnxruntime: self.onnxruntime.clone(),
            cache: self.cache.clone(),
        })
    }
}

/// The service, if there is a folder of models. Called in the runtime.
pub(crate) fn start(flags: &Flags, chain: &Chain) -> Result<Router> {
    let Some(folder) = &flags.infer.models else {
        return Ok(Router::new());
    };
    let models = Models::open(folder).wrap_err("cannot serve the models")?;
    let library = onnxruntime::find(flags.infer.onnxruntime.as_deref());
    match (&library, &flags.infer.onnxruntime) {
        (None, Some(named)) => bail!("--onnxruntime {}: there is no such file", named.display()),
        (None, None) => {
            tracing::warn!("ONNX Runtime's library is not here; models run on the pinned engine")
        }
        (Some(library), _) => tracing::info!(library = %library.display(), "ONNX Runtime"),
    }
    let executor = Executor::new(executor_key(flags)?, chain.chain_id(), DECISION_PREDEPLOY)?;
    let has_registry = has_registry(chain)?;
    if !has_registry {
        tracing::warn!("this chain has no registry of decisions; none will be anchored");
    }
    let memory = flags.infer.infer_memory << 20;
    let config = ServiceConfig {
        worker: worker(memory, library.as_deref(), flags.infer.infer_time)?,
        has_onnxruntime: library.is_some(),
        models,
        memory,
        executor,
        has_registry,
    };
    Ok(router(Service::start(config, chain.clone())))
}

fn worker(memory: u64, library: Option<&Path>, seconds: u64) -> Result<WorkerConfig> {
    let mut args = vec![
        "infer-worker".into(),
        "--memory".into(),
        memory.to_string().into(),
    ];
    if let Some(library) = library {
        args.extend(["--onnxruntime".into(), library.into()]);
    }
    if let Some(cache) = onnxruntime::cache_folder() {
        args.extend(["--cache".into(), cache.join("sidelight/engine").into()]);
    }
    Ok(WorkerConfig {
        program: std::env::current_exe().wrap_err("cannot find this program's own file")?,
        args,
        time: Duration::from_secs(seconds),
    })
}

fn executor_key(flags: &Flags) -> Result<B256> {
    match &flags.infer.executor_key_file {
        Some(path) => crate::flags::read_key(path),
        None if flags.dev => Ok(ACCOUNTS[DEV_EXECUTOR].1),
        None => bail!("--models needs --executor-key-file: decisions are signed"),
    }
}

fn has_registry(chain: &Chain) -> Result<bool> {
    let state = chain.state_at(alloy_eips::BlockId::latest())?;
    Ok(!state.code(DECISION_PREDEPLOY)?.is_empty())
}
