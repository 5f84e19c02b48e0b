//! What the tests share: the engine, the models of the repository, and the rows that they are run on.

#![allow(dead_code, reason = "no test uses all of it")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use sidelight_edge::{Backend, Model, Options, PinnedEngine, Session};
use sidelight_edge_core::{
    manifest::Manifest,
    tensor::{DType, Tensor},
};

/// A model, and rows to run it on.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) rows: &'static str,
}

pub(crate) const CASES: [Case; 6] = [
    Case {
        name: "digits-mlp-f32",
        rows: "digits-images.u8",
    },
    Case {
        name: "digits-mlp-int8",
        rows: "digits-images.u8",
    },
    Case {
        name: "digits-cnn-f32",
        rows: "digits-images.u8",
    },
    Case {
        name: "digits-cnn-int8",
        rows: "digits-images.u8",
    },
    Case {
        name: "risk-f32",
        rows: "risk-rows.f32",
    },
    Case {
        name: "anomaly-f32",
        rows: "anomaly-windows.f32",
    },
];

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models")
}

/// The engine is compiled once for all tests: they share wasmtime's cache.
pub(crate) fn engine() -> PinnedEngine {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("engine-cache");
    PinnedEngine::open(Some(&cache)).unwrap()
}

pub(crate) fn manifest(name: &str) -> Manifest {
    Manifest::decode(&fs::read(folder().join(format!("{name}.json"))).unwrap()).unwrap()
}

pub(crate) fn model(name: &str) -> Model {
    let manifest = manifest(name);
    Model::verified(fs::read(folder().join(&manifest.file)).unwrap(), &manifest).unwrap()
}

pub(crate) fn session(name: &str, optimise: bool) -> Box<dyn Session> {
    let options = Options {
        optimise,
        ..Options::default()
    };
    engine().load(&model(name), &options).unwrap()
}

/// Every row of a data set as the model's input.
pub(crate) fn inputs(case: &Case) -> Vec<Tensor> {
    let manifest = manifest(case.name);
    let port = &manifest.inputs[0];
    let dtype = DType::from_name(&port.dtype).unwrap();
    let shape: Vec<u64> = port
        .shape
        .iter()
        .map(|&size| u64::try_from(size).unwrap())
        .collect();
    let size = shape.iter().product::<u64>() as usize * dtype.size().unwrap();
    let data = fs::read(folder().join("data").join(case.rows)).unwrap();
    assert_eq!(data.len() % size, 0);
    data.chunks(size)
        .map(|row| Tensor::new(&port.name, dtype, shape.clone(), row.to_vec()).unwrap())
        .collect()
}
