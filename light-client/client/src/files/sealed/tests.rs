//! Files that were made here are accepted; every change to them is refused.

use alloy_primitives::{Address, B256, U256};
use alloy_rlp::Encodable;
use serde_json::Value as Json;
use sidelight_core::{
    evidence::{Evidence, SignedHash},
    header::{VerifiedHeader, verify_header},
    rules::ChainRules,
    state::Account,
};

use super::super::{verify_file, write};
use crate::testing::{START_S, address_of, chain, child, genesis, key};

/// A state of one account, as a trie of one leaf: its root, the account, its proof.
fn one_account() -> (Address, Account, B256, Vec<alloy_primitives::Bytes>) {
    let address = Address::repeat_byte(0x42);
    let account = Account {
        nonce: 7,
        balance: U256::from(1_000_000_007_u64),
        ..Account::default()
    };
    let mut value = Vec::new();
    account.encode(&mut value);
    let mut path = vec![0x20];
    path.extend_from_slice(alloy_primitives::keccak256(address).as_slice());
    let mut leaf = Vec::new();
    let items: [&[u8]; 2] = [&path, &value];
    alloy_rlp::encode_list::<&[u8], [u8]>(&items, &mut leaf);
    let root = alloy_primitives::keccak256(&leaf);
    (address, account, root, vec![leaf.into()])
}

fn proof_file() -> (String, ChainRules, VerifiedHeader) {
    let (address, account, root, nodes) = one_account();
    let (rules, genesis) = genesis(root);
    let signed = child(&genesis, &rules, &key(1), |_, _| {});
    let header = verify_header(&signed, &genesis, &rules, START_S + 100).unwrap();
    let proof = write::eip1186(address, Some(&account), &nodes, &[]);
    (
        write::write_proof(&rules, &signed, address_of(&key(1)), proof),
        rules,
        header,
    )
}

/// Flips one hex digit at a time in every `0x` value of the file.
fn refuses_every_flip(text: &str) {
    let mut flips = 0;
    for (start, _) in text.match_indices("\"0x") {
        let end = start + 1 + text[start + 1..].find('"').unwrap();
        for place in start + 3..end {
            let mut bytes = text.as_bytes().to_vec();
            let digit = (bytes[place] as char).to_digit(16).unwrap();
            bytes[place] = char::from_digit(digit ^ 1, 16).unwrap() as u8;
            let verdict = verify_file(std::str::from_utf8(&bytes).unwrap(), None);
            assert!(
                !verdict.ok && verdict.reason.is_some(),
                "flip at {place}: {verdict:?}"
            );
            flips += 1;
        }
    }
    assert!(flips > 300);
}

#[test]
fn a_saved_proof_is_accepted_and_says_what_it_rests_on() {
    let (text, _, header) = proof_file();
    let verdict = verify_file(&text, None);
    assert!(verdict.ok, "{verdict:?}");
    assert_eq!(verdict.kind, "proof");
    assert_eq!(verdict.title, "Account proven in block 1");
    let find = |label: &str| {
        verdict
            .facts
            .iter()
            .find(|fact| fact.label == label)
            .unwrap()
            .value
            .clone()
    };
    assert_eq!(find("Block hash"), header.hash().to_string());
    assert!(find("Chain").contains("named by the file"));
    assert!(verify_file(&text, Some(header.state_root())).ok);
    assert!(
        verify_file(&text, Some(B256::ZERO))
            .reason
            .unwrap()
            .starts_with("state root")
    );
}

#[test]
fn every_flip_in_a_saved_proof_is_refused() {
    refuses_every_flip(&proof_file().0);
}

#[test]
fn a_proof_whose_signer_is_not_the_named_one_is_refused() {
    let mut file: Json = serde_json::from_str(&proof_file().0).unwrap();
    file["parentSigner"] = Json::from(address_of(&key(2)).to_string());
    assert!(
        verify_file(&file.to_string(), None)
            .reason
            .unwrap()
            .contains("signer")
    );
}

#[test]
fn evidence_is_below_a_kilobyte_and_every_flip_of_it_is_refused() {
    let (rules, genesis) = genesis(B256::ZERO);
    let first = child(&genesis, &rules, &key(1), |_, _| {});
    let second = child(&genesis, &rules, &key(1), |header, _| header.gas_used = 1);
    let (first, second) = (SignedHash::of(&first), SignedHash::of(&second));
    let evidence = Evidence {
        chain_id: rules.chain_id,
        rules_hash: rules.hash(),
        number: 1,
        signer: address_of(&key(1)),
        first,
        second,
    };
    let text = write::write_evidence(&evidence);
    assert!(text.len() < 1_000, "{}", text.len());
    let verdict = verify_file(&text, None);
    assert!(
        verdict.ok && verdict.title.contains("height 1"),
        "{verdict:?}"
    );
    refuses_every_flip(&text);
}

#[test]
fn a_checkpoint_file_is_accepted_with_the_signer_of_its_time() {
    let (rules, headers) = chain(6, &[(3, 2)]);
    let text = write::write_checkpoint(&rules, &headers[5], START_S + 50).unwrap();
    let verdict = verify_file(&text, None);
    assert!(
        verdict.ok && verdict.title == "Checkpoint at block 5",
        "{verdict:?}"
    );
    let mut file: Json = serde_json::from_str(&text).unwrap();
    file["time"] = Json::from(START_S - 1_000);
    assert!(
        verify_file(&file.to_string(), None)
            .reason
            .unwrap()
            .contains("timestamp")
    );
}

#[test]
fn a_transition_is_judged_against_its_parent() {
    use sidelight_core::wire::{Body, Update};
    let (rules, headers) = chain(2, &[]);
    let parent = headers[1].signed().unwrap();
    let update = Update {
        signed_header: headers[2].signed().unwrap(),
        body: Body::Headers,
    };
    let good = write::write_transition(&rules, &parent, address_of(&key(1)), &update);
    assert_eq!(verify_file(&good, None).title, "Block 2 is signed");
    // The empty list changes nothing, and the state root is the parent's.
    let empty = Update {
        body: Body::Consistent {
            bal: vec![0xc0].into(),
            nodes: vec![],
        },
        ..update.clone()
    };
    let verdict = verify_file(
        &write::write_transition(&rules, &parent, address_of(&key(1)), &empty),
        None,
    );
    assert_eq!(verdict.title, "Block 2 is consistent", "{verdict:?}");
    let other = Update {
        body: Body::Consistent {
            bal: vec![0xc1, 0x80].into(),
            nodes: vec![],
        },
        ..update.clone()
    };
    assert!(
        !verify_file(
            &write::write_transition(&rules, &parent, address_of(&key(1)), &other),
            None
        )
        .ok
    );
    let orphan = write::write_transition(
        &rules,
        &headers[2].signed().unwrap(),
        address_of(&key(1)),
        &update,
    );
    assert!(
        verify_file(&orphan, None)
            .reason
            .unwrap()
            .contains("parent_hash")
    );
}
