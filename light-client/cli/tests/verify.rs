//! `sidelight verify` as a person calls it: exit codes and reasons.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{path::PathBuf, process::Command};

const RECORDED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../core/testdata/proofs/mainnet-deposit-contract.json"
);

/// Exit code, standard output, standard error.
fn sidelight(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sidelight"))
        .args(args)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The recorded answer and its block, each in a file of its own.
fn files(folder: &std::path::Path, edit: impl Fn(&mut serde_json::Value)) -> (PathBuf, PathBuf) {
    let mut recorded: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(RECORDED).unwrap()).unwrap();
    let block = serde_json::json!({ "result": { "stateRoot": recorded["stateRoot"].take() } });
    let mut answer = recorded["answer"].take();
    edit(&mut answer);
    let paths = (folder.join("proof.json"), folder.join("block.json"));
    std::fs::write(&paths.0, answer.to_string()).unwrap();
    std::fs::write(&paths.1, block.to_string()).unwrap();
    paths
}

#[test]
fn a_real_proof_holds_against_its_block() {
    let folder = tempfile::tempdir().unwrap();
    let (proof, block) = files(folder.path(), |_| {});
    let (proof, block) = (proof.to_str().unwrap(), block.to_str().unwrap());
    let (code, out, _) = sidelight(&["verify", proof, "--block", block]);
    assert_eq!(code, 0, "{out}");
    assert!(
        out.starts_with("Account and 1 storage slot proven"),
        "{out}"
    );
    let (code, out, _) = sidelight(&["verify", proof, "--block", block, "--json"]);
    assert_eq!(
        (
            code,
            serde_json::from_str::<serde_json::Value>(&out).unwrap()["ok"].as_bool()
        ),
        (0, Some(true))
    );
}

#[test]
fn a_changed_proof_is_refused_with_the_field_and_both_values() {
    let folder = tempfile::tempdir().unwrap();
    let (proof, block) = files(folder.path(), |answer| answer["nonce"] = "0x2".into());
    let (code, _, error) = sidelight(&[
        "verify",
        proof.to_str().unwrap(),
        "--block",
        block.to_str().unwrap(),
    ]);
    assert_eq!(code, 1);
    assert!(error.contains("nonce: expected 1, got 0x2"), "{error}");
}

#[test]
fn what_cannot_be_read_is_not_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let (proof, _) = files(folder.path(), |_| {});
    let proof = proof.to_str().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "not json").unwrap();
    for args in [
        &["verify", "/no/such/file"][..],
        &["verify", text.to_str().unwrap()],
        &["verify", proof, "--root", "0x12"],
        &["nonsense"],
    ] {
        let (code, _, error) = sidelight(args);
        assert_eq!(code, 2, "{args:?}: {error}");
        assert!(!error.is_empty());
    }
    // Without a root nothing is proven, and nothing is wrong with the command line either.
    assert_eq!(sidelight(&["verify", proof]).0, 1);
}

#[test]
fn a_node_that_cannot_be_reached_is_unknown() {
    let (code, _, error) = sidelight(&[
        "checkpoint",
        "--node",
        "http://127.0.0.1:9",
        "--timeout",
        "1",
    ]);
    assert_eq!(code, 3);
    assert!(error.contains("127.0.0.1:9"), "{error}");
}
