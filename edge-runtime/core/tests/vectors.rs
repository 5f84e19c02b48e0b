//! `docs/vectors/decision.json`: tensors, commitments, decisions and batches with their hashes, for every implementation of the format.
//!
//! `UPDATE_VECTORS=1 cargo test -p sidelight-edge-core --test vectors` writes the file; `edge-runtime/checks` compares it with viem and with OpenZeppelin's library.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{collections::BTreeMap, fs, path::Path};

use alloy_primitives::{Address, B256, U256, hex, keccak256};
use alloy_sol_types::SolStruct;
use k256::ecdsa::SigningKey;
use serde_json::{Value, json};
use sidelight_edge_core::{
    batch::Batch,
    class::{DetClass, OptionValue, hash_options},
    commit::{Role, Salt, compute_commitment, hash_tensor},
    decision::{SignedDecision, compute_decision_hash, verify_decision},
    graph::compute_graph_root,
    manifest::Manifest,
    tensor::{DType, Tensor, decode_message, encode_message},
    trace::compute_trace_root,
    typed::{self, Decision, Runtime, TaskRequest, domain},
};

const FILE: &str = "../../docs/vectors/decision.json";
/// Anvil's first test key: known to everybody, worth nothing.
const KEY: [u8; 32] = hex!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");

#[test]
fn the_vectors_are_what_this_program_computes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let text = serde_json::to_string_pretty(&vectors()).unwrap() + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn every_changed_field_of_a_decision_breaks_the_signature() {
    let (signed, domain) = (signed(1), registry());
    let good = verify_decision(&signed, &domain).unwrap();
    let hash = |byte| B256::repeat_byte(byte);
    let changes: [fn(&mut Decision, B256); 16] = [
        |d, h| d.taskHash = h,
        |d, h| d.modelHash = h,
        |d, h| d.runtimeHash = h,
        |d, h| d.inputCommit = h,
        |d, h| d.outputCommit = h,
        |d, h| d.traceRoot = h,
        |d, h| d.zkInput = h,
        |d, h| d.parent = h,
        |d, h| d.executor = Address::from_word(h),
        |d, h| d.requester = Address::from_word(h),
        |d, h| d.agentId = h.into(),
        |d, _| d.nonce += 1,
        |d, _| d.anchorBlock += 1,
        |d, h| d.anchorHash = h,
        |d, _| d.issuedAt += 1,
        |d, _| d.maxLevel -= 1,
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut other = signed.clone();
        change(&mut other.decision, hash(0xee));
        assert_ne!(other.decision, signed.decision, "field {at}");
        let error = verify_decision(&other, &domain).unwrap_err();
        assert_eq!(error.field(), "signature", "field {at}");
    }
    for bit in 0..65 * 8 {
        let mut other = signed.clone();
        other.signature[bit / 8] ^= 1 << (bit % 8);
        assert!(verify_decision(&other, &domain).is_err(), "bit {bit}");
    }
    let elsewhere = typed::domain(2, Address::repeat_byte(0x11));
    assert!(verify_decision(&signed, &elsewhere).is_err());
    assert_eq!(
        good.hash(),
        compute_decision_hash(&signed.decision, &domain)
    );
}

#[test]
fn a_changed_part_is_refused_by_the_name_of_its_field() {
    let verified = verify_decision(&signed(1), &registry()).unwrap();
    let (input, output) = io();
    let salt = Salt::Private(B256::repeat_byte(0x5a));
    assert_eq!(verified.verify_model(&model()), Ok(()));
    assert_eq!(verified.verify_runtime(&runtime()), Ok(DetClass::D0));
    assert_eq!(verified.verify_tensors(Role::Input, salt, &input), Ok(()));
    assert_eq!(verified.verify_tensors(Role::Output, salt, &output), Ok(()));
    assert_eq!(verified.verify_trace(compute_trace_root(&trace())), Ok(()));

    let field = |result: Result<(), sidelight_edge_core::decision::DecisionError>| {
        result.unwrap_err().field()
    };
    assert_eq!(
        field(verified.verify_model(&typed::Model {
            opset: 18,
            ..model()
        })),
        "modelHash"
    );
    assert_eq!(
        field(
            verified
                .verify_runtime(&Runtime {
                    atolE9: 1,
                    ..runtime()
                })
                .map(drop)
        ),
        "runtimeHash"
    );
    assert_eq!(
        field(verified.verify_tensors(Role::Input, Salt::Public, &input)),
        "inputCommit"
    );
    assert_eq!(
        field(verified.verify_tensors(Role::Output, salt, &input)),
        "outputCommit"
    );
    let forged = [Tensor::f32("logits", &[1, 2], &[0.25, 1.000_000_1]).unwrap()];
    assert_eq!(
        field(verified.verify_tensors(Role::Output, salt, &forged)),
        "outputCommit"
    );
    assert_eq!(field(verified.verify_trace(B256::ZERO)), "traceRoot");
}

