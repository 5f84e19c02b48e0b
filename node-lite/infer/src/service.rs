//! One inference from request to response, and the worker that runs it.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use node_lite_exec::Chain;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sidelight_edge::{BackendName, Worker, WorkerConfig, worker::Answer};
use sidelight_edge_core::{class::DetClass, tensor::Tensor};
use tokio::sync::Semaphore;

use crate::{
    anchor,
    error::InferError,
    executor::{Executor, Parts, now},
    models::{Models, Served},
    oip::{InferRequest, Parameters, encode_response, wrong},
    task::{self, Nonces, Task},
};

/// Requests that may wait for the worker.
const QUEUE: usize = 64;

/// What the service is made of.
#[derive(Debug)]
pub struct ServiceConfig {
    /// What is served.
    pub models: Models,
    /// How the worker is started.
    pub worker: WorkerConfig,
    /// Bytes that the worker may use.
    pub memory: u64,
    /// Whether the worker has ONNX Runtime.
    pub has_onnxruntime: bool,
    /// Who signs.
    pub executor: Executor,
    /// Whether there is a registry to anchor in.
    pub has_registry: bool,
}

/// The service behind the routes.
#[derive(Debug)]
pub struct Service {
    pub(crate) models: Models,
    pub(crate) executor: Arc<Executor>,
    pub(crate) has_onnxruntime: bool,
    pub(crate) has_registry: bool,
    memory: u64,
    worker: Mutex<Worker>,
    queue: Semaphore,
    nonces: Nonces,
    chain: Chain,
}

