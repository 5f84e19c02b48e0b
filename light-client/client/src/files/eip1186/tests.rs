//! Real mainnet and Sepolia proofs, and what must not pass for them.

use std::path::PathBuf;

use super::{super::verify_file, *};

/// The folder of recorded vectors, beside the repository; tests that need it say so and pass where it is missing.
fn vectors() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    folder.is_dir().then_some(folder)
}

fn read(folder: &std::path::Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn real_mainnet_proofs_verify_against_the_block_beside_them() {
    let Some(folder) = vectors() else {
        return eprintln!("skipped: no vectors");
    };
    let rpc = folder.join("helios/tests/testdata/rpc");
    let root = find_state_root(&read(&rpc, "block.json")).unwrap();
    for (name, facts) in [
        ("proof.json", "Account and 1 storage slot proven"),
        ("block_miner_proof.json", "Account proven"),
    ] {
        let verdict = verify_file(&read(&rpc, name), Some(root));
        assert!(verdict.ok, "{name}: {verdict:?}");
        assert_eq!(verdict.title, facts);
        assert!(!verify_file(&read(&rpc, name), Some(B256::repeat_byte(9))).ok);
        assert!(
            verify_file(&read(&rpc, name), None)
                .reason
                .unwrap()
                .contains("state root")
        );
    }
}

#[test]
fn recorded_conversations_verify_against_the_block_in_them() {
    let Some(folder) = vectors() else {
        return eprintln!("skipped: no vectors");
    };
    let sepolia = folder.join("lodestar/packages/prover/test/fixtures/sepolia");
    for name in [
        "eth_getBalance_contract",
        "eth_getBalance_eoa",
        "eth_getCode",
        "eth_getTransactionCount",
    ] {
        let verdict = verify_file(&read(&sepolia, &format!("{name}.json")), None);
        assert!(verdict.ok, "{name}: {verdict:?}");
        assert!(
            verdict
                .facts
                .iter()
                .any(|fact| fact.value.contains("not checked"))
        );
    }
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
    let Some(folder) = vectors() else {
        return eprintln!("skipped: no vectors");
    };
    let rpc = folder.join("helios/tests/testdata/rpc");
    let root = find_state_root(&read(&rpc, "block.json")).unwrap();
    let proof: Json = serde_json::from_str(&read(&rpc, "proof.json")).unwrap();
    assert!(flip_all(&proof, root, &[]) > 500);
}

#[test]
fn a_claim_that_the_proof_does_not_bear_out_is_named() {
    let Some(folder) = vectors() else {
        return eprintln!("skipped: no vectors");
    };
    let rpc = folder.join("helios/tests/testdata/rpc");
    let root = find_state_root(&read(&rpc, "block.json")).unwrap();
    let original: Json = serde_json::from_str(&read(&rpc, "proof.json")).unwrap();
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