fn vectors() -> Value {
    let tensors = tensors();
    let (input, output) = io();
    let salt = B256::repeat_byte(0x5a);
    let commitment = |role: Role, salt: Salt, tensors: &[Tensor]| {
        json!({
            "role": role as u8,
            "salt": salt.to_b256(),
            "tensors": tensors.iter().map(hash_tensor).collect::<Vec<_>>(),
            "hash": compute_commitment(role, salt, tensors).unwrap(),
        })
    };
    let message = encode_message(&tensors).unwrap();
    let sorted = decode_message(&message).unwrap();
    let decisions: Vec<SignedDecision> = (1..=9).map(signed).collect();
    let hashes: Vec<B256> = decisions
        .iter()
        .map(|signed| compute_decision_hash(&signed.decision, &registry()))
        .collect();
    let batches: Vec<Value> = [1, 2, 3, 5, 8, 9]
        .map(|count| batch_json(&hashes[..count]))
        .into();
    json!({
        "comment": "Written by `UPDATE_VECTORS=1 cargo test -p sidelight-edge-core --test vectors`; docs/decision-format.md.",
        "domain": { "name": "DecisionRegistry", "version": "1", "chainId": 31337, "verifyingContract": Address::repeat_byte(0x11) },
        "tensors": tensors.iter().map(tensor_json).collect::<Vec<_>>(),
        "message": { "tensors": sorted.iter().map(Tensor::name).collect::<Vec<_>>(), "bytes": hex::encode_prefixed(&message) },
        "commitments": [
            commitment(Role::Input, Salt::Private(salt), &input),
            commitment(Role::Output, Salt::Private(salt), &output),
            commitment(Role::Input, Salt::Public, &sorted),
            commitment(Role::Input, Salt::Public, &[]),
        ],
        "options": [options_json()],
        "schema": { "value": schema_json(), "hash": manifest().to_schema().eip712_hash_struct() },
        "model": { "value": model_json(), "hash": model().eip712_hash_struct() },
        "runtime": { "value": runtime_json(), "hash": runtime().eip712_hash_struct() },
        "task": { "value": task_json(), "hash": task().eip712_hash_struct(), "digest": task().eip712_signing_hash(&registry()) },
        "graph": { "file": hex::encode_prefixed(onnx()), "root": compute_graph_root(&onnx()).unwrap() },
        "trace": { "values": trace().iter().map(|value| value.eip712_hash_struct()).collect::<Vec<_>>(), "root": compute_trace_root(&trace()) },
        "decisions": decisions.iter().zip(&hashes).map(|(signed, hash)| decision_json(signed, *hash)).collect::<Vec<_>>(),
        "batches": batches,
    })
}

fn registry() -> alloy_sol_types::Eip712Domain {
    domain(31337, Address::repeat_byte(0x11))
}

/// Every rule of CTE-1: NaN, minus zero, half precision, strings, a scalar, no elements, one chunk exactly, and more than one.
fn tensors() -> Vec<Tensor> {
    let f32s = [f32::from_bits(0xffc0_0001), -0.0, f32::INFINITY, 1.5];
    let long: Vec<u8> = (0..3_000_u32).map(|at| (at % 251) as u8).collect();
    vec![
        Tensor::f32("floats", &[2, 2], &f32s).unwrap(),
        Tensor::new(
            "half",
            DType::F16,
            [3],
            vec![0x01, 0xfc, 0x00, 0x80, 0x00, 0x3c],
        )
        .unwrap(),
        Tensor::new("brain", DType::Bf16, [1], vec![0x81, 0xff]).unwrap(),
        Tensor::new(
            "double",
            DType::F64,
            [1],
            f64::from_bits(0xfff0_0000_0000_0001).to_le_bytes().to_vec(),
        )
        .unwrap(),
        Tensor::new("scalar", DType::I64, [], (-5_i64).to_le_bytes().to_vec()).unwrap(),
        Tensor::new("empty", DType::F32, [0, 4], vec![]).unwrap(),
        Tensor::new("flags", DType::Bool, [3], vec![1, 0, 1]).unwrap(),
        Tensor::new(
            "words",
            DType::Bytes,
            [2],
            vec![2, 0, 0, 0, b'h', b'i', 0, 0, 0, 0],
        )
        .unwrap(),
        Tensor::new("chunk", DType::U8, [1024], long[..1024].to_vec()).unwrap(),
        Tensor::new("chunks", DType::U8, [3000], long).unwrap(),
    ]
}