/// Which back end, and why.
type Choice = (BackendName, &'static str);

impl Service {
    /// Starts the service; in a tokio runtime. The worker starts with the first request.
    pub fn start(config: ServiceConfig, chain: Chain) -> Arc<Self> {
        let executor = Arc::new(config.executor);
        if config.has_registry {
            tokio::spawn(anchor::run(Arc::clone(&executor), chain.clone()));
        }
        Arc::new(Self {
            models: config.models,
            executor,
            has_onnxruntime: config.has_onnxruntime,
            has_registry: config.has_registry,
            memory: config.memory,
            worker: Mutex::new(Worker::new(config.worker)),
            queue: Semaphore::new(QUEUE),
            nonces: Nonces::default(),
            chain,
        })
    }

    /// The worker's process, if it runs.
    pub fn worker_process(&self) -> Option<u32> {
        self.worker.lock().process_id()
    }

    pub(crate) fn find(&self, name: &str, version: Option<&str>) -> Result<&Served, InferError> {
        let served = self
            .models
            .get(name)
            .ok_or_else(|| InferError::NotFound(format!("model {name} is not served")))?;
        match version {
            None | Some("1") => Ok(served),
            Some(other) => Err(InferError::NotFound(format!(
                "model {name} has no version {other}; there is 1"
            ))),
        }
    }

    /// The response's body, and the length of its JSON part where tensors follow it.
    pub(crate) async fn infer(
        self: Arc<Self>,
        name: String,
        version: Option<String>,
        body: Vec<u8>,
        json_length: Option<usize>,
    ) -> Result<(Vec<u8>, Option<usize>), InferError> {
        let _place = self
            .queue
            .try_acquire()
            .map_err(|_| InferError::Busy { waiting: QUEUE })?;
        let service = Arc::clone(&self);
        let work = move || service.run(&name, version.as_deref(), &body, json_length);
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| InferError::Internal(error.to_string()))?
    }

    fn run(
        &self,
        name: &str,
        version: Option<&str>,
        body: &[u8],
        json_length: Option<usize>,
    ) -> Result<(Vec<u8>, Option<usize>), InferError> {
        let served = self.find(name, version)?;
        let request = InferRequest::decode(body, json_length)?;
        served.manifest.check_inputs(&request.inputs)?;
        self.check_memory(served)?;
        let task = task::read(
            &request,
            served,
            self.executor.domain(),
            now().as_secs(),
            &self.nonces,
        )?;
        let (backend, why) = self.choose(&request, task.as_ref())?;
        // Before the run: the decision cannot know a block that came later.
        let head = self.chain.head();
        let answer = self
            .worker
            .lock()
            .run(&served.model, backend, true, &request.inputs)?;
        let mut parameters = describe(&answer, why);
        if task.is_some() || request.flag("decision")?.unwrap_or(false) {
            let anchor = (head.number(), head.hash);
            self.decide(&request, served, task, &answer, anchor, &mut parameters)?;
        }
        encode_response(&request, &served.manifest.id, &answer.outputs, &parameters)
    }

    fn check_memory(&self, served: &Served) -> Result<(), InferError> {
        let needed = served
            .manifest
            .peak_bytes
            .saturating_add(served.manifest.bytes.saturating_mul(3));
        if needed > self.memory {
            return Err(InferError::Unsupported(format!(
                "memory: the model needs about {needed} bytes, the worker has {}",
                self.memory
            )));
        }
        Ok(())
    }

    /// Hard gates only: what is asked for, then what there is.
    fn choose(&self, request: &InferRequest, task: Option<&Task>) -> Result<Choice, InferError> {
        let asked = match request.text("backend")? {
            None => None,
            Some("pinned") => Some(BackendName::Pinned),
            Some("onnxruntime") if self.has_onnxruntime => Some(BackendName::OnnxRuntime),
            Some("onnxruntime") => {
                return Err(InferError::Unsupported(
                    "parameters.backend: ONNX Runtime is not here".into(),
                ));
            }
            Some(other) => {
                return Err(wrong(format!(
                    "parameters.backend: expected pinned or onnxruntime, got {other:?}"
                )));
            }
        };
        // Which of the two exact classes ONNX Runtime reaches depends on the model; the pinned engine reaches both.
        let exact = task.is_some_and(|task| task.class.is_exact());
        match asked {
            Some(BackendName::OnnxRuntime) if exact => Err(InferError::Task {
                field: "detClass",
                reason: "parameters.backend is onnxruntime, which does not give class 0".into(),
            }),
            Some(backend) => Ok((backend, "it was asked for")),
            None if exact => Ok((BackendName::Pinned, "the task asks for an exact class")),
            None if self.has_onnxruntime => {
                Ok((BackendName::OnnxRuntime, "it is the fastest one here"))
            }
            None => Ok((BackendName::Pinned, "ONNX Runtime's library is not here")),
        }
    }

    fn decide(
        &self,
        request: &InferRequest,
        served: &Served,
        task: Option<Task>,
        answer: &Answer,
        anchor: (u64, B256),
        parameters: &mut Parameters,
    ) -> Result<(), InferError> {
        let (hash, requester, salt) = match task {
            Some(task) => (task.hash, task.requester, task.salt),
            None => (B256::ZERO, Address::ZERO, task::read_salt(request)?),
        };
        let mut inputs: Vec<Tensor> = request.inputs.clone();
        inputs.sort_by(|a, b| a.name().cmp(b.name()));
        let (decision, record) = self.executor.decide(Parts {
            served,
            runtime: answer.runtime.clone(),
            inputs: &inputs,
            outputs: &answer.outputs,
            salt,
            task: hash,
            requester,
            anchor,
        })?;
        let file = record
            .encode()
            .map_err(|error| InferError::Internal(error.to_string()))?;
        parameters.insert("decision_hash".into(), json!(decision));
        parameters.insert("decision_sig".into(), json!(record.signature));
        parameters.insert("decision".into(), Value::String(file));
        Ok(())
    }
}

/// Where it ran, why there, how long it took, and what the result can be held to.
fn describe(answer: &Answer, why: &str) -> Parameters {
    let class = answer.runtime.detClass;
    let exact = DetClass::from_number(class).is_ok_and(DetClass::is_exact);
    let mut parameters = Parameters::new();
    parameters.insert("engine".into(), json!(answer.runtime.engine));
    parameters.insert("why".into(), json!(why));
    parameters.insert("det_class".into(), json!(class));
    parameters.insert("exact".into(), json!(exact));
    parameters.insert("elapsed_ns".into(), json!(answer.elapsed.as_nanos() as u64));
    parameters
}
