//! Small ONNX models on the device: back ends behind one trait, a model store that checks on every load.
//!
//! ```text
//!   ModelStore --SHA-256 checked--> Model --Backend::load--> Session --run--> tensors
//!                                              |
//!                       engine   the pinned module in wasmtime: class D0, the same bits as in a browser
//! ```
//!
//! A back end states its determinism class, and its results never claim more.

pub mod backend;
pub mod engine;
#[cfg(feature = "onnxruntime")]
pub mod onnxruntime;
pub mod store;
pub mod worker;

pub use backend::{Backend, BackendError, DeviceProfile, Options, RunLimits, Session};
pub use engine::PinnedEngine;
pub use store::{Model, ModelStore, StoreError};
pub use worker::{BackendName, Worker, WorkerConfig, WorkerError};
