//! The way out, as a device sees it: a real node with a real worker, a signed request in, a decision out that is checked against the chain and run again.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, U256, address, b256, hex};
use alloy_sol_types::SolStruct;
use k256::ecdsa::SigningKey;
use reqwest::blocking::Client;
use serde_json::{Value, json};
use sidelight_edge::{Backend, Model, Options, PinnedEngine, onnxruntime};
use sidelight_edge_core::{
    commit::{Role, Salt, compute_commitment},
    manifest::Manifest,
    record::Record,
    tensor::{DType, Tensor},
    typed::{TaskRequest, domain},
    verdict::{Agreement, ChainFacts, Rerun, compute_batch_slot, verify_record},
};

const REGISTRY: Address = address!("0x5161000000000000000000000000000000000002");
const CHAIN_ID: u64 = 31_337;
/// Test account 9.
const EXECUTOR: Address = address!("0xa0Ee7A142d267C1f36714E4a8F75612F20a79720");
/// Test account 3, which asks.
const KEY: B256 = b256!("0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6");

struct Node {
    child: Child,
    /// Kept open: what the node prints has to go somewhere.
    _stdout: Lines<BufReader<ChildStdout>>,
    url: String,
    client: Client,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Node {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_node-lite"))
            .args(["--dev", "--port", "0", "--block-time", "100ms", "--models"])
            .arg(models())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("Inference")?.1.trim().to_owned()));
        Self {
            child,
            _stdout: lines,
            url: url.unwrap(),
            client: Client::new(),
        }
    }

    fn get(&self, path: &str) -> (u16, Value) {
        let response = self
            .client
            .get(format!("{}{path}", self.url))
            .send()
            .unwrap();
        let status = response.status().as_u16();
        (
            status,
            serde_json::from_slice(&response.bytes().unwrap()).unwrap(),
        )
    }

    fn infer(&self, model: &str, request: &Value) -> (u16, Value) {
        let url = format!("{}/models/{model}/infer", self.url);
        let response = self
            .client
            .post(url)
            .body(request.to_string())
            .send()
            .unwrap();
        let status = response.status().as_u16();
        (
            status,
            serde_json::from_slice(&response.bytes().unwrap()).unwrap(),
        )
    }

    fn rpc(&self, method: &str, params: Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let response = self
            .client
            .post(self.url.trim_end_matches("/v2"))
            .header("content-type", "application/json")
            .body(request.to_string());
        let bytes = response.send().unwrap().bytes().unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()["result"].clone()
    }

    /// The processes that the node started.
    fn workers(&self) -> Vec<u32> {
        let parent = self.child.id().to_string();
        let is_child = |id: &u32| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            let mut fields = stat.rsplit(')').next().unwrap().split_whitespace();
            let state = fields.next();
            state != Some("Z") && fields.next() == Some(&parent)
        };
        let ids = fs::read_dir("/proc").unwrap().flatten();
        ids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(is_child)
            .collect()
    }
}

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../edge-runtime/models")
}

fn manifest(name: &str) -> Manifest {
    Manifest::decode(&fs::read(models().join(format!("{name}.json"))).unwrap()).unwrap()
}

/// A digit of the data set.
fn digit() -> Vec<u8> {
    fs::read(models().join("data/digits-images.u8")).unwrap()[..64].to_vec()
}

fn plain(pixels: &[u8]) -> Value {
    json!({ "inputs": [{ "name": "image", "datatype": "UINT8", "shape": [1, 64], "data": pixels }] })
}

/// A request with the task that allows it, signed.
fn signed(nonce: u64, class: u8, change: impl FnOnce(&mut TaskRequest)) -> Value {
    let image = Tensor::new("image", DType::U8, [1, 64], digit()).unwrap();
    let salt = B256::repeat_byte(7);
    let mut task = TaskRequest {
        modelHash: manifest("digits-mlp-f32").to_model().eip712_hash_struct(),
        inputCommit: compute_commitment(Role::Input, Salt::Private(salt), &[image]).unwrap(),
        kind: 1,
        minLevel: 1,
        detClass: class,
        deadline: u64::MAX,
        maxFee: U256::ZERO,
        localOnly: false,
        requester: Address::from_private_key(&key()),
        nonce,
    };
    change(&mut task);
    let digest = task.eip712_signing_hash(&domain(CHAIN_ID, REGISTRY));
    let (signature, recovery) = key().sign_prehash_recoverable(digest.as_slice()).unwrap();
    let signature = [&signature.to_bytes()[..], &[27 + recovery.to_byte()]].concat();
    let fields = json!({
        "modelHash": task.modelHash,
        "inputCommit": task.inputCommit,
        "kind": task.kind,
        "minLevel": task.minLevel,
        "detClass": task.detClass,
        "deadline": task.deadline.to_string(),
        "maxFee": task.maxFee.to_string(),
        "localOnly": task.localOnly,
        "requester": task.requester,
        "nonce": task.nonce.to_string(),
    });
    let mut request = plain(&digit());
    request["parameters"] = json!({
        "task": fields.to_string(),
        "task_sig": hex::encode_prefixed(signature),
        "input_salt": salt,
    });
    request
}

