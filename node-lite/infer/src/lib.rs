//! Inference behind node-lite, for what a device cannot or should not run itself: the Open Inference Protocol on the node's port.
//!
//! ```text
//!   POST /v2/models/{m}/infer -> oip -> task: signed? allowed? -> worker process: ONNX Runtime or the pinned engine
//!                                                                         |
//!   response <- parameters.decision <- executor: signs <------------------+
//!                                         |
//!                                         +-- anchor: batch root into the DecisionRegistry -> GET /v2/decisions/{hash} has its path
//! ```
//!
//! The node is not trusted with any of it: whoever gets a decision checks signature, proof and result (`docs/decision-format.md`).

mod anchor;
mod error;
mod executor;
mod models;
mod oip;
mod routes;
mod service;
mod task;

pub use error::InferError;
pub use executor::{Executor, KeyError};
pub use models::{Models, ModelsError, Served};
pub use routes::router;
pub use service::{Service, ServiceConfig};
