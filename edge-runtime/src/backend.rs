//! What every back end does: load a model, run it, say how fast the device is.

use sidelight_edge_core::{
    class::DetClass,
    tensor::{Tensor, TensorError},
    typed::{self, Runtime},
};
use thiserror::Error;

use crate::store::Model;

/// How a model is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Fuse operators. Without it the graph stays as the file has it, which a trace needs. The choice may change bits and is part of what a decision commits to.
    pub optimise: bool,
    /// What a run may use.
    pub limits: RunLimits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            optimise: true,
            limits: RunLimits::default(),
        }
    }
}

/// What loading a model, or one run of it, may use at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLimits {
    /// Bytes of memory, the model's weights among them.
    pub memory: usize,
    /// Steps of the engine: a limit on time that is the same on every device.
    pub steps: u64,
}

impl Default for RunLimits {
    /// 512 MiB, and steps for about ten seconds.
    fn default() -> Self {
        Self {
            memory: 512 << 20,
            steps: 20_000_000_000,
        }
    }
}

/// Why a back end did not answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BackendError {
    /// The file is not a model that can be read.
    #[error("model: {0}")]
    Model(String),
    /// The model needs what this back end does not have.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// Names, types or shapes of the inputs do not fit the model.
    #[error("input: {0}")]
    Input(String),
    /// An operator failed on these values.
    #[error("run: {0}")]
    Run(String),
    /// Tensors from or to the back end are malformed.
    #[error("tensors: {0}")]
    Tensors(#[from] TensorError),
    /// The run took more steps than it may.
    #[error("steps: expected at most {limit}")]
    Steps {
        /// The limit.
        limit: u64,
    },
    /// The engine panicked or ran out of memory. The session is over.
    #[error("the engine stopped within {memory} bytes of memory: {text}")]
    Stopped {
        /// What it said.
        text: String,
        /// The limit on its memory.
        memory: usize,
    },
    /// The session ended with an earlier error.
    #[error("the session is over: {0}")]
    Over(String),
    /// The back end itself is damaged or missing.
    #[error("back end: {0}")]
    Backend(String),
}

impl BackendError {
    /// Whether the session can be used again.
    pub const fn ends_session(&self) -> bool {
        matches!(
            self,
            Self::Steps { .. } | Self::Stopped { .. } | Self::Over(_)
        )
    }
}

/// How fast a device is, by a probe of some tens of milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeviceProfile {
    /// Multiply-accumulates per second in f32.
    pub f32_macs_per_s: f64,
    /// And with u8 times i8.
    pub int8_macs_per_s: f64,
}

/// Something that runs models.
pub trait Backend: Send + Sync {
    /// Name and version.
    fn name(&self) -> &str;

    /// What its results can be held to.
    fn class(&self) -> DetClass;

    /// How a decision names this back end with these options.
    fn runtime(&self, options: &Options) -> Runtime;

    /// How a decision about this model names it: a back end may promise more of some models than of all.
    fn runtime_for(&self, model: &Model, options: &Options) -> Runtime {
        let _ = model;
        self.runtime(options)
    }

    /// Reads a model.
    fn load(&self, model: &Model, options: &Options) -> Result<Box<dyn Session>, BackendError>;

    /// Measures the device.
    fn profile(&self) -> Result<DeviceProfile, BackendError>;
}

/// A model, loaded.
pub trait Session: Send {
    /// Runs it. The outputs are sorted by name.
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, BackendError>;

    /// Runs it and commits to every value of the graph. Not every back end can.
    fn trace(&mut self, inputs: &[Tensor]) -> Result<Vec<typed::Tensor>, BackendError>;
}
