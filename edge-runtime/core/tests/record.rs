//! Files of decisions: an honest one has its levels, and one changed bit anywhere takes them away with the name of the field.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::{fs, path::Path};

use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use alloy_sol_types::{SolStruct, SolValue};
use k256::ecdsa::SigningKey;
use serde_json::{Value, json};
use sidelight_edge_core::{
    account::ask_account,
    batch::Batch,
    class::DetClass,
    commit::{Role, Salt, compute_commitment},
    decision::{DecisionLevel, compute_decision_hash},
    limits::MAX_SIGNATURE,
    manifest::Manifest,
    record::{BatchPath, Opening, RECORD_TYPE, Record},
    tensor::{DType, Tensor},
    typed::{Decision, Runtime, domain},
    verdict::{
        Agreement, ChainFacts, RecordError, Rerun, compute_batch_slot, verify_record,
        verify_record_by_account,
    },
};

const CHAIN: u64 = 31_337;
const REGISTRY: Address = Address::repeat_byte(0x11);
const KEY: [u8; 32] = hex!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
const ENGINE: B256 = B256::repeat_byte(0xe0);
const OPTIONS: B256 = B256::repeat_byte(0x0f);
const ANCHOR: B256 = B256::repeat_byte(0xaa);
/// What `isValidSignature` returns for a signature that it accepts.
const MAGIC: [u8; 32] = hex!("1626ba7e00000000000000000000000000000000000000000000000000000000");
const POSTER: Address = Address::repeat_byte(0x77);

fn outputs() -> Vec<Tensor> {
    vec![Tensor::f32("logits", &[1, 3], &[0.25, -1.0, 4.0]).unwrap()]
}

fn record_of(class: DetClass) -> Record {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/digits-mlp-int8.json");
    let manifest = Manifest::decode(&fs::read(path).unwrap()).unwrap();
    let key = SigningKey::from_slice(&KEY).unwrap();
    let (salt_in, salt_out) = (B256::repeat_byte(0x51), B256::repeat_byte(0x52));
    let image: Vec<u8> = (0..64).map(|at| at % 17).collect();
    let input = vec![Tensor::new("image", DType::U8, [1, 64], image).unwrap()];
    let atol = if class == DetClass::D2 { 10_000 } else { 0 };
    let runtime = Runtime {
        detClass: class.number(),
        engineSha256: ENGINE,
        engine: "sidelight-engine/1.0.0".into(),
        optionsHash: OPTIONS,
        sampling: B256::ZERO,
        atolE9: atol,
        rtolE9: 0,
    };
    let commit = |role, salt, tensors: &[Tensor]| {
        compute_commitment(role, Salt::Private(salt), tensors).unwrap()
    };
    let decision = Decision {
        taskHash: B256::repeat_byte(1),
        modelHash: manifest.to_model().eip712_hash_struct(),
        runtimeHash: runtime.eip712_hash_struct(),
        inputCommit: commit(Role::Input, salt_in, &input),
        outputCommit: commit(Role::Output, salt_out, &outputs()),
        traceRoot: B256::repeat_byte(2),
        zkInput: B256::repeat_byte(3),
        parent: B256::repeat_byte(4),
        executor: Address::from_public_key(key.verifying_key()),
        requester: Address::repeat_byte(5),
        agentId: U256::MAX,
        nonce: u64::MAX,
        anchorBlock: 9,
        anchorHash: ANCHOR,
        issuedAt: 1_800_000_000,
        maxLevel: 1,
    };
    let hash = compute_decision_hash(&decision, &domain(CHAIN, REGISTRY));
    let (signature, recovery) = key.sign_prehash_recoverable(hash.as_slice()).unwrap();
    let mut bytes = signature.to_bytes().to_vec();
    bytes.push(27 + recovery.to_byte());
    let others: Vec<B256> = (0..5_u8).map(|at| keccak256([at])).chain([hash]).collect();
    let batch = Batch::new(&others).unwrap();
    Record {
        r#type: RECORD_TYPE.into(),
        chain_id: CHAIN,
        registry: REGISTRY,
        decision,
        signature: bytes.into(),
        model: manifest.to_model(),
        runtime,
        input: Some(Opening {
            salt: salt_in,
            tensors: input,
        }),
        output: Some(Opening {
            salt: salt_out,
            tensors: outputs(),
        }),
        batch: Some(BatchPath {
            root: batch.root(),
            proof: batch.prove(hash).unwrap(),
        }),
    }
}

fn record() -> Record {
    record_of(DetClass::D0)
}

