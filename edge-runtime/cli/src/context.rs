//! What the commands share: the models that can be found, and the worker that runs them.

use std::{fs, path::Path, time::Duration};

use alloy_primitives::B256;
use eyre::{Context as _, Result, bail, eyre};
use sidelight_edge::{BackendName, Model, ModelStore, Worker, WorkerConfig, onnxruntime};
use sidelight_edge_core::{limits::MAX_MANIFEST_BYTES, manifest::Manifest};

use crate::config::{Choice, Config, engine_cache};

/// A model with its manifest.
pub(crate) struct Found {
    pub(crate) manifest: Manifest,
    pub(crate) model: Model,
}

/// The store of models that were pulled.
pub(crate) fn store(config: &Config) -> Result<ModelStore> {
    Ok(ModelStore::open(config.data.join("models"))?)
}

/// Finds a model by id, manifest file, or SHA-256.
pub(crate) fn find(config: &Config, name: &str) -> Result<Found> {
    if let Ok(sha256) = name.parse::<B256>() {
        return by_hash(config, sha256);
    }
    let path = Path::new(name);
    if path
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        return read(path);
    }
    let folders = [config.models.clone(), Some(config.data.join("models"))];
    for folder in folders.into_iter().flatten() {
        let path = folder.join(format!("{name}.json"));
        if path.is_file() {
            return read_from(config, &path);
        }
    }
    bail!("there is no model {name}; name a manifest's file, or set --models")
}

/// Every model of the folder.
pub(crate) fn all(config: &Config) -> Result<Vec<Found>> {
    let folder = config
        .models
        .as_ref()
        .ok_or_else(|| eyre!("name a model, or set --models"))?;
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).wrap_err_with(|| folder.display().to_string())? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

/// By the hash of the file: pulled, or in the folder.
pub(crate) fn by_hash(config: &Config, sha256: B256) -> Result<Found> {
    let folders = [config.models.clone(), Some(config.data.join("models"))];
    for folder in folders.into_iter().flatten() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_manifest = path
                .extension()
                .is_some_and(|extension| extension == "json");
            if is_manifest && read_manifest(&path).is_ok_and(|manifest| manifest.sha256 == sha256) {
                return read_from(config, &path);
            }
        }
    }
    bail!("model {sha256} is not here; `sidelight-edge pull` fetches it")
}

pub(crate) fn read_manifest(path: &Path) -> Result<Manifest> {
    let name = || path.display().to_string();
    let bytes = fs::metadata(path).wrap_err_with(name)?.len();
    if bytes > MAX_MANIFEST_BYTES as u64 {
        bail!(
            "{}: expected at most {MAX_MANIFEST_BYTES} bytes, got {bytes}",
            path.display()
        );
    }
    Manifest::decode(&fs::read(path).wrap_err_with(name)?).wrap_err_with(name)
}

/// A manifest whose file lies beside it.
fn read(path: &Path) -> Result<Found> {
    let manifest = read_manifest(path)?;
    let file = path.with_file_name(&manifest.file);
    let bytes = fs::read(&file).wrap_err_with(|| file.display().to_string())?;
    let model = Model::verified(bytes, &manifest).wrap_err_with(|| file.display().to_string())?;
    Ok(Found { manifest, model })
}

/// As [`read`]; the files of pulled models are in the store, by their hash.
fn read_from(config: &Config, path: &Path) -> Result<Found> {
    let manifest = read_manifest(path)?;
    if path.with_file_name(&manifest.file).is_file() {
        return read(path);
    }
    let model = store(config)?.get(manifest.sha256)?;
    manifest.verify_file(model.file())?;
    Ok(Found { manifest, model })
}

/// A worker of this program, and the back end that the configuration leads to, with the reason.
pub(crate) fn worker(config: &Config) -> Result<(Worker, BackendName, &'static str)> {
    let library = onnxruntime::find(config.onnxruntime.as_deref());
    if let (Some(named), None) = (&config.onnxruntime, &library) {
        bail!("onnxruntime: {} is no file", named.display());
    }
    let (backend, why) = match (config.backend, &library) {
        (Choice::Pinned, _) => (BackendName::Pinned, "it was asked for"),
        (Choice::Onnxruntime, Some(_)) => (BackendName::OnnxRuntime, "it was asked for"),
        (Choice::Onnxruntime, None) => {
            bail!("ONNX Runtime's library is not here: see `sidelight-edge doctor`")
        }
        (Choice::Auto, Some(_)) => (BackendName::OnnxRuntime, "it is the fastest one here"),
        (Choice::Auto, None) => (BackendName::Pinned, "ONNX Runtime's library is not here"),
    };
    let memory = config.memory_mib << 20;
    let mut args = vec![
        "worker".into(),
        "--memory".into(),
        memory.to_string().into(),
    ];
    if let Some(library) = library {
        args.extend(["--onnxruntime".into(), library.into()]);
    }
    if let Some(cache) = engine_cache() {
        args.extend(["--cache".into(), cache.into()]);
    }
    let worker = Worker::new(WorkerConfig {
        program: std::env::current_exe()?,
        args,
        time: Duration::from_secs(config.time_s),
    });
    Ok((worker, backend, why))
}
