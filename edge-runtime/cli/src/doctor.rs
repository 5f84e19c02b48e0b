//! `sidelight-edge doctor`: what is here, what is missing, and what to do about it.

use std::{fs, thread, time::Instant};

use eyre::Result;
use sidelight_edge::{Backend, Options, PinnedEngine, onnxruntime};

use crate::{
    config::{Config, engine_cache},
    context,
    recorder::Recorder,
};

pub(crate) fn run(config: &Config) -> Result<bool> {
    let mut holds = true;
    let mut line = |name: &str, outcome: Result<String>| match outcome {
        Ok(text) => println!("ok    {name:<15}{text}"),
        Err(error) => {
            holds = false;
            println!("wrong {name:<15}{error:#}");
        }
    };
    line(
        "processors",
        Ok(thread::available_parallelism()
            .map_or(1, usize::from)
            .to_string()),
    );
    line("pinned engine", engine());
    match onnxruntime::find(config.onnxruntime.as_deref()) {
        Some(library) => line("ONNX Runtime", runtime(&library)),
        None if config.onnxruntime.is_some() => line("ONNX Runtime", Err(eyre::eyre!("the file that is named is not there"))),
        None => line("ONNX Runtime", Ok("not here; models run on the pinned engine. `pip install onnxruntime`, and ORT_DYLIB_PATH names its library".into())),
    }
    line("records", records(config));
    match &config.models {
        Some(folder) => line(
            "models",
            context::all(config).map(|all| format!("{} in {}", all.len(), folder.display())),
        ),
        None => line("models", Ok("no folder is set (--models)".into())),
    }
    line("pulled models", pulled(config));
    Ok(holds)
}

fn engine() -> Result<String> {
    let started = Instant::now();
    let engine = PinnedEngine::open(engine_cache().as_deref())?;
    let ready = started.elapsed();
    let profile = engine.profile()?;
    let class = engine.runtime(&Options::default()).detClass;
    Ok(format!(
        "{}, class {class}, ready in {ready:.1?}, {:.2} G MAC/s f32, {:.2} int8",
        engine.name(),
        profile.f32_macs_per_s / 1e9,
        profile.int8_macs_per_s / 1e9
    ))
}

fn runtime(library: &std::path::Path) -> Result<String> {
    let runtime = onnxruntime::OnnxRuntime::open(library)?;
    let profile = runtime.profile()?;
    Ok(format!(
        "{} on {}, {:.2} G MAC/s f32, {:.2} int8",
        runtime.name(),
        runtime.provider().as_str(),
        profile.f32_macs_per_s / 1e9,
        profile.int8_macs_per_s / 1e9
    ))
}

fn records(config: &Config) -> Result<String> {
    let recorder = Recorder::open(&config.data)?;
    let (count, _) = recorder.verify()?;
    Ok(format!(
        "{count}, signed by {}, in {}",
        recorder.signer()?,
        config.data.display()
    ))
}

fn pulled(config: &Config) -> Result<String> {
    context::store(config)?;
    let entries = fs::read_dir(config.data.join("models"))?.flatten();
    let is_model = |name: &std::ffi::OsString| name.to_string_lossy().ends_with(".onnx");
    Ok(entries
        .filter(|entry| is_model(&entry.file_name()))
        .count()
        .to_string())
}
