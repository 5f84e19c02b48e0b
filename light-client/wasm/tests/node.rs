//! The core's checks compiled for wasm32 and run in Node: a browser's build gives the same verdicts as a native one.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;

use alloy_consensus::{Header, constants::EMPTY_WITHDRAWALS};
use alloy_eip7928::{
    AccountChanges, BalanceChange, BlockAccessIndex, EMPTY_BLOCK_ACCESS_LIST_HASH, NonceChange,
    SlotChanges, StorageChange,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{KECCAK_EMPTY, TrieAccount, root};
use k256::ecdsa::SigningKey;
use serde_json::Value;
use sidelight_core::extension::Extension;
use sidelight_core::header::{SignedHeader, VerifiedHeader, compute_base_fee, verify_header};
use sidelight_core::merkle::compute_accounts_root;
use sidelight_core::proof::{verify_account_proof, verify_storage_proof};
use sidelight_core::rules::ChainRules;
use sidelight_core::signature::compute_signing_digest;
use sidelight_core::state::PartialState;
use wasm_bindgen_test::wasm_bindgen_test;

const START_S: u64 = 1_700_000_000;

/// Real answers of mainnet and Sepolia nodes.
const PROOFS: [&str; 4] = [
    include_str!("../../core/testdata/proofs/mainnet-deposit-contract.json"),
    include_str!("../../core/testdata/proofs/mainnet-block-builder.json"),
    include_str!("../../core/testdata/proofs/sepolia-account.json"),
    include_str!("../../core/testdata/proofs/sepolia-contract.json"),
];

#[wasm_bindgen_test]
fn real_proofs_verify_and_every_flipped_byte_is_refused() {
    for text in PROOFS {
        let case: Value = serde_json::from_str(text).unwrap();
        let answer = &case["answer"];
        let state_root = hash(&case["stateRoot"]);
        let address: Address = answer["address"].as_str().unwrap().parse().unwrap();
        let proof = nodes(&answer["accountProof"]);
        let account = verify_account_proof(state_root, address, &proof)
            .unwrap()
            .unwrap();
        assert_eq!(account.balance, quantity(&answer["balance"]));
        assert_eq!(U256::from(account.nonce), quantity(&answer["nonce"]));
        assert_eq!(account.storage_root, hash(&answer["storageHash"]));
        assert_eq!(account.code_hash, hash(&answer["codeHash"]));
        refuses_every_flip(&proof, |nodes| {
            verify_account_proof(state_root, address, nodes).is_ok()
        });

        for entry in answer["storageProof"].as_array().unwrap() {
            let slot = B256::from(quantity(&entry["key"]));
            let proof = nodes(&entry["proof"]);
            let value = verify_storage_proof(account.storage_root, slot, &proof).unwrap();
            assert_eq!(value, quantity(&entry["value"]));
            refuses_every_flip(&proof, |nodes| {
                verify_storage_proof(account.storage_root, slot, nodes).is_ok()
            });
        }
    }
}

#[wasm_bindgen_test]
fn a_signed_header_verifies_and_a_forged_one_does_not() {
    let key = signing_key(1);
    let header = genesis_header();
    let rules = ChainRules::dev(header.hash_slow(), address_of(&key));
    let genesis = VerifiedHeader::genesis(header, &rules).unwrap();
    let signed = child(&genesis, &rules, &key);
    let verified = verify_header(&signed, &genesis, &rules, START_S + 1).unwrap();
    assert_eq!(verified.number(), 1);
    assert_eq!(verified.signer(), Some(address_of(&key)));

    let impostor = child(&genesis, &rules, &signing_key(2));
    assert!(verify_header(&impostor, &genesis, &rules, START_S + 1).is_err());
    for at in 0..signed.signature.len() {
        let mut forged = signed.clone();
        forged.signature[at] ^= 1;
        assert!(
            verify_header(&forged, &genesis, &rules, START_S + 1).is_err(),
            "byte {at}"
        );
    }
}

#[wasm_bindgen_test]
fn applying_an_access_list_gives_the_root_of_a_full_rebuild() {
    let mut state = PartialState::empty();
    let mut model = BTreeMap::new();
    for round in 0..4 {
        let changes: Vec<AccountChanges> = (0..200).map(|account| touch(round, account)).collect();
        state.apply(&changes).unwrap();
        for change in &changes {
            remember(&mut model, change);
        }
        assert_eq!(state.root(), rebuild(&model), "round {round}");
    }
}

/// Balance, nonce and three slots of an account; some slots are deleted in later rounds.
fn touch(round: u64, account: u64) -> AccountChanges {
    let address = Address::from_slice(&keccak256(account.to_be_bytes())[..20]);
    let index = BlockAccessIndex::new(1);
    let mut changes = AccountChanges::new(address);
    changes.balance_changes.push(BalanceChange::new(
        index,
        U256::from(1 + account * 1_000 + round),
    ));
    changes
        .nonce_changes
        .push(NonceChange::new(index, round + 1));
    for slot in 0..3 {
        let value = if (round + slot + account) % 3 == 0 {
            0
        } else {
            round * 10 + slot + 1
        };
        let writes = vec![StorageChange::new(index, U256::from(value))];
        changes
            .storage_changes
            .push(SlotChanges::new(U256::from(slot), writes));
    }
    changes
}

type Model = BTreeMap<Address, (u64, U256, BTreeMap<B256, U256>)>;

fn remember(model: &mut Model, change: &AccountChanges) {
    let account = model.entry(change.address).or_default();
    account.0 = change.nonce_changes.last().unwrap().new_nonce;
    account.1 = change.balance_changes.last().unwrap().post_balance;
    for slot in &change.storage_changes {
        let value = slot.changes.last().unwrap().new_value;
        let key = B256::from(slot.slot);
        match value.is_zero() {
            true => account.2.remove(&key),
            false => account.2.insert(key, value),
        };
    }
}

/// The root by `alloy-trie`, which shares no code with ours.
fn rebuild(model: &Model) -> B256 {
    root::state_root_unhashed(model.iter().map(|(address, (nonce, balance, storage))| {
        let storage_root =
            root::storage_root_unhashed(storage.iter().map(|(slot, value)| (*slot, *value)));
        (
            *address,
            TrieAccount::new(*nonce, *balance, storage_root, KECCAK_EMPTY),
        )
    }))
}

fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_slice(keccak256([seed]).as_slice()).unwrap()
}

