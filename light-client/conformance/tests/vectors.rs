//! A fixed third of the official cases, and all of the small suites. `cargo xtask conformance all` runs everything.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::{Path, PathBuf};

use sidelight_conformance::{Report, Status, Suite};

/// The folder of official vectors: `SIDELIGHT_VECTORS`, or `shared/vectors` beside the checkout. Says so when there is none.
fn vectors() -> Option<PathBuf> {
    let root = std::env::var_os("SIDELIGHT_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
        PathBuf::from,
    );
    let folder = root.join("ethereum-tests");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no test data at {}", folder.display());
    None
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            found.push(path);
        }
    }
}

/// Runs every `every`th file, beginning with the first; at least `least` cases must be there.
fn run(suite: Suite, every: usize, least: usize) -> Option<Report> {
    let root = vectors()?;
    let folder = root.join(suite.folder());
    let mut found = Vec::new();
    files(&folder, &mut found);
    found.sort();
    let mut report = Report::new(suite.name());
    for path in found.iter().step_by(every) {
        let name = path.strip_prefix(&folder).unwrap().display().to_string();
        let text = std::fs::read_to_string(path).unwrap();
        report.extend(suite.run_file(&name, &text, ""));
    }
    let bad = report
        .cases
        .iter()
        .filter(|case| case.status != Status::Passed);
    let bad: Vec<_> = bad.collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(report.passed >= least, "{} cases", report.passed);
    Some(report)
}

fn check(suite: Suite, every: usize, least: usize) {
    run(suite, every, least);
}

#[test]
fn trie_suite_passes() {
    check(Suite::Trie, 1, 26);
}

#[test]
fn rlp_suite_passes() {
    check(Suite::Rlp, 1, 55);
}

#[test]
fn transaction_suite_passes() {
    check(Suite::Transactions, 1, 210);
}

#[test]
fn a_third_of_the_blockchain_suite_passes() {
    check(Suite::Blockchain, 3, 1_000);
}

#[test]
fn no_mutant_of_every_ninetieth_file_survives() {
    let Some(report) = run(Suite::Mutations, 90, 10) else {
        return;
    };
    assert!(report.tally.len() > 30, "{:?}", report.tally);
}

#[test]
fn a_case_that_should_fail_does() {
    let Some(root) = vectors() else { return };
    let path = root.join("BlockchainTests/ValidBlocks/bcExample/basefeeExample.json");
    let text = std::fs::read_to_string(path).unwrap();
    let fails = |text: &str| Suite::Blockchain.run_file("changed", text, "");
    assert!(
        fails(&text)
            .iter()
            .all(|case| case.status == Status::Passed)
    );
    let mut cases: serde_json::Value = serde_json::from_str(&text).unwrap();
    for case in cases.as_object_mut().unwrap().values_mut() {
        case["lastblockhash"] = case["genesisBlockHeader"]["hash"].clone();
    }
    let failed = fails(&cases.to_string());
    assert!(!failed.is_empty());
    assert!(failed.iter().all(|case| case.status == Status::Failed));
}