fn tensor_json(tensor: &Tensor) -> Value {
    json!({
        "name": tensor.name(),
        "dtype": tensor.dtype().code(),
        "shape": tensor.shape(),
        "bytes": hex::encode_prefixed(tensor.bytes()),
        "root": B256::from(tensor.root()),
        "hash": hash_tensor(tensor),
    })
}

fn io() -> ([Tensor; 1], [Tensor; 1]) {
    let image: Vec<u8> = (0..64).map(|at| at % 17).collect();
    (
        [Tensor::new("image", DType::U8, [1, 64], image).unwrap()],
        [Tensor::f32("logits", &[1, 2], &[0.25, 1.0]).unwrap()],
    )
}

fn trace() -> Vec<typed::Tensor> {
    let value = |at: u8| typed::Tensor {
        name: format!("value{at}"),
        dtype: 1,
        shape: vec![1, 4],
        byteLength: 16,
        root: B256::repeat_byte(at),
    };
    (1..=3).map(value).collect()
}

/// Two operators, a weight of two chunks that both read, and one that none names.
fn onnx() -> Vec<u8> {
    let field = |number: u8, bytes: &[u8]| {
        let length = [bytes.len() as u8 & 0x7f | 0x80, (bytes.len() >> 7) as u8];
        [&[number << 3 | 2, length[0], length[1]], bytes].concat()
    };
    let node = |input: &[u8], output: &[u8]| {
        let names = [field(1, input), field(1, b"weight"), field(2, output)];
        field(1, &[names.concat(), field(4, b"Mul")].concat())
    };
    let weight = |name: &[u8], raw: &[u8]| field(5, &[field(9, raw), field(8, name)].concat());
    let graph = [
        node(b"x", b"y"),
        node(b"y", b"z"),
        weight(b"weight", &[7; 1_200]),
        weight(b"inner", &[8; 40]),
    ];
    [vec![0x08, 8], field(7, &graph.concat())].concat()
}

fn manifest() -> Manifest {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/digits-mlp-int8.json");
    Manifest::decode(&fs::read(path).unwrap()).unwrap()
}

fn model() -> typed::Model {
    manifest().to_model()
}

fn options() -> BTreeMap<&'static str, OptionValue> {
    BTreeMap::from([
        ("optimise", OptionValue::Flag(true)),
        ("provider", OptionValue::Text("cpu".into())),
        ("threads", OptionValue::Number(1)),
    ])
}

fn runtime() -> Runtime {
    Runtime {
        detClass: 0,
        engineSha256: B256::repeat_byte(0xe0),
        engine: "sidelight-engine/1.0.0".into(),
        optionsHash: hash_options(&options()),
        sampling: B256::ZERO,
        atolE9: 0,
        rtolE9: 0,
    }
}

fn task() -> TaskRequest {
    TaskRequest {
        modelHash: model().eip712_hash_struct(),
        inputCommit: compute_commitment(
            Role::Input,
            Salt::Private(B256::repeat_byte(0x5a)),
            &io().0,
        )
        .unwrap(),
        kind: 1,
        minLevel: 1,
        detClass: 0,
        deadline: 1_800_000_060,
        maxFee: U256::from(10).pow(U256::from(18)),
        localOnly: false,
        requester: Address::repeat_byte(0x22),
        nonce: 7,
    }
}