fn address_of(key: &SigningKey) -> Address {
    Address::from_raw_public_key(&key.verifying_key().to_encoded_point(false).as_bytes()[1..])
}

fn genesis_header() -> Header {
    Header {
        gas_limit: 30_000_000,
        timestamp: START_S,
        base_fee_per_gas: Some(1_000_000_000),
        withdrawals_root: Some(EMPTY_WITHDRAWALS),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(B256::ZERO),
        block_access_list_hash: Some(EMPTY_BLOCK_ACCESS_LIST_HASH),
        ..Header::default()
    }
}

/// An empty block, signed.
fn child(parent: &VerifiedHeader, rules: &ChainRules, key: &SigningKey) -> SignedHeader {
    let extension = Extension {
        version: Extension::VERSION,
        accounts_root: compute_accounts_root(&[]),
        frames_root: B256::ZERO,
        rules_hash: rules.hash(),
        next_signer: parent.next_signer(),
    };
    let header = Header {
        parent_hash: parent.hash(),
        number: parent.number() + 1,
        timestamp: parent.timestamp() + 1,
        base_fee_per_gas: compute_base_fee(parent.header(), rules),
        extra_data: extension.hash().into(),
        ..genesis_header()
    };
    let digest = compute_signing_digest(
        rules.chain_id,
        rules.hash(),
        header.number,
        header.hash_slow(),
    );
    let (signature, id) = key.sign_prehash_recoverable(digest.as_slice()).unwrap();
    let mut bytes = [0; 65];
    bytes[..64].copy_from_slice(&signature.to_bytes());
    bytes[64] = 27 + id.to_byte();
    SignedHeader {
        header,
        extension,
        signature: bytes,
    }
}

fn refuses_every_flip(proof: &[Bytes], accepts: impl Fn(&[Bytes]) -> bool) {
    for (index, node) in proof.iter().enumerate() {
        for at in 0..node.len() {
            let mut flipped = node.to_vec();
            flipped[at] ^= 1;
            let mut all = proof.to_vec();
            all[index] = flipped.into();
            assert!(!accepts(&all), "node {index}, byte {at}");
        }
    }
}

fn hash(value: &Value) -> B256 {
    value.as_str().unwrap().parse().unwrap()
}

fn quantity(value: &Value) -> U256 {
    value.as_str().unwrap().parse().unwrap()
}

fn nodes(value: &Value) -> Vec<Bytes> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node.as_str().unwrap().parse().unwrap())
        .collect()
}
