//! `contracts/DecisionRegistry.sol` and `ModelRegistry.sol` in the EVM against `docs/vectors/decision.json`: the same hashes, paths and signatures as Rust and JavaScript, and nothing else is taken.

use alloy_eips::BlockId;
use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use alloy_rpc_types_eth::TransactionRequest;
use alloy_sol_types::{SolCall, SolError, SolEvent, SolStruct, SolValue, sol};
use node_lite_exec::{CallError, CallOverrides, DECISION_PREDEPLOY, MODEL_PREDEPLOY, dev_genesis};
use serde_json::Value;
use sidelight_edge_core::{
    batch::verify_inclusion,
    decision::compute_decision_hash,
    typed::{Decision, Model, Runtime, domain},
};

use crate::support::{Harness, Sender};

const VECTORS: &str = include_str!("../../../../docs/vectors/decision.json");
const REGISTRY: &str = include_str!("../../../contracts/artifacts/DecisionRegistry.json");
const MODELS: &str = include_str!("../../../contracts/artifacts/ModelRegistry.json");
const ACCOUNT: &str = include_str!("../../../contracts/artifacts/OwnedAccount.json");
const ORDER: U256 = U256::from_be_bytes(hex!(
    "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
));

mod abi {
    use super::*;

    sol! {
        struct Item {
            bytes32 taskHash; bytes32 modelHash; bytes32 runtimeHash; bytes32 inputCommit; bytes32 outputCommit; bytes32 traceRoot; bytes32 zkInput; bytes32 parent;
            address executor; address requester; uint256 agentId; uint64 nonce; uint64 anchorBlock; bytes32 anchorHash; uint64 issuedAt; uint8 maxLevel;
        }
        struct Batch { address poster; uint64 blockNumber; uint32 count; }
        struct ModelItem {
            bytes32 fileSha256; uint64 fileBytes; string format; uint32 opset; bytes32 graphRoot; bytes32 ioSchema; bytes32 omsBundle; uint64 macs; uint64 peakBytes;
            bytes32 parentModel;
        }
        struct RuntimeItem { uint8 detClass; bytes32 engineSha256; string engine; bytes32 optionsHash; bytes32 sampling; uint64 atolE9; uint64 rtolE9; }

        function anchor(bytes32 root, uint32 count, bytes32 dataHash, string uri);
        function check(Item decision, bytes signature, bytes32 root, bytes32[] proof) returns (Batch);
        function find(bytes32 digest, bytes32 root, bytes32[] proof) returns (Batch);
        function decisionHash(Item decision) returns (bytes32);
        function batches(bytes32 root) returns (Batch);
        function registerModel(ModelItem model) returns (bytes32);
        function registerRuntime(RuntimeItem runtime) returns (bytes32);

        function close();

        error EmptyBatch();
        error AlreadyAnchored(bytes32 root, uint64 blockNumber);
        error NotAnchored(bytes32 root);
        error NotInBatch(bytes32 expected, bytes32 got);
        error MalformedSignature();
        error WrongSigner(address expected, address got);
        error NoFile();
        error UnknownClass(uint8 got);

        event BatchAnchored(bytes32 indexed root, address indexed poster, uint32 count, bytes32 dataHash, string uri);
    }
}

fn vectors() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}

fn word(value: &Value) -> B256 {
    value.as_str().unwrap().parse().unwrap()
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &Value) -> T {
    let text = value.as_str().map_or_else(|| value.to_string(), Into::into);
    text.parse().unwrap()
}

fn words(value: &Value) -> Vec<B256> {
    value.as_array().unwrap().iter().map(word).collect()
}

fn code(artefact: &str) -> Bytes {
    let artefact: Value = serde_json::from_str(artefact).unwrap();
    let code = artefact["deployedBytecode"].as_str().unwrap();
    hex::decode(code).unwrap().into()
}

fn decision(value: &Value) -> abi::Item {
    abi::Item {
        taskHash: word(&value["taskHash"]),
        modelHash: word(&value["modelHash"]),
        runtimeHash: word(&value["runtimeHash"]),
        inputCommit: word(&value["inputCommit"]),
        outputCommit: word(&value["outputCommit"]),
        traceRoot: word(&value["traceRoot"]),
        zkInput: word(&value["zkInput"]),
        parent: word(&value["parent"]),
        executor: value["executor"].as_str().unwrap().parse().unwrap(),
        requester: value["requester"].as_str().unwrap().parse().unwrap(),
        agentId: number(&value["agentId"]),
        nonce: number(&value["nonce"]),
        anchorBlock: number(&value["anchorBlock"]),
        anchorHash: word(&value["anchorHash"]),
        issuedAt: number(&value["issuedAt"]),
        maxLevel: number(&value["maxLevel"]),
    }
}

