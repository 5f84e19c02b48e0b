//! Real `eth_getProof` answers from mainnet and Sepolia, and every way of changing a byte of them.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::path::Path;

use alloy_primitives::{Address, B256, Bytes, U256, hex};
use common::{json, vectors};
use serde_json::Value;
use sidelight_core::{
    proof::{ProofError, verify_account_proof, verify_code, verify_storage_proof},
    state::Account,
};

/// An EIP-1186 answer with the state root that it belongs to.
struct Case {
    state_root: B256,
    answer: Value,
}

impl Case {
    fn address(&self) -> Address {
        self.answer["address"].as_str().unwrap().parse().unwrap()
    }

    fn account_proof(&self) -> Vec<Bytes> {
        nodes(&self.answer["accountProof"])
    }

    fn account(&self) -> Option<Account> {
        let field = |name: &str| &self.answer[name];
        let account = Account::new(
            quantity(field("nonce")).to(),
            quantity(field("balance")),
            hash(field("storageHash")),
            hash(field("codeHash")),
        );
        let is_absent = account.nonce == 0
            && account.balance.is_zero()
            && (account.code_hash.is_zero() || account == Account::default());
        (!is_absent).then_some(account)
    }

    fn check(&self) {
        let proof = self.account_proof();
        let account = verify_account_proof(self.state_root, self.address(), &proof).unwrap();
        assert_eq!(account, self.account());
        refuses_every_change(&proof, |nodes| {
            verify_account_proof(self.state_root, self.address(), nodes).map(drop)
        });
        let Some(account) = account else { return };
        for entry in self.answer["storageProof"].as_array().unwrap() {
            let slot = B256::from(quantity(&entry["key"]));
            let proof = nodes(&entry["proof"]);
            let value = verify_storage_proof(account.storage_root, slot, &proof).unwrap();
            assert_eq!(value, quantity(&entry["value"]));
            refuses_every_change(&proof, |nodes| {
                verify_storage_proof(account.storage_root, slot, nodes).map(drop)
            });
        }
    }
}

fn hash(value: &Value) -> B256 {
    value.as_str().unwrap().parse().unwrap()
}

fn quantity(value: &Value) -> U256 {
    match value.as_str().unwrap() {
        "" | "0x" => U256::ZERO,
        text => text.parse().unwrap(),
    }
}

fn nodes(value: &Value) -> Vec<Bytes> {
    let list = value.as_array().unwrap().iter();
    list.map(|node| node.as_str().unwrap().parse().unwrap())
        .collect()
}

/// Each byte with one bit, the top bit and all bits turned, and each node left out, repeated, swapped or added.
fn refuses_every_change(proof: &[Bytes], verify: impl Fn(&[Bytes]) -> Result<(), ProofError>) {
    for (index, node) in proof.iter().enumerate() {
        for byte in 0..node.len() {
            for pattern in [0x01, 0x80, 0xff] {
                let mut bytes = node.to_vec();
                bytes[byte] ^= pattern;
                let mut nodes = proof.to_vec();
                nodes[index] = bytes.into();
                assert!(verify(&nodes).is_err(), "node {index}, byte {byte}");
            }
        }
        for changed in [
            node.slice(..node.len() - 1),
            [node, &[0][..]].concat().into(),
        ] {
            let mut nodes = proof.to_vec();
            nodes[index] = changed;
            assert!(verify(&nodes).is_err(), "node {index}, other length");
        }
        let mut nodes = proof.to_vec();
        nodes.remove(index);
        assert!(verify(&nodes).is_err(), "node {index} left out");
        for place in 0..=proof.len() {
            let mut nodes = proof.to_vec();
            nodes.insert(place, node.clone());
            assert!(verify(&nodes).is_err(), "node {index} again at {place}");
        }
        for other in 0..index {
            let mut nodes = proof.to_vec();
            nodes.swap(index, other);
            assert!(verify(&nodes).is_err(), "{index} and {other} swapped");
        }
    }
    let mut nodes = proof.to_vec();
    nodes.push(Bytes::from_static(&[0x80]));
    assert!(verify(&nodes).is_err(), "extra empty node");
}

#[test]
fn mainnet_proof_verifies_and_no_byte_of_it_can_change() {
    let Some(folder) = vectors("helios/tests/testdata/rpc") else {
        return;
    };
    let state_root = hash(&json(&folder.join("block.json"))["stateRoot"]);
    for file in ["proof.json", "block_miner_proof.json"] {
        let answer = json(&folder.join(file));
        let case = Case { state_root, answer };
        case.check();
        println!("{file}: {}", case.address());
    }

    let account = json(&folder.join("account.json"));
    let code = hex::decode(account["code"].as_str().unwrap()).unwrap();
    let code_hash = hash(&account["account"]["codeHash"]);
    verify_code(&code, code_hash).unwrap();
    for byte in 0..code.len() {
        let mut code = code.clone();
        code[byte] ^= 1;
        assert!(verify_code(&code, code_hash).is_err());
    }
}

/// The state root of the block and every proof that the recorded requests led to.
fn lodestar_cases(path: &Path) -> Vec<Case> {
    let file = json(path);
    let state_root = hash(&file["execution"]["block"]["stateRoot"]);
    let mut answers = vec![];
    for request in file["dependentRequests"].as_array().unwrap() {
        // A batch answers with a list.
        match &request["response"] {
            Value::Array(list) => answers.extend(list.iter().map(|one| one["result"].clone())),
            one => answers.push(one["result"].clone()),
        }
    }
    answers.retain(|answer| answer.get("accountProof").is_some());
    answers
        .into_iter()
        .map(|answer| Case { state_root, answer })
        .collect()
}

#[test]
fn sepolia_proofs_verify_and_no_byte_of_them_can_change() {
    let Some(folder) = vectors("lodestar/packages/prover/test/fixtures/sepolia") else {
        return;
    };
    let mut checked = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        for case in lodestar_cases(&path) {
            case.check();
            checked += 1;
        }
    }
    println!("{checked} proofs");
    assert!(checked >= 4, "{checked} proofs");
}

#[test]
fn proof_of_one_account_says_nothing_about_another() {
    let Some(folder) = vectors("helios/tests/testdata/rpc") else {
        return;
    };
    let state_root = hash(&json(&folder.join("block.json"))["stateRoot"]);
    let proof = nodes(&json(&folder.join("proof.json"))["accountProof"]);
    for seed in 0..=255 {
        let other = Address::repeat_byte(seed);
        assert!(verify_account_proof(state_root, other, &proof).is_err());
    }
}
