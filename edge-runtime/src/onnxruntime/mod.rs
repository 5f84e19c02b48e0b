//! [ONNX Runtime](https://onnxruntime.ai/) through its shared library: the fast back end. Class D1 for statically quantised models whose every sum is one of integers, class D2 for everything else.
//!
//! The library is loaded when it is asked for and stays for the life of the process. It is native code that parses hostile files: run it in a [`crate::worker`].

mod graph;
mod library;
mod value;

use std::{collections::BTreeMap, path::Path, path::PathBuf, thread, time::Instant};

use alloy_primitives::B256;
use ort::{
    environment::Environment,
    ep,
    session::{self, builder::GraphOptimizationLevel},
};
use sidelight_edge_core::{
    class::{DetClass, OptionValue, hash_options},
    tensor::{DType, Tensor},
    typed::{self, Runtime},
};

use crate::{
    backend::{Backend, BackendError, DeviceProfile, Options, Session},
    store::Model,
};

pub use library::{INSTALLED, cache_folder, find};

/// What a result in floating point may differ by: absolute and relative, in 1e-9. Logits of about 10 differ by 8e-6 at most between engines.
const TOLERANCE_E9: (u64, u64) = (10_000, 100_000);
/// The probe's matrices are of this size.
const PROBE: u64 = 256;
/// The probe runs so often; the median counts.
const PROBE_RUNS: usize = 5;

/// Where the arithmetic is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// The processor.
    Cpu,
    /// An NVIDIA device.
    Cuda,
}

impl Provider {
    /// ONNX Runtime's word for it, in small letters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }
}

/// ONNX Runtime, loaded.
#[derive(Debug)]
pub struct OnnxRuntime {
    environment: Environment,
    name: String,
    provider: Provider,
    threads: usize,
}

impl OnnxRuntime {
    /// Loads the library. CUDA is used where its provider lies beside the library and a device is there.
    pub fn open(library: &Path) -> Result<Self, BackendError> {
        let builder =
            ort::init_from(library).map_err(|error| BackendError::Backend(error.to_string()))?;
        let environment = builder
            .with_name("sidelight")
            .with_telemetry(false)
            .build()
            .map_err(|error| BackendError::Backend(error.to_string()))?;
        Ok(Self {
            environment,
            name: format!("onnxruntime/{}", version(library, ort::info())),
            provider: provider(library),
            threads: thread::available_parallelism().map_or(1, usize::from),
        })
    }

    /// Where the arithmetic is done.
    pub const fn provider(&self) -> Provider {
        self.provider
    }

    /// What a model's results can be held to here.
    fn class_of(&self, model: &Model) -> DetClass {
        if self.provider == Provider::Cpu && graph::is_static_int8(model.file()) {
            DetClass::D1
        } else {
            DetClass::D2
        }
    }

    fn describe(&self, class: DetClass, options: &Options) -> Runtime {
        let set = BTreeMap::from([
            ("optimise", OptionValue::Flag(options.optimise)),
            ("provider", OptionValue::Text(self.provider.as_str().into())),
        ]);
        let (atol, rtol) = if class.is_exact() {
            (0, 0)
        } else {
            TOLERANCE_E9
        };
        Runtime {
            detClass: class.number(),
            engineSha256: B256::ZERO,
            engine: self.name.clone(),
            optionsHash: hash_options(&set),
            sampling: B256::ZERO,
            atolE9: atol,
            rtolE9: rtol,
        }
    }

    fn build(&self, model: &Model, options: &Options) -> ort::Result<session::Session> {
        // What fuses operators may also change the order of sums.
        let level = match (options.optimise, self.class_of(model)) {
            (false, _) => GraphOptimizationLevel::Disable,
            (true, DetClass::D1) => GraphOptimizationLevel::Level1,
            (true, _) => GraphOptimizationLevel::All,
        };
        let mut builder = session::Session::builder(&self.environment)?
            .with_optimization_level(level)?
            .with_intra_threads(self.threads)?
            // Products of 8 bits that saturate on processors without VNNI would give other results there.
            .with_config_entry("session.x64quantprecision", "1")?;
        if self.provider == Provider::Cuda {
            builder = builder
                .with_execution_providers([ep::CUDA::default().build().error_on_failure()])?;
        }
        builder.commit_from_memory(model.file())
    }
}

impl Backend for OnnxRuntime {
    fn name(&self) -> &str {
        &self.name
    }

    fn class(&self) -> DetClass {
        DetClass::D2
    }

    fn runtime(&self, options: &Options) -> Runtime {
        self.describe(DetClass::D2, options)
    }

    fn runtime_for(&self, model: &Model, options: &Options) -> Runtime {
        self.describe(self.class_of(model), options)
    }