/// The record as the clients' own type: every member is one word.
fn typed(item: &abi::Item) -> Decision {
    Decision::abi_decode(&item.abi_encode()).unwrap()
}

/// A signed decision of the vectors in the batch of nine, and where it is registered.
struct Case {
    item: abi::Item,
    hash: B256,
    signature: Vec<u8>,
    root: B256,
    proof: Vec<B256>,
}

/// A chain where the registry has the address of the vectors, with the batch of nine.
struct Registry {
    harness: Harness,
    address: Address,
    sender: Sender,
}

impl Registry {
    fn new() -> Self {
        let vectors = vectors();
        let domain = &vectors["domain"];
        let address: Address = domain["verifyingContract"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let harness = Harness::with_contracts(&[(address, code(REGISTRY))]);
        assert_eq!(harness.chain.chain_id(), number::<u64>(&domain["chainId"]));
        let mut registry = Self {
            harness,
            address,
            sender: Sender::new(0),
        };
        let batch = &vectors["batches"][5];
        let count = batch["decisions"].as_array().unwrap().len();
        assert_eq!(count, 9);
        assert!(registry.anchor(word(&batch["root"]), count as u32));
        registry
    }

    fn send(&mut self, to: Address, data: Vec<u8>) -> bool {
        let call = self.sender.call(to, data);
        self.harness.submit(&self.sender.sign(call));
        self.harness.seal().receipts[0].status()
    }

    fn anchor(&mut self, root: B256, count: u32) -> bool {
        let call = abi::anchorCall {
            root,
            count,
            dataHash: B256::ZERO,
            uri: "x".into(),
        };
        self.send(self.address, call.abi_encode())
    }

    fn call<C: SolCall>(&self, to: Address, call: &C) -> Result<C::Return, Bytes> {
        let request = TransactionRequest::default()
            .to(to)
            .input(call.abi_encode().into());
        let overrides = CallOverrides::default();
        let chain = &self.harness.chain;
        match chain.call(&request, BlockId::latest(), &overrides) {
            Ok(output) => Ok(C::abi_decode_returns(&output).unwrap()),
            Err(CallError::Reverted { output, .. }) => Err(output),
            Err(other) => panic!("{other}"),
        }
    }

    fn check(&self, case: &Case) -> Result<abi::Batch, Bytes> {
        let call = abi::checkCall {
            decision: case.item.clone(),
            signature: case.signature.clone().into(),
            root: case.root,
            proof: case.proof.clone(),
        };
        self.call(self.address, &call)
    }
}

fn cases() -> Vec<Case> {
    let vectors = vectors();
    let batch = &vectors["batches"][5];
    let decisions = vectors["decisions"].as_array().unwrap().iter();
    decisions
        .zip(batch["proofs"].as_array().unwrap())
        .map(|(signed, proof)| Case {
            item: decision(&signed["value"]),
            hash: word(&signed["hash"]),
            signature: hex::decode(signed["signature"].as_str().unwrap()).unwrap(),
            root: word(&batch["root"]),
            proof: words(proof),
        })
        .collect()
}

fn is<E: SolError>(refused: &Result<impl Sized, Bytes>) -> bool {
    matches!(refused, Err(output) if output.starts_with(&E::SELECTOR))
}

#[test]
fn the_predeploys_are_the_compiled_contracts() {
    let genesis = dev_genesis().unwrap();
    for (address, artefact) in [(DECISION_PREDEPLOY, REGISTRY), (MODEL_PREDEPLOY, MODELS)] {
        let account = &genesis.alloc[&address];
        assert_eq!(account.code.as_ref(), Some(&code(artefact)), "{address}");
        assert_eq!(account.storage, None);
    }
}

#[test]
fn hashes_paths_and_signatures_are_those_of_the_vectors() {
    let registry = Registry::new();
    let at = registry.harness.chain.head().number();
    for case in cases() {
        let call = abi::decisionHashCall {
            decision: case.item.clone(),
        };
        assert_eq!(registry.call(registry.address, &call), Ok(case.hash));
        let batch = registry.check(&case).unwrap();
        assert_eq!((batch.poster, batch.count), (registry.sender.address, 9));
        assert_eq!(batch.blockNumber, at);
        assert_eq!(
            compute_decision_hash(&typed(&case.item), &domain(31_337, registry.address)),
            case.hash
        );
        verify_inclusion(case.root, case.hash, &case.proof).unwrap();
    }
}

#[test]
fn every_batch_of_the_vectors_holds_what_it_says() {
    let mut registry = Registry::new();
    for batch in vectors()["batches"].as_array().unwrap() {
        let (root, decisions) = (word(&batch["root"]), words(&batch["decisions"]));
        if decisions.len() != 9 {
            assert!(registry.anchor(root, decisions.len() as u32));
        }
        for (digest, proof) in decisions.iter().zip(batch["proofs"].as_array().unwrap()) {
            let call = abi::findCall {
                digest: *digest,
                root,
                proof: words(proof),
            };
            let found = registry.call(registry.address, &call).unwrap();
            assert_eq!(found.count as usize, decisions.len());
        }
    }
}

#[test]
fn each_changed_bit_of_a_field_a_signature_or_a_path_is_refused() {
    let registry = Registry::new();
    let case = cases().remove(4);
    let encoded = case.item.abi_encode();
    assert_eq!(encoded.len(), 16 * 32);
    for field in 0..16 {
        // The lowest bit of each member; the executor's own makes it another signer.
        let mut changed = encoded.clone();
        changed[field * 32 + 31] ^= 1;
        let other = Case {
            item: abi::Item::abi_decode(&changed).unwrap(),
            signature: case.signature.clone(),
            proof: case.proof.clone(),
            ..case
        };
        assert!(
            is::<abi::WrongSigner>(&registry.check(&other)),
            "field {field}"
        );
    }
    for bit in 0..65 * 8 {
        let mut signature = case.signature.clone();
        signature[bit / 8] ^= 1 << (bit % 8);
        let other = Case {
            item: case.item.clone(),
            signature,
            proof: case.proof.clone(),
            ..case
        };
        let refused = registry.check(&other);
        assert!(
            is::<abi::WrongSigner>(&refused) || is::<abi::MalformedSignature>(&refused),
            "bit {bit}"
        );
    }
    for bit in 0..case.proof.len() * 256 {
        let mut proof = case.proof.clone();
        proof[bit / 256][bit % 256 / 8] ^= 1 << (bit % 8);
        let call = abi::findCall {
            digest: case.hash,
            root: case.root,
            proof,
        };
        let refused = registry.call(registry.address, &call);
        assert!(is::<abi::NotInBatch>(&refused), "bit {bit}");
    }
    for bit in 0..256 {
        let mut root = case.root;
        root[bit / 8] ^= 1 << (bit % 8);
        let call = abi::findCall {
            digest: case.hash,
            root,
            proof: case.proof.clone(),
        };
        let refused = registry.call(registry.address, &call);
        assert!(is::<abi::NotAnchored>(&refused), "bit {bit}");
    }
}

#[test]
fn an_executor_that_is_a_contract_decides_itself() {
    let mut registry = Registry::new();
    let owner = registry.sender.address;
    let artefact: Value = serde_json::from_str(ACCOUNT).unwrap();
    let mut init = hex::decode(artefact["bytecode"].as_str().unwrap()).unwrap();
    init.extend(owner.abi_encode());
    let deploy = registry.sender.deploy(init);
    let account = owner.create(deploy.nonce);
    registry.harness.submit(&registry.sender.sign(deploy));
    assert!(registry.harness.seal().receipts[0].status());

    let mut case = cases().remove(0);
    case.item.executor = account;
    case.hash = compute_decision_hash(&typed(&case.item), &domain(31_337, registry.address));
    case.signature = registry.sender.sign_hash(case.hash).as_bytes().to_vec();
    case.root = keccak256(keccak256(case.hash));
    case.proof = Vec::new();
    assert!(registry.anchor(case.root, 1));
    assert!(registry.check(&case).is_ok());

    for bit in [0, 300, 519] {
        case.signature[bit / 8] ^= 1 << (bit % 8);
        assert!(is::<abi::WrongSigner>(&registry.check(&case)), "bit {bit}");
        case.signature[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(registry.send(account, abi::closeCall {}.abi_encode()));
    assert!(is::<abi::WrongSigner>(&registry.check(&case)));
}

#[test]
fn a_compact_signature_is_taken_and_its_malleable_twin_is_not() {
    let registry = Registry::new();
    for mut case in cases() {
        let full = case.signature.clone();
        case.signature = full[..64].to_vec();
        case.signature[32] |= (full[64] - 27) << 7;
        assert!(registry.check(&case).is_ok());

        let s = U256::from_be_slice(&full[32..64]);
        case.signature = full.clone();
        case.signature[32..64].copy_from_slice(&(ORDER - s).to_be_bytes::<32>());
        case.signature[64] = 55 - full[64];
        assert!(is::<abi::MalformedSignature>(&registry.check(&case)));
        for length in [0, 63, 66] {
            case.signature = vec![1; length];
            assert!(is::<abi::MalformedSignature>(&registry.check(&case)));
        }
    }
}

#[test]
fn a_root_keeps_its_first_anchor_in_slot_zero_and_says_so_in_a_log() {
    let mut registry = Registry::new();
    let root = keccak256("a batch");
    assert!(registry.anchor(root, 7));
    let block = registry.harness.chain.head();
    let log = &block.receipts[0].logs()[0];
    let event = abi::BatchAnchored::decode_log(log).unwrap();
    assert_eq!(
        (event.root, event.poster, event.count),
        (root, registry.sender.address, 7)
    );

    // What a light client proves: one word, from the low end poster, block and count.
    let slot = keccak256((root, U256::ZERO).abi_encode());
    let view = registry.harness.chain.state_at(BlockId::latest()).unwrap();
    let expected = U256::from_be_slice(registry.sender.address.as_slice())
        | U256::from(block.number()) << 160
        | U256::from(7) << 224;
    assert_eq!(
        view.storage(registry.address, slot.into()).unwrap(),
        expected
    );

    assert!(!registry.anchor(root, 8));
    assert!(!registry.anchor(B256::ZERO, 8));
    assert!(!registry.anchor(keccak256("none"), 0));
    assert_eq!(
        registry
            .call(registry.address, &abi::batchesCall { root })
            .unwrap()
            .count,
        7
    );
}

#[test]
fn models_and_runtimes_are_known_by_the_hashes_of_the_vectors() {
    let mut registry = Registry::new();
    let vectors = vectors();
    let (model, runtime) = (&vectors["model"]["value"], &vectors["runtime"]["value"]);
    let model = abi::ModelItem {
        fileSha256: word(&model["fileSha256"]),
        fileBytes: number(&model["fileBytes"]),
        format: model["format"].as_str().unwrap().into(),
        opset: number(&model["opset"]),
        graphRoot: word(&model["graphRoot"]),
        ioSchema: word(&model["ioSchema"]),
        omsBundle: word(&model["omsBundle"]),
        macs: number(&model["macs"]),
        peakBytes: number(&model["peakBytes"]),
        parentModel: word(&model["parentModel"]),
    };
    let runtime = abi::RuntimeItem {
        detClass: number(&runtime["detClass"]),
        engineSha256: word(&runtime["engineSha256"]),
        engine: runtime["engine"].as_str().unwrap().into(),
        optionsHash: word(&runtime["optionsHash"]),
        sampling: word(&runtime["sampling"]),
        atolE9: number(&runtime["atolE9"]),
        rtolE9: number(&runtime["rtolE9"]),
    };
    let model_hash = Model::abi_decode(&model.abi_encode())
        .unwrap()
        .eip712_hash_struct();
    let runtime_hash = Runtime::abi_decode(&runtime.abi_encode())
        .unwrap()
        .eip712_hash_struct();
    assert_eq!(model_hash, word(&vectors["model"]["hash"]));
    assert_eq!(runtime_hash, word(&vectors["runtime"]["hash"]));

    let register_model = abi::registerModelCall {
        model: model.clone(),
    };
    let register_runtime = abi::registerRuntimeCall {
        runtime: runtime.clone(),
    };
    assert_eq!(
        registry.call(MODEL_PREDEPLOY, &register_model),
        Ok(model_hash)
    );
    assert_eq!(
        registry.call(MODEL_PREDEPLOY, &register_runtime),
        Ok(runtime_hash)
    );
    assert!(registry.send(MODEL_PREDEPLOY, register_model.abi_encode()));
    assert!(registry.send(MODEL_PREDEPLOY, register_runtime.abi_encode()));
    let view = registry.harness.chain.state_at(BlockId::latest()).unwrap();
    for (hash, slot, age) in [(model_hash, 0_u64, 1), (runtime_hash, 1, 0)] {
        let key = keccak256((hash, U256::from(slot)).abi_encode());
        let expected = U256::from_be_slice(registry.sender.address.as_slice())
            | U256::from(registry.harness.chain.head().number() - age) << 160;
        assert_eq!(view.storage(MODEL_PREDEPLOY, key.into()).unwrap(), expected);
    }

    let nothing = abi::registerModelCall {
        model: abi::ModelItem {
            fileBytes: 0,
            ..model
        },
    };
    assert!(is::<abi::NoFile>(&registry.call(MODEL_PREDEPLOY, &nothing)));
    let unknown = abi::registerRuntimeCall {
        runtime: abi::RuntimeItem {
            detClass: 5,
            ..runtime
        },
    };
    assert!(is::<abi::UnknownClass>(
        &registry.call(MODEL_PREDEPLOY, &unknown)
    ));
}
