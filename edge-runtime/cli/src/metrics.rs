//! Prometheus metrics over the records, in the text format: on standard output, or in a file for node_exporter's textfile collector.

use std::{fmt::Error, io::Write, path::Path};

use eyre::{Context, Result};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use crate::{config::Config, recorder::Recorder};

/// Upper bounds of the run time's buckets, in seconds.
const BUCKETS: [f64; 10] = [1e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 0.1, 1.0, 10.0];

type Labels = Vec<(String, String)>;

pub(crate) fn run(config: &Config) -> Result<bool> {
    print!("{}", compose(&Recorder::open(&config.data)?)?);
    Ok(true)
}

/// Writes the file whole or not at all.
pub(crate) fn write(recorder: &Recorder, file: &Path) -> Result<()> {
    let name = || file.display().to_string();
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut staging =
        tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).wrap_err_with(name)?;
    staging.write_all(compose(recorder)?.as_bytes())?;
    staging.persist(file).wrap_err_with(name)?;
    Ok(())
}

fn compose(recorder: &Recorder) -> Result<String> {
    let mut registry = Registry::with_prefix("sidelight_edge");
    let runs = Family::<Labels, Counter>::default();
    let seconds = Family::<Labels, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
    registry.register("runs", "Inferences on record", runs.clone());
    registry.register("run_seconds", "Time of one inference", seconds.clone());
    recorder.for_each(|recorded| {
        let labels = vec![
            ("model".to_owned(), format!("{:x}", recorded.model_sha256)),
            ("engine".to_owned(), recorded.runtime.engine.clone()),
            ("class".to_owned(), recorded.runtime.det_class.to_string()),
        ];
        runs.get_or_create(&labels).inc();
        seconds
            .get_or_create(&labels)
            .observe(recorded.elapsed_ns as f64 / 1e9);
        Ok(())
    })?;
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|Error| eyre::eyre!("metrics cannot be written"))?;
    Ok(text)
}