    fn load(&self, model: &Model, options: &Options) -> Result<Box<dyn Session>, BackendError> {
        let session = self
            .build(model, options)
            .map_err(|error| match error.code() {
                ort::ErrorCode::NotImplemented => BackendError::Unsupported(error.to_string()),
                _ => BackendError::Model(error.to_string()),
            })?;
        Ok(Box::new(OrtSession { session }))
    }

    fn profile(&self) -> Result<DeviceProfile, BackendError> {
        Ok(DeviceProfile {
            f32_macs_per_s: self.probe(
                include_bytes!("../../models/probe-f32.onnx"),
                (DType::F32, 4),
                (DType::F32, 4),
            )?,
            int8_macs_per_s: self.probe(
                include_bytes!("../../models/probe-int8.onnx"),
                (DType::U8, 1),
                (DType::I8, 1),
            )?,
        })
    }
}

impl OnnxRuntime {
    /// One product of two square matrices, several times.
    fn probe(
        &self,
        file: &[u8],
        a: (DType, usize),
        b: (DType, usize),
    ) -> Result<f64, BackendError> {
        let model =
            Model::new(file.to_vec()).map_err(|error| BackendError::Model(error.to_string()))?;
        let mut session = self.load(&model, &Options::default())?;
        let matrix = |name: &str, (dtype, size): (DType, usize)| {
            Tensor::new(name, dtype, [PROBE, PROBE], vec![1; size * 256 * 256])
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

struct OrtSession {
    session: session::Session,
}

impl Session for OrtSession {
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, BackendError> {
        self.check(inputs)?;
        let mut values = Vec::with_capacity(inputs.len());
        for input in inputs {
            values.push((input.name().to_owned(), value::to_value(input)?));
        }
        let outputs = self
            .session
            .run(values)
            .map_err(|error| match error.code() {
                ort::ErrorCode::InvalidArgument => BackendError::Input(error.to_string()),
                ort::ErrorCode::NotImplemented => BackendError::Unsupported(error.to_string()),
                _ => BackendError::Run(error.to_string()),
            })?;
        let mut tensors = Vec::with_capacity(outputs.len());
        for (name, value) in outputs {
            tensors.push(value::from_value(name, &value)?);
        }
        tensors.sort_by(|a, b| a.name().cmp(b.name()));
        Ok(tensors)
    }

    fn trace(&mut self, _: &[Tensor]) -> Result<Vec<typed::Tensor>, BackendError> {
        Err(BackendError::Unsupported(
            "ONNX Runtime gives no values between nodes; the pinned engine does".into(),
        ))
    }
}

impl OrtSession {
    /// ONNX Runtime takes no notice of a tensor that comes twice.
    fn check(&self, inputs: &[Tensor]) -> Result<(), BackendError> {
        let wanted = self.session.inputs();
        for (at, input) in inputs.iter().enumerate() {
            let twice = inputs
                .iter()
                .take(at)
                .any(|other| other.name() == input.name());
            if twice || !wanted.iter().any(|port| port.name() == input.name()) {
                return Err(BackendError::Input(format!(
                    "{}: expected each input of the model once",
                    input.name()
                )));
            }
        }
        match wanted
            .iter()
            .find(|port| !inputs.iter().any(|input| input.name() == port.name()))
        {
            Some(port) => Err(BackendError::Input(format!("{} is missing", port.name()))),
            None => Ok(()),
        }
    }
}

/// From the file's name, as the wheel has it, or from what the build says of itself.
fn version(library: &Path, build: &str) -> String {
    let name = library.file_name().unwrap_or_default().to_string_lossy();
    let of_file = name
        .split_once(".so.")
        .map(|(_, version)| version.to_owned());
    let of_build = || {
        let rest = build.split_once("git-branch=rel-")?.1;
        Some(rest.split(',').next()?.trim().to_owned())
    };
    of_file
        .or_else(of_build)
        .unwrap_or_else(|| "unknown".into())
}

fn provider(library: &Path) -> Provider {
    let beside: Option<PathBuf> = library
        .parent()
        .map(|folder| folder.join("libonnxruntime_providers_cuda.so"));
    let has_library = beside.is_some_and(|file| file.is_file());
    if has_library && Path::new("/dev/nvidia0").exists() {
        Provider::Cuda
    } else {
        Provider::Cpu
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_librarys_own() {
        let file = |name| Path::new(name).to_path_buf();
        assert_eq!(version(&file("/x/libonnxruntime.so.1.31.1"), ""), "1.31.1");
        let build = "ORT Build Info: git-branch=rel-1.30.0, git-commit-id=1";
        assert_eq!(version(&file("/x/libonnxruntime.so"), build), "1.30.0");
        assert_eq!(version(&file("/x/libonnxruntime.so"), "?"), "unknown");
    }
}
