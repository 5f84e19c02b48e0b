//! The official files, all of them, and that a wrong answer, a wrong shape and a wrong head are found.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use node_lite_conformance::{Folder, FolderError, run};
use sidelight_conformance::{Report, Status};

/// The folder of official vectors: `SIDELIGHT_VECTORS`, or `shared/vectors` beside the checkout. Says so when there is none.
fn vectors() -> Option<PathBuf> {
    let root = std::env::var_os("SIDELIGHT_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
        PathBuf::from,
    );
    let folder = root.join("execution-apis/tests");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no test data at {}", folder.display());
    None
}

async fn play(folder: &Path) -> Report {
    run(&Folder::open(folder).unwrap(), "", 1).await.unwrap()
}

/// A folder with the official chain and files of our own.
fn copy(from: &Path, files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["genesis.json", "chain.rlp", "headfcu.json"] {
        fs::write(folder.path().join(name), fs::read(from.join(name)).unwrap()).unwrap();
    }
    for (name, text) in files {
        fs::write(folder.path().join(format!("{name}.io")), text).unwrap();
    }
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn every_official_file_passes() {
    let Some(folder) = vectors() else { return };
    let report = play(&folder).await;
    let bad = report
        .cases
        .iter()
        .filter(|case| case.status != Status::Passed);
    let bad: Vec<_> = bad.collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(report.passed >= 110, "{} files", report.passed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_answer_and_a_wrong_shape_fail() {
    let Some(folder) = vectors() else { return };
    let ask = ">> {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_blockNumber\"}\n<< ";
    let answer =
        |result: &str| format!("{ask}{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{result}}}\n");
    let speconly = |result: &str| format!("// speconly: the shape\n{}", answer(result));
    let files = [
        ("right", answer("\"0x36\"")),
        ("wrong", answer("\"0x35\"")),
        ("shape-right", speconly("\"0x35\"")),
        ("shape-wrong", speconly("35")),
        ("unanswered", ask.lines().next().unwrap().to_owned()),
    ];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let folder = copy(&folder, &files);
    let report = play(folder.path()).await;
    let passed = report
        .cases
        .iter()
        .filter(|case| case.status == Status::Passed);
    let passed: Vec<_> = passed.map(|case| case.name.as_str()).collect();
    assert_eq!(passed, ["right", "shape-right"]);
    assert_eq!((report.passed, report.failed), (2, 3));
}

/// What the official files leave out: logs, ommers' counts, calls on old forks, and what an imported chain has not.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_official_files_do_not_ask_is_right_too() {
    let Some(vectors) = vectors() else { return };
    let exchange = |method: &str, params: &str, answer: &str| {
        format!(
            ">> {{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{method}\",\"params\":[{params}]}}\n<< {{\"jsonrpc\":\"2.0\",\"id\":1,{answer}}}\n"
        )
    };
    let error =
        |code: i32, text: &str| format!("\"error\":{{\"code\":{code},\"message\":\"{text}\"}}");
    let hash = "\"0x80e911b62f552f563a2544dfef5eb39ec8863d9082c998ca6b657f76e19de38e\"";
    // The contract of eth_call/call-callenv answers with number, chain, coinbase, base fee, difficulty, origin and value; block 27 is London's first, before the merge.
    let word = |value: &str| format!("{value:0>64}");
    let environment = ["1b", "c72dd9d5e883e", "0", "0", "202c0", "0", "0"];
    let environment: String = environment.map(word).concat();
    let call = |block: &str| {
        format!("{{\"to\":\"0x9344b07175800259691961298ca11c824e65032d\"}},\"{block}\"")
    };
    let files = [
        (
            "logs-reversed",
            exchange(
                "eth_getLogs",
                "{\"address\":null,\"fromBlock\":\"0x29\",\"toBlock\":\"0x26\",\"topics\":null}",
                &error(-32602, "invalid block range params"),
            ),
        ),
        (
            "logs-future",
            exchange(
                "eth_getLogs",
                "{\"fromBlock\":\"0x32\",\"toBlock\":\"0x38\"}",
                &error(-32602, "block range extends beyond current head block"),
            ),
        ),
        (
            "logs-both",
            exchange(
                "eth_getLogs",
                &format!("{{\"blockHash\":{hash},\"fromBlock\":\"0x3\"}}"),
                &error(
                    -32602,
                    "invalid argument 0: cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other",
                ),
            ),
        ),
        (
            "logs-none",
            exchange(
                "eth_getLogs",
                &format!("{{\"blockHash\":{hash},\"topics\":null}}"),
                "\"result\":[]",
            ),
        ),
        (
            "uncles",
            exchange("eth_getUncleCountByBlockHash", hash, "\"result\":\"0x0\""),
        ),
        (
            "call-london",
            exchange(
                "eth_call",
                &call("0x1b"),
                &format!("\"result\":\"0x{environment}\""),
            ),
        ),
        // CHAINID is no opcode yet.
        (
            "call-frontier",
            exchange("eth_call", &call("0x2"), &error(-32000, "invalid opcode")),
        ),
        (
            "witness-genesis",
            exchange(
                "debug_executionWitness",
                "\"0x0\"",
                &error(-32000, "block 0x0 found, but parent missing"),
            ),
        ),
        (
            "no-light-protocol",
            exchange("lite_getRules", "", &error(-32601, "Method not found")),
        ),
        (
            "no-dev",
            exchange("dev_seal", "", &error(-32601, "Method not found")),
        ),
    ];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let folder = copy(&vectors, &files);
    let report = play(folder.path()).await;
    assert_eq!(report.failed, 0, "{report}");
    assert_eq!(report.passed, files.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_with_another_head_fails_every_file() {
    let Some(vectors) = vectors() else { return };
    let text = "// nothing that is asked matters\n>> {}\n<< {}\n";
    let folder = copy(&vectors, &[("any", text)]);
    let head = folder.path().join("headfcu.json");
    let changed = fs::read_to_string(&head).unwrap().replace("0xd2", "0xd3");
    fs::write(&head, changed).unwrap();
    let report = play(folder.path()).await;
    let reason = &report.cases[0].reason;
    assert_eq!(report.failed, 1);
    assert!(reason.starts_with("head: expected 0xd3"), "{reason}");

    let chain = folder.path().join("chain.rlp");
    let mut bytes = fs::read(&chain).unwrap();
    bytes[5_000] ^= 1;
    fs::write(&chain, bytes).unwrap();
    let report = play(folder.path()).await;
    let reason = &report.cases[0].reason;
    assert!(
        reason.starts_with("the chain cannot be imported"),
        "{reason}"
    );
}

#[test]
fn a_folder_without_files_is_none_of_the_suite() {
    let empty = tempfile::tempdir().unwrap();
    let error = Folder::open(empty.path()).unwrap_err();
    assert!(matches!(error, FolderError::File { .. }), "{error}");
    let Some(vectors) = vectors() else { return };
    let error = Folder::open(copy(&vectors, &[]).path()).unwrap_err();
    assert!(matches!(error, FolderError::Empty { .. }), "{error}");
}
