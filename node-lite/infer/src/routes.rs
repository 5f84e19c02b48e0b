//! The paths below `/v2`.
//!
//! ```text
//!   GET  /v2                                  the server           GET  /v2/models                        what is served (ours)
//!   GET  /v2/health/live, /v2/health/ready                         GET  /v2/models/{m}/manifest           a manifest (ours)
//!   GET  /v2/models/{m}[/versions/{v}]        a model              GET  /v2/files/{sha256}                a model's file, in parts too (ours)
//!   GET  ...[/ready]                          whether it is there  GET  /v2/decisions/{hash}              a decision's record (ours)
//!   POST ...[/infer]
//! ```

use std::sync::Arc;

use alloy_primitives::B256;
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use sidelight_edge_core::manifest::Port;

use crate::{
    error::InferError,
    models::Served,
    oip::{JSON_LENGTH, wrong},
    service::Service,
};

/// Largest request.
const MAX_BODY: usize = 64 << 20;

type Shared = State<Arc<Service>>;

/// The service's routes.
pub fn router(service: Arc<Service>) -> Router {
    let model = "/v2/models/{model}";
    let version = "/v2/models/{model}/versions/{version}";
    Router::new()
        .route("/v2", get(server))
        .route(
            "/v2/health/live",
            get(|| async { answer(json!({ "live": true })) }),
        )
        .route(
            "/v2/health/ready",
            get(|| async { answer(json!({ "ready": true })) }),
        )
        .route("/v2/models", get(list))
        .route(model, get(describe))
        .route(version, get(describe_version))
        .route(&format!("{model}/ready"), get(ready))
        .route(&format!("{version}/ready"), get(ready_version))
        .route(&format!("{model}/infer"), post(infer))
        .route(&format!("{version}/infer"), post(infer_version))
        .route(&format!("{model}/manifest"), get(manifest))
        .route("/v2/files/{sha256}", get(file))
        .route("/v2/decisions/{hash}", get(decision))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(service)
}

async fn server(State(service): Shared) -> Response {
    let executor = &service.executor;
    let mut backends = vec!["pinned"];
    if service.has_onnxruntime {
        backends.push("onnxruntime");
    }
    answer(json!({
        "name": "node-lite",
        "version": env!("CARGO_PKG_VERSION"),
        "extensions": ["binary_tensor_data"],
        "parameters": {
            "executor": executor.address(),
            "registry": executor.registry(),
            "chain_id": executor.chain_id(),
            "anchors": service.has_registry,
            "backends": backends,
        },
    }))
}

async fn list(State(service): Shared) -> Response {
    let models: Vec<Value> = service.models.iter().map(summary).collect();
    answer(json!({ "models": models }))
}

fn summary(served: &Served) -> Value {
    json!({
        "name": served.manifest.id,
        "title": served.manifest.title,
        "model_hash": served.hash,
        "sha256": served.manifest.sha256,
        "bytes": served.manifest.bytes,
    })
}

async fn describe(
    State(service): Shared,
    Path(model): Path<String>,
) -> Result<Response, InferError> {
    Ok(metadata(service.find(&model, None)?))
}

async fn describe_version(
    State(service): Shared,
    Path((model, version)): Path<(String, String)>,
) -> Result<Response, InferError> {
    Ok(metadata(service.find(&model, Some(&version))?))
}

fn metadata(served: &Served) -> Response {
    let ports = |ports: &[Port]| -> Vec<Value> {
        ports
            .iter()
            .map(|port| json!({ "name": port.name, "datatype": port.dtype, "shape": port.shape }))
            .collect()
    };
    answer(json!({
        "name": served.manifest.id,
        "versions": ["1"],
        "platform": "onnx_onnxv1",
        "inputs": ports(&served.manifest.inputs),
        "outputs": ports(&served.manifest.outputs),
        "parameters": summary(served),
    }))
}

async fn ready(State(service): Shared, Path(model): Path<String>) -> Result<Response, InferError> {
    let served = service.find(&model, None)?;
    Ok(answer(json!({ "name": served.manifest.id, "ready": true })))
}

