//! What a caller is told, in the Open Inference Protocol's form: `{"error": "..."}` with an HTTP status.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use sidelight_edge::WorkerError;
use sidelight_edge_core::{decision::DecisionError, manifest::ManifestError, tensor::TensorError};
use thiserror::Error;

/// Why a request was not answered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InferError {
    /// The request is malformed, or does not fit the model.
    #[error("{0}")]
    Request(String),
    /// A tensor of the request is malformed.
    #[error("{0}")]
    Tensors(#[from] TensorError),
    /// Inputs that the model does not take.
    #[error("{0}")]
    Inputs(#[from] ManifestError),
    /// There is no such model, version, file or decision.
    #[error("{0}")]
    NotFound(String),
    /// A signed request that cannot be taken, with the field that says why.
    #[error("task.{field}: {reason}")]
    Task {
        /// Which.
        field: &'static str,
        /// Expected and got.
        reason: String,
    },
    /// A part of a decision is malformed.
    #[error("{0}")]
    Decision(#[from] DecisionError),
    /// Understood, and not to be had here.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// Too many requests wait.
    #[error("busy: {waiting} requests wait")]
    Busy {
        /// How many.
        waiting: usize,
    },
    /// The worker refused or ended.
    #[error("{0}")]
    Worker(#[from] WorkerError),
    /// This node failed.
    #[error("{0}")]
    Internal(String),
}

impl InferError {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Request(_) | Self::Tensors(_) | Self::Inputs(_) | Self::Decision(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Task { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unsupported(_) => StatusCode::NOT_IMPLEMENTED,
            Self::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Worker(WorkerError::Time { .. }) => StatusCode::GATEWAY_TIMEOUT,
            Self::Worker(error) if error.is_callers_fault() => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Worker(_) | Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for InferError {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "error": self.to_string() });
        let headers = [(header::CONTENT_TYPE, "application/json")];
        (self.status(), headers, body.to_string()).into_response()
    }
}