fn key() -> SigningKey {
    SigningKey::from_slice(KEY.as_slice()).unwrap()
}

fn record(response: &Value) -> Record {
    let text = response["parameters"]["decision"].as_str().unwrap();
    Record::decode(text.as_bytes()).unwrap()
}

#[test]
fn the_protocol_is_spoken_in_json_and_in_binary() {
    let node = Node::start();
    assert_eq!(node.get("/health/live"), (200, json!({ "live": true })));
    assert_eq!(node.get("/health/ready").0, 200);
    let (_, server) = node.get("");
    assert_eq!(server["extensions"], json!(["binary_tensor_data"]));
    let (_, model) = node.get("/models/digits-mlp-f32/versions/1");
    assert_eq!(model["inputs"][0]["datatype"], "UINT8");
    let hash = model["parameters"]["model_hash"].as_str().unwrap();
    assert_eq!(node.get(&format!("/models/{hash}/ready")).0, 200);
    assert_eq!(node.get("/models/other").0, 404);
    assert_eq!(node.get("/models/digits-mlp-f32/versions/2").0, 404);

    let (status, answer) = node.infer("digits-mlp-f32", &plain(&digit()));
    assert_eq!(status, 200, "{answer}");
    let logits: Vec<f32> = serde_json::from_value(answer["outputs"][0]["data"].clone()).unwrap();
    let best = (0..10).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
    assert_eq!(best, Some(0), "the data set's first digit is a zero");
    assert!(
        answer["parameters"].get("decision").is_none(),
        "nobody asked for one"
    );

    let json = json!({
        "parameters": { "binary_data_output": true },
        "inputs": [{ "name": "image", "datatype": "UINT8", "shape": [1, 64], "parameters": { "binary_data_size": 64 } }],
    })
    .to_string();
    let url = format!("{}/models/digits-mlp-f32/infer", node.url);
    let response = node
        .client
        .post(url)
        .header("inference-header-content-length", json.len())
        .body([json.as_bytes(), &digit()].concat())
        .send()
        .unwrap();
    let length = response.headers()["inference-header-content-length"]
        .to_str()
        .unwrap();
    let length: usize = length.parse().unwrap();
    let bytes = response.bytes().unwrap();
    let binary: Vec<u8> = logits
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    assert_eq!(bytes[length..], binary);

    for wrong in [
        json!({}),
        json!({ "inputs": [] }),
        plain(&digit()[..63]),
        json!({ "inputs": [{ "name": "image", "datatype": "FP32", "shape": [1, 64], "data": digit() }] }),
    ] {
        let (status, answer) = node.infer("digits-mlp-f32", &wrong);
        assert_eq!(status, 400, "{answer}");
        assert!(answer["error"].is_string());
    }
}