async fn ready_version(
    State(service): Shared,
    Path((model, version)): Path<(String, String)>,
) -> Result<Response, InferError> {
    let served = service.find(&model, Some(&version))?;
    Ok(answer(json!({ "name": served.manifest.id, "ready": true })))
}

async fn infer(
    State(service): Shared,
    Path(model): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, InferError> {
    run(service, model, None, &headers, body).await
}

async fn infer_version(
    State(service): Shared,
    Path((model, version)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, InferError> {
    run(service, model, Some(version), &headers, body).await
}

async fn run(
    service: Arc<Service>,
    model: String,
    version: Option<String>,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Response, InferError> {
    let json_length = match headers.get(JSON_LENGTH) {
        None => None,
        Some(value) => {
            let length = value.to_str().ok().and_then(|text| text.parse().ok());
            Some(length.ok_or_else(|| wrong(format!("{JSON_LENGTH}: expected a number")))?)
        }
    };
    let (body, json_length) = service
        .infer(model, version, body.to_vec(), json_length)
        .await?;
    let mut response = body.into_response();
    let kind = match json_length {
        None => "application/json",
        Some(length) => {
            let name = HeaderName::from_static(JSON_LENGTH);
            response.headers_mut().insert(name, length.into());
            "application/octet-stream"
        }
    };
    let kind = header::HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

async fn manifest(
    State(service): Shared,
    Path(model): Path<String>,
) -> Result<Response, InferError> {
    let served = service.find(&model, None)?;
    Ok((JSON, served.manifest_json.clone()).into_response())
}

/// A model's file. `Range: bytes=N-` continues a download that stopped.
async fn file(
    State(service): Shared,
    Path(sha256): Path<String>,
    headers: HeaderMap,
) -> Result<Response, InferError> {
    let missing = || InferError::NotFound(format!("no file {sha256}"));
    let hash: B256 = sha256.parse().map_err(|_| missing())?;
    let file = service
        .models
        .by_sha256(hash)
        .ok_or_else(missing)?
        .model
        .file();
    let kept = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::ACCEPT_RANGES, "bytes"),
    ];
    let Some(start) = range_start(&headers) else {
        return Ok((kept, file.to_vec()).into_response());
    };
    let total = file.len();
    match file.get(start..).filter(|rest| !rest.is_empty()) {
        Some(rest) => {
            let range = format!("bytes {start}-{}/{total}", total.saturating_sub(1));
            let part = [(header::CONTENT_RANGE, range)];
            Ok((StatusCode::PARTIAL_CONTENT, kept, part, rest.to_vec()).into_response())
        }
        None => {
            let whole = [(header::CONTENT_RANGE, format!("bytes */{total}"))];
            Ok((StatusCode::RANGE_NOT_SATISFIABLE, whole).into_response())
        }
    }
}

/// Only the form that continues a download; any other one gets the whole file, as HTTP allows.
fn range_start(headers: &HeaderMap) -> Option<usize> {
    let text = headers.get(header::RANGE)?.to_str().ok()?;
    text.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

async fn decision(
    State(service): Shared,
    Path(hash): Path<String>,
) -> Result<Response, InferError> {
    let missing = || InferError::NotFound(format!("no decision {hash}"));
    let hash: B256 = hash.parse().map_err(|_| missing())?;
    let record = service.executor.record(hash).ok_or_else(missing)?;
    let file = record
        .encode()
        .map_err(|error| InferError::Internal(error.to_string()))?;
    Ok((JSON, file).into_response())
}

const JSON: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

fn answer(value: Value) -> Response {
    (JSON, value.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_open_range_continues_a_download() {
        let range = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, text.parse().unwrap());
            range_start(&headers)
        };
        assert_eq!(range("bytes=10-"), Some(10));
        for other in [
            "bytes=1-2",
            "bytes=-5",
            "bytes=0-1,5-",
            "lines=3-",
            "bytes=x-",
        ] {
            assert_eq!(range(other), None, "{other}");
        }
    }
}
