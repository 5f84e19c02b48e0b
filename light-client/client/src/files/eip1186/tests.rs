//! Real mainnet and Sepolia proofs, and what must not pass for them.

use serde_json::json;

use super::{super::verify_file, *};

/// Recorded answers: a state root, and what a node answered about an account under it.
const RECORDED: [&str; 4] = [
    include_str!("../../../../core/testdata/proofs/mainnet-deposit-contract.json"),
    include_str!("../../../../core/testdata/proofs/mainnet-block-builder.json"),
    include_str!("../../../../core/testdata/proofs/sepolia-account.json"),
    include_str!("../../../../core/testdata/proofs/sepolia-contract.json"),
];

/// The first one has a storage slot.
fn deposit_contract() -> (B256, Json) {
    split(RECORDED[0])
}

fn split(recorded: &str) -> (B256, Json) {
    let recorded: Json = serde_json::from_str(recorded).unwrap();
    let root = recorded["stateRoot"].as_str().unwrap().parse().unwrap();
    (root, recorded["answer"].clone())
}

#[test]
fn real_proofs_verify_against_their_root_and_no_other() {
    for recorded in RECORDED {
        let (root, answer) = split(recorded);
        let verdict = verify_file(&answer.to_string(), Some(root));
        assert!(verdict.ok, "{verdict:?}");
        assert!(!verify_file(&answer.to_string(), Some(B256::repeat_byte(9))).ok);
        let reason = verify_file(&answer.to_string(), None).reason.unwrap();
        assert!(reason.contains("state root"));
    }
    let (root, answer) = deposit_contract();
    let verdict = verify_file(&answer.to_string(), Some(root));
    assert_eq!(verdict.title, "Account and 1 storage slot proven");
}

#[test]
fn recorded_conversations_verify_against_the_block_in_them() {
    let (root, answer) = deposit_contract();
    let answered = json!({ "jsonrpc": "2.0", "id": 1, "result": answer });
    assert!(verify_file(&answered.to_string(), Some(root)).ok);
    let conversation = json!({
        "label": "eth_getBalance",
        "execution": { "block": { "number": "0x1", "stateRoot": root } },
        "dependentRequests": [{ "payload": { "method": "eth_getProof" }, "response": answered }],
    });
    let verdict = verify_file(&conversation.to_string(), None);
    assert!(verdict.ok, "{verdict:?}");
    assert!(
        verdict
            .facts
            .iter()
            .any(|fact| fact.value.contains("not checked"))
    );
    assert_eq!(find_state_root(&conversation.to_string()), Some(root));
}

/// Changes each hex digit of each string under `name`, one at a time, and wants a refusal with a reason for each.
fn flip_all(original: &Json, root: B256, names: &[&str]) -> usize {
    let mut flips = 0;
    let text = original.to_string();
    let judged = |text: &str| verify_file(text, Some(root));
    for (start, _) in text.match_indices('"') {
        let Some(end) = text[start + 1..].find('"').map(|length| start + 1 + length) else {
            continue;
        };
        let value = &text[start + 1..end];
        if !value.starts_with("0x") || !names.is_empty() && !names.contains(&value) {
            continue;
        }
        // Every byte of short strings; of long ones a byte in each 7, which reaches every field of a node over the many nodes.
        let step = if value.len() > 100 { 14 } else { 1 };
        for place in (start + 3..end).step_by(step) {
            let mut bytes = text.clone().into_bytes();
            let digit = (bytes[place] as char).to_digit(16).unwrap();
            bytes[place] = char::from_digit(digit ^ 1, 16).unwrap() as u8;
            let verdict = judged(std::str::from_utf8(&bytes).unwrap());
            assert!(
                !verdict.ok && verdict.reason.is_some_and(|reason| !reason.is_empty()),
                "flip at {place}"
            );
            flips += 1;
        }
    }
    flips
}

#[test]
fn a_flip_in_a_real_proof_is_refused_with_a_reason() {
    let (root, proof) = deposit_contract();
    assert!(flip_all(&proof, root, &[]) > 500);
}

#[test]
fn a_claim_that_the_proof_does_not_bear_out_is_named() {
    let (root, original) = deposit_contract();
    for (field, lie) in [
        ("balance", "0x1"),
        ("nonce", "0x2"),
        ("codeHash", "0x00"),
        ("address", "0x1"),
    ] {
        let mut proof = original.clone();
        proof[field] = lie.into();
        let reason = verify_file(&proof.to_string(), Some(root)).reason.unwrap();
        assert!(reason.starts_with(field), "{field}: {reason}");
        proof.as_object_mut().unwrap().remove(field);
        assert_eq!(
            verify_file(&proof.to_string(), Some(root)).reason.unwrap(),
            format!("{field}: missing")
        );
    }
}

#[test]
fn what_is_no_proof_is_refused_without_fuss() {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    for text in [
        "",
        "{}",
        "[]",
        "null",
        "{\"type\":\"other@1\"}",
        "{\"accountProof\":7}",
        "{\"type\":7}",
        deep.as_str(),
    ] {
        let verdict = verify_file(text, None);
        assert!(!verdict.ok && verdict.reason.is_some(), "{text}");
    }
}