/// The chain that the record is honest on: the batch in block 10, the head at 20.
fn facts() -> ChainFacts {
    let batch =
        U256::from_be_slice(POSTER.as_slice()) | U256::from(10) << 160 | U256::from(6) << 224;
    ChainFacts {
        head: 20,
        batch,
        anchor_hash: Some(ANCHOR),
    }
}

fn judge(record: &Record, outputs: &[Tensor]) -> Result<Agreement, RecordError> {
    let verified = verify_record(record, CHAIN, REGISTRY)?;
    let anchored = verified.verify_anchor(&facts())?;
    assert_eq!(
        (anchored.poster, anchored.block, anchored.count),
        (POSTER, 10, 6)
    );
    verified.verify_reproduction(&Rerun {
        engine_sha256: ENGINE,
        options_hash: OPTIONS,
        outputs,
    })
}

/// Every place of a value in a file, as a JSON pointer.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| leaves(value, &format!("{at}/{key}"), found)),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(index, value)| leaves(value, &format!("{at}/{index}"), found)),
        _ => found.push(at.to_owned()),
    }
}

/// The value with one bit changed, in the shape that its field has.
fn flip(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_u64().unwrap() ^ 1),
        Value::String(text) => match text.strip_prefix("0x") {
            Some(digits) => {
                let mut bytes = hex::decode(digits).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                json!(hex::encode_prefixed(bytes))
            }
            None => match text.parse::<U256>() {
                Ok(number) => json!((number ^ U256::from(1)).to_string()),
                Err(_) => {
                    let mut bytes = text.clone().into_bytes();
                    bytes[0] ^= 1;
                    json!(String::from_utf8(bytes).unwrap())
                }
            },
        },
        other => panic!("{other}"),
    }
}

#[test]
fn a_file_is_read_back_as_it_was_written_and_reaches_its_level() {
    for class in [DetClass::D0, DetClass::D2] {
        let record = record_of(class);
        let text = record.encode().unwrap();
        assert_eq!(Record::decode(text.as_bytes()).unwrap(), record);
        assert_eq!(judge(&record, &outputs()), Ok(Agreement::Exact));
    }
}

#[test]
fn one_changed_bit_of_any_field_is_refused_at_its_level_by_its_name() {
    let file: Value = serde_json::from_str(&record().encode().unwrap()).unwrap();
    let mut places = Vec::new();
    leaves(&file, "", &mut places);
    assert!(places.len() > 45, "{}", places.len());
    for place in places {
        let mut changed = file.clone();
        let value = changed.pointer_mut(&place).unwrap();
        *value = flip(value);
        let judged = Record::decode(changed.to_string().as_bytes())
            .and_then(|record| judge(&record, &outputs()));
        let error = judged.map(|_| place.clone()).unwrap_err();
        assert_eq!(error.level(), DecisionLevel::Committed, "{place}");
        let expected: &[&str] = match place.as_str() {
            "/type" => &["type"],
            "/chainId" => &["chainId"],
            "/registry" => &["registry"],
            "/decision/modelHash" => &["modelHash"],
            "/decision/runtimeHash" => &["runtimeHash"],
            "/decision/inputCommit" => &["inputCommit"],
            "/decision/outputCommit" => &["outputCommit"],
            // Everything else that is signed: whose bit it was, nobody can tell.
            other if other.starts_with("/decision/") || other == "/signature" => &["signature"],
            other if other.starts_with("/model/") => &["modelHash"],
            other if other.starts_with("/runtime/") => &["runtimeHash"],
            // A type or a shape that no longer fits the bytes is no tensor.
            other if other.starts_with("/input/") => &["inputCommit", "file"],
            other if other.starts_with("/output/") => &["outputCommit", "file"],
            "/batch/root" => &["batch.proof"],
            other if other.starts_with("/batch/proof/") => &["batch.proof"],
            other => panic!("{other} is not expected"),
        };
        assert!(expected.contains(&error.field()), "{place}: {error}");
    }
}

#[test]
fn every_bit_of_salts_signature_and_path_counts() {
    let good = record();
    for bit in 0..256 {
        let flip = |word: &mut B256| word[bit / 8] ^= 1 << (bit % 8);
        let field = |edit: &dyn Fn(&mut Record)| {
            let mut record = good.clone();
            edit(&mut record);
            verify_record(&record, CHAIN, REGISTRY).unwrap_err().field()
        };
        let input = |record: &mut Record| flip(&mut record.input.as_mut().unwrap().salt);
        assert_eq!(field(&input), "inputCommit");
        let output = |record: &mut Record| flip(&mut record.output.as_mut().unwrap().salt);
        assert_eq!(field(&output), "outputCommit");
        let root = |record: &mut Record| flip(&mut record.batch.as_mut().unwrap().root);
        assert_eq!(field(&root), "batch.proof");
        let path = |record: &mut Record| flip(&mut record.batch.as_mut().unwrap().proof[1]);
        assert_eq!(field(&path), "batch.proof");
        let signature = |record: &mut Record| {
            let mut bytes = record.signature.to_vec();
            bytes[bit / 4] ^= 1 << (bit % 8);
            record.signature = bytes.into();
        };
        assert_eq!(field(&signature), "signature");
    }
}