fn signed(nonce: u64) -> SignedDecision {
    let key = SigningKey::from_slice(&KEY).unwrap();
    let (input, output) = io();
    let salt = Salt::Private(B256::repeat_byte(0x5a));
    let decision = Decision {
        taskHash: task().eip712_hash_struct(),
        modelHash: model().eip712_hash_struct(),
        runtimeHash: runtime().eip712_hash_struct(),
        inputCommit: compute_commitment(Role::Input, salt, &input).unwrap(),
        outputCommit: compute_commitment(Role::Output, salt, &output).unwrap(),
        traceRoot: compute_trace_root(&trace()),
        zkInput: B256::ZERO,
        parent: if nonce == 1 {
            B256::ZERO
        } else {
            keccak256(nonce.to_be_bytes())
        },
        executor: Address::from_public_key(key.verifying_key()),
        requester: Address::repeat_byte(0x22),
        agentId: U256::from(42),
        nonce,
        anchorBlock: 1_000 + nonce,
        anchorHash: keccak256(nonce.to_le_bytes()),
        issuedAt: 1_800_000_000 + nonce,
        maxLevel: 2,
    };
    let hash = compute_decision_hash(&decision, &registry());
    let (signature, recovery) = key.sign_prehash_recoverable(hash.as_slice()).unwrap();
    let mut bytes = [0_u8; 65];
    bytes[..64].copy_from_slice(&signature.to_bytes());
    bytes[64] = 27 + recovery.to_byte();
    SignedDecision {
        decision,
        signature: bytes,
    }
}

fn decision_json(signed: &SignedDecision, hash: B256) -> Value {
    let d = &signed.decision;
    json!({
        "value": {
            "taskHash": d.taskHash, "modelHash": d.modelHash, "runtimeHash": d.runtimeHash, "inputCommit": d.inputCommit, "outputCommit": d.outputCommit,
            "traceRoot": d.traceRoot, "zkInput": d.zkInput, "parent": d.parent, "executor": d.executor, "requester": d.requester,
            "agentId": d.agentId.to_string(), "nonce": d.nonce.to_string(), "anchorBlock": d.anchorBlock.to_string(), "anchorHash": d.anchorHash,
            "issuedAt": d.issuedAt.to_string(), "maxLevel": d.maxLevel,
        },
        "hash": hash,
        "signature": hex::encode_prefixed(signed.signature),
    })
}

fn batch_json(hashes: &[B256]) -> Value {
    let batch = Batch::new(hashes).unwrap();
    json!({ "decisions": hashes, "root": batch.root(), "proofs": hashes.iter().map(|&hash| batch.prove(hash)).collect::<Vec<_>>() })
}

fn options_json() -> Value {
    json!({ "json": serde_json::to_string(&options()).unwrap(), "hash": hash_options(&options()) })
}

fn schema_json() -> Value {
    let schema = manifest().to_schema();
    let port = |port: &typed::Port| json!({ "name": port.name, "dtype": port.dtype, "shape": port.shape.iter().map(i64::to_string).collect::<Vec<_>>() });
    json!({
        "inputs": schema.inputs.iter().map(port).collect::<Vec<_>>(), "outputs": schema.outputs.iter().map(port).collect::<Vec<_>>(),
        "preprocess": schema.preprocess, "postprocess": schema.postprocess,
    })
}

fn model_json() -> Value {
    let m = model();
    json!({
        "fileSha256": m.fileSha256, "fileBytes": m.fileBytes.to_string(), "format": m.format, "opset": m.opset, "graphRoot": m.graphRoot, "ioSchema": m.ioSchema,
        "omsBundle": m.omsBundle, "macs": m.macs.to_string(), "peakBytes": m.peakBytes.to_string(), "parentModel": m.parentModel,
    })
}

fn runtime_json() -> Value {
    let r = runtime();
    json!({
        "detClass": r.detClass, "engineSha256": r.engineSha256, "engine": r.engine, "optionsHash": r.optionsHash, "sampling": r.sampling,
        "atolE9": r.atolE9.to_string(), "rtolE9": r.rtolE9.to_string(),
    })
}

fn task_json() -> Value {
    let t = task();
    json!({
        "modelHash": t.modelHash, "inputCommit": t.inputCommit, "kind": t.kind, "minLevel": t.minLevel, "detClass": t.detClass, "deadline": t.deadline.to_string(),
        "maxFee": t.maxFee.to_string(), "localOnly": t.localOnly, "requester": t.requester, "nonce": t.nonce.to_string(),
    })
}