#[test]
fn a_signed_request_becomes_a_decision_that_holds_on_the_chain_and_on_this_device() {
    let node = Node::start();
    let (status, answer) = node.infer("digits-mlp-f32", &signed(1, 0, |_| {}));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["parameters"]["exact"], true);
    let mut record = record(&answer);
    assert_eq!(record.decision.executor, EXECUTOR);
    assert_eq!(record.decision.requester, Address::from_private_key(&key()));

    // The node shows everybody where it stands, and nobody what was in it.
    let hash = answer["parameters"]["decision_hash"].as_str().unwrap();
    let public = wait(|| {
        let (status, value) = node.get(&format!("/decisions/{hash}"));
        (status == 200 && value.get("batch").is_some()).then_some(value)
    });
    assert!(public.get("input").is_none() && public.get("output").is_none());
    record.batch = serde_json::from_value(public["batch"].clone()).unwrap();

    // L0.
    let verified = verify_record(&record, CHAIN_ID, REGISTRY).unwrap();
    let root = record.batch.as_ref().unwrap().root;
    let word = node.rpc(
        "eth_getStorageAt",
        json!([REGISTRY, compute_batch_slot(root), "latest"]),
    );
    let number = format!("{:#x}", record.decision.anchorBlock);
    let block = node.rpc("eth_getBlockByNumber", json!([number, false]));
    let head = node.rpc("eth_blockNumber", json!([]));
    let head = u64::from_str_radix(head.as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    let facts = ChainFacts {
        head,
        batch: serde_json::from_value(word).unwrap(),
        anchor_hash: serde_json::from_value(block["hash"].clone()).unwrap(),
    };
    let anchored = verified.verify_anchor(&facts).unwrap();
    assert_eq!(anchored.poster, EXECUTOR);

    // L1.
    let engine = PinnedEngine::open(None).unwrap();
    let manifest = manifest("digits-mlp-f32");
    let model =
        Model::verified(fs::read(models().join(&manifest.file)).unwrap(), &manifest).unwrap();
    let mut session = engine.load(&model, &Options::default()).unwrap();
    let outputs = session
        .run(&record.input.as_ref().unwrap().tensors)
        .unwrap();
    let runtime = engine.runtime(&Options::default());
    let rerun = Rerun {
        engine_sha256: runtime.engineSha256,
        options_hash: runtime.optionsHash,
        outputs: &outputs,
    };
    assert_eq!(
        verified.verify_reproduction(&rerun).unwrap(),
        Agreement::Exact
    );
}

#[test]
fn a_result_of_onnx_runtime_says_so_and_holds_within_its_tolerance() {
    assert!(
        onnxruntime::find(None).is_some(),
        "ONNX Runtime is needed: cargo xtask setup test"
    );
    let node = Node::start();
    let (_, answer) = node.infer("digits-mlp-f32", &signed(1, 2, |_| {}));
    assert_eq!(answer["parameters"]["det_class"], 2, "{answer}");
    let record = record(&answer);
    assert!(record.runtime.engine.starts_with("onnxruntime/"));
    let (_, answer) = node.infer("digits-mlp-int8", &plain(&digit()));
    assert_eq!(answer["parameters"]["det_class"], 1, "{answer}");
}

#[test]
fn what_a_task_does_not_allow_is_refused_by_its_field() {
    let node = Node::start();
    let refused = |request: Value, field: &str| {
        let (status, answer) = node.infer("digits-mlp-f32", &request);
        let text = answer["error"].as_str().unwrap_or_default().to_owned();
        assert!(
            (status == 422 || status == 501) && text.contains(field),
            "{field}: {status} {answer}"
        );
    };
    refused(signed(1, 0, |task| task.localOnly = true), "localOnly");
    refused(signed(1, 0, |task| task.deadline = 1), "deadline");
    refused(signed(1, 0, |task| task.kind = 2), "kind");
    refused(signed(1, 0, |task| task.minLevel = 3), "minLevel");
    refused(
        signed(1, 0, |task| task.modelHash = B256::ZERO),
        "modelHash",
    );
    refused(
        signed(1, 0, |task| task.inputCommit = B256::ZERO),
        "inputCommit",
    );
    refused(signed(1, 0, |task| task.requester = EXECUTOR), "requester");
    let mut forged = signed(1, 0, |_| {});
    let task = forged["parameters"]["task"].as_str().unwrap();
    forged["parameters"]["task"] = json!(task.replace("\"nonce\":\"1\"", "\"nonce\":\"2\""));
    refused(forged, "requester");

    assert_eq!(node.infer("digits-mlp-f32", &signed(5, 0, |_| {})).0, 200);
    refused(signed(5, 0, |_| {}), "nonce");
    refused(signed(4, 0, |_| {}), "nonce");
}

#[test]
fn a_worker_that_is_killed_is_replaced() {
    let node = Node::start();
    assert!(
        node.workers().is_empty(),
        "it starts with the first request"
    );
    assert_eq!(node.infer("digits-mlp-f32", &plain(&digit())).0, 200);
    let before = node.workers();
    assert_eq!(before.len(), 1);
    let killed = Command::new("kill")
        .args(["-9", &before[0].to_string()])
        .status();
    assert!(killed.unwrap().success());
    let (status, answer) = node.infer("digits-mlp-f32", &plain(&digit()));
    assert!(
        status == 200
            || answer["error"]
                .as_str()
                .unwrap()
                .contains("the worker ended")
    );
    assert_eq!(node.infer("digits-mlp-f32", &plain(&digit())).0, 200);
    assert_ne!(node.workers(), before);
}

fn wait<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "nothing came");
        thread::sleep(Duration::from_millis(50));
    }
}