#[test]
fn a_compact_signature_is_as_good_and_no_other_length_is() {
    let mut record = record();
    let full = record.signature.to_vec();
    let mut compact = full[..64].to_vec();
    compact[32] |= (full[64] - 27) << 7;
    record.signature = compact.into();
    assert_eq!(judge(&record, &outputs()), Ok(Agreement::Exact));
    for length in [0, 1, 63, 66, 1_000] {
        record.signature = Bytes::from(vec![1; length]);
        assert_eq!(judge(&record, &outputs()).unwrap_err().field(), "signature");
    }
}

#[test]
fn what_the_chain_does_not_say_is_not_committed() {
    let verified = verify_record(&record(), CHAIN, REGISTRY).unwrap();
    let field = |facts: ChainFacts| verified.verify_anchor(&facts).unwrap_err().field();
    assert!(verified.verify_anchor(&facts()).is_ok());
    assert_eq!(
        field(ChainFacts {
            batch: U256::ZERO,
            ..facts()
        }),
        "batch.root"
    );
    // A batch of the future, and one that is older than what the executor says to have seen.
    assert_eq!(field(ChainFacts { head: 9, ..facts() }), "batch.root");
    let early = U256::from(9) << 160 | U256::from(1) << 224;
    assert_eq!(
        field(ChainFacts {
            batch: early,
            ..facts()
        }),
        "anchorBlock"
    );
    assert_eq!(
        field(ChainFacts {
            anchor_hash: None,
            ..facts()
        }),
        "anchorBlock"
    );
    let other = Some(B256::repeat_byte(0xab));
    assert_eq!(
        field(ChainFacts {
            anchor_hash: other,
            ..facts()
        }),
        "anchorHash"
    );

    let mut loose = record();
    loose.batch = None;
    let error = verify_record(&loose, CHAIN, REGISTRY)
        .unwrap()
        .verify_anchor(&facts())
        .unwrap_err();
    assert_eq!(
        (error.field(), error.level()),
        ("batch", DecisionLevel::Committed)
    );
    let elsewhere = verify_record(&record(), CHAIN + 1, REGISTRY).unwrap_err();
    assert_eq!(elsewhere.field(), "chainId");
    let registry = verify_record(&record(), CHAIN, Address::ZERO).unwrap_err();
    assert_eq!(registry.field(), "registry");
}

/// A file whose executor is a contract, with a signature that is no key's.
fn record_of_account() -> Record {
    let mut record = record();
    record.decision.executor = Address::repeat_byte(0xcc);
    record.signature = vec![0x5e; 100].into();
    let hash = compute_decision_hash(&record.decision, &domain(CHAIN, REGISTRY));
    record.batch = Some(BatchPath {
        root: Batch::new(&[hash]).unwrap().root(),
        proof: Vec::new(),
    });
    record
}

#[test]
fn an_executor_that_is_a_contract_is_asked_about_this_decision_and_this_signature() {
    let record = record_of_account();
    assert_eq!(
        verify_record(&record, CHAIN, REGISTRY).unwrap_err().field(),
        "signature"
    );
    let question = ask_account(&record, CHAIN, REGISTRY).unwrap();
    assert_eq!(question.account, record.decision.executor);
    let hash = compute_decision_hash(&record.decision, &domain(CHAIN, REGISTRY));
    let arguments = (hash, record.signature.clone()).abi_encode_params();
    assert_eq!(question.data, [&MAGIC[..4], &arguments].concat());
    assert_eq!(
        ask_account(&record, CHAIN + 1, REGISTRY)
            .unwrap_err()
            .field(),
        "chainId"
    );
    let mut long = record;
    long.signature = vec![0; MAX_SIGNATURE + 1].into();
    assert_eq!(
        ask_account(&long, CHAIN, REGISTRY).unwrap_err().field(),
        "signature"
    );
    long.signature = vec![0; MAX_SIGNATURE].into();
    assert!(ask_account(&long, CHAIN, REGISTRY).is_ok());
}

#[test]
fn only_the_whole_word_of_erc_1271_accepts_and_a_changed_part_is_still_named() {
    let record = record_of_account();
    let judge = |record: &Record, answer: &[u8]| {
        verify_record_by_account(record, CHAIN, REGISTRY, answer).map_err(|error| error.field())
    };
    let verified = judge(&record, &MAGIC).unwrap();
    assert_eq!(
        verified.hash(),
        compute_decision_hash(&record.decision, &domain(CHAIN, REGISTRY))
    );
    assert!(verified.verify_anchor(&facts()).is_ok());
    for bit in 0..256 {
        let mut answer = MAGIC;
        answer[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(judge(&record, &answer), Err("signature"), "bit {bit}");
    }
    for answer in [&[][..], &MAGIC[..4], &MAGIC[..31], &[MAGIC, MAGIC].concat()] {
        assert_eq!(judge(&record, answer), Err("signature"));
    }
    let mut other = record.clone();
    other.model.opset += 1;
    assert_eq!(judge(&other, &MAGIC), Err("modelHash"));
    let mut level = record.clone();
    level.decision.maxLevel = 4;
    assert_eq!(judge(&level, &MAGIC), Err("maxLevel"));
    let mut path = record;
    path.decision.nonce -= 1;
    assert_eq!(judge(&path, &MAGIC), Err("batch.proof"));
}

#[test]
fn a_run_that_gives_something_else_names_the_first_tensor_and_index() {
    let others = [Tensor::f32("logits", &[1, 3], &[0.25, -1.0, 4.000_001]).unwrap()];
    let error = judge(&record(), &others).unwrap_err();
    assert_eq!(
        (error.field(), error.level()),
        ("output", DecisionLevel::Reproduced)
    );
    assert!(error.to_string().contains("logits[2]"), "{error}");
    // The same within 1e-5, where the class says so, and not beyond it.
    let loose = record_of(DetClass::D2);
    assert!(matches!(judge(&loose, &others), Ok(Agreement::Within(_))));
    let far = [Tensor::f32("logits", &[1, 3], &[0.25, -1.1, 4.0]).unwrap()];
    assert!(
        judge(&loose, &far)
            .unwrap_err()
            .to_string()
            .contains("logits[1]")
    );
}

#[test]
fn a_run_that_proves_nothing_is_not_supported_rather_than_equal() {
    let run = |class, engine_sha256, options_hash| {
        let outputs = outputs();
        let verified = verify_record(&record_of(class), CHAIN, REGISTRY).unwrap();
        let error = verified.verify_reproduction(&Rerun {
            engine_sha256,
            options_hash,
            outputs: &outputs,
        });
        let error = error.unwrap_err();
        assert_eq!(error.level(), DecisionLevel::Reproduced);
        error.field()
    };
    assert_eq!(
        run(DetClass::D0, B256::ZERO, OPTIONS),
        "runtime.engineSha256"
    );
    assert_eq!(run(DetClass::D0, ENGINE, B256::ZERO), "runtime.optionsHash");
    assert_eq!(run(DetClass::D1, ENGINE, OPTIONS), "runtime.detClass");
    assert_eq!(run(DetClass::D4, ENGINE, OPTIONS), "runtime.detClass");

    let mut closed = record();
    closed.output = None;
    let error = judge(&closed, &outputs()).unwrap_err();
    assert_eq!(
        (error.field(), error.level()),
        ("output", DecisionLevel::Reproduced)
    );
}

#[test]
fn oversized_unknown_and_ambiguous_files_are_refused() {
    let text = record().encode().unwrap();
    let field = |text: &str| Record::decode(text.as_bytes()).unwrap_err().field();
    assert_eq!(field(&" ".repeat((4 << 20) + 1)), "file");
    assert_eq!(field("{}"), "file");
    assert_eq!(field(&text.replacen('{', "{\"more\":1,", 1)), "file");
    assert_eq!(field(&text.replace("decision@1", "decision@2")), "type");
    // One number has one text.
    assert_eq!(field(&text.replace("\"9\"", "\"09\"")), "file");
    assert_eq!(field(&text.replace("\"9\"", "\"0x9\"")), "file");
    assert_eq!(field(&text.replace("\"9\"", "9")), "file");
    assert_eq!(field(&text[..text.len() - 2]), "file");
}

#[test]
fn the_slot_of_a_batch_is_soliditys() {
    let root = B256::repeat_byte(7);
    let mut key = root.to_vec();
    key.extend_from_slice(&[0; 32]);
    assert_eq!(compute_batch_slot(root), keccak256(key));
}
