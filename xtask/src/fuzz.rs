//! `cargo xtask fuzz`: libFuzzer over every target, with the compiler of the workspace. Coverage needs compiler flags only, no nightly: it is the sanitizers that would, and the targets
//! have no `unsafe` of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::Result;
use crate::counts::{Counts, Suite};
use crate::process::Run;
use crate::workspace::Workspace;

const FOLDER: &str = "light-client/fuzz";
/// What cargo-fuzz passes without a sanitizer.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

pub(crate) fn command(ws: &Workspace, words: &[&str]) -> Result<ExitCode> {
    let mut seconds = 10;
    let mut wanted = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--seconds" => {
                let value = words.next().and_then(|value| value.parse().ok());
                seconds = value.ok_or("--seconds: expected a number")?;
            }
            name => wanted.push(name),
        }
    }
    let fuzzer = build(ws)?;
    let known = targets(ws, &fuzzer)?;
    if let Some(other) = wanted
        .iter()
        .find(|name| !known.iter().any(|known| known == *name))
    {
        return Err(format!("expected one of {}; got {other:?}", known.join(", ")).into());
    }
    let mut found = Vec::new();
    for name in known
        .iter()
        .filter(|name| wanted.is_empty() || wanted.contains(&name.as_str()))
    {
        if !run(ws, &fuzzer, name, seconds)? {
            found.push(name.as_str());
        }
    }
    if found.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "findings in {}: see {FOLDER}/artifacts; fix them, and keep them in {FOLDER}/vectors",
        found.join(", ")
    );
    Ok(ExitCode::FAILURE)
}

/// Every target for `seconds`, as a suite; each one counts.
pub(crate) fn suite(ws: &Workspace, seconds: u64) -> Result<Suite> {
    let started = std::time::Instant::now();
    let fuzzer = build(ws)?;
    let mut counts = Counts::default();
    let mut note = String::new();
    for name in targets(ws, &fuzzer)? {
        if run(ws, &fuzzer, &name, seconds)? {
            counts += Counts::ONE_PASSED;
        } else {
            counts += Counts::ONE_FAILED;
            note.push_str(&format!("{name}: a finding, see {FOLDER}/artifacts\n"));
        }
    }
    Ok(Suite {
        name: "fuzzing".into(),
        counts,
        elapsed: started.elapsed(),
        note,
    })
}

/// The instrumented program.
fn build(ws: &Workspace) -> Result<PathBuf> {
    let triple = host(ws)?;
    Run::cargo(ws, None)
        .args(["build", "--release", "--bin", "any", "--target", &triple])
        .arg("--manifest-path")
        .arg(ws.path(FOLDER).join("Cargo.toml"))
        .env("RUSTFLAGS", FLAGS)
        .step("Build the fuzzer")?;
    Ok(ws.target.join(&triple).join("release/any"))
}

fn host(ws: &Workspace) -> Result<String> {
    let outcome = Run::new(ws, "rustc").arg("-vV").step("Ask for the host")?;
    let line = outcome
        .output
        .lines()
        .find_map(|line| line.strip_prefix("host: "));
    Ok(line.ok_or("rustc names no host")?.to_owned())
}

fn targets(ws: &Workspace, fuzzer: &Path) -> Result<Vec<String>> {
    let outcome = Run::new(ws, fuzzer)
        .env("SIDELIGHT_FUZZ", "list")
        .step("List the targets")?;
    let names = outcome.output.lines().map(str::trim);
    // libFuzzer warns on the same screen about sanitizers that are not linked.
    let is_name =
        |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    Ok(names.filter(is_name).map(str::to_owned).collect())
}

/// True: nothing was found.
fn run(ws: &Workspace, fuzzer: &Path, name: &str, seconds: u64) -> Result<bool> {
    let of = |folder: &str| ws.path(FOLDER).join(folder).join(name);
    // What it finds goes to the first; the others are where it starts from, findings of the past among them.
    let (corpus, artifacts) = (of("corpus"), of("artifacts"));
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&artifacts)?;
    let given = ["seeds", "vectors"].map(of);
    let given = given.iter().filter(|folder| folder.is_dir());
    let prefix = format!("-artifact_prefix={}/", artifacts.display());
    let time = format!("-max_total_time={seconds}");
    // An input may take five seconds and two gigabytes: more is a finding.
    let outcome = Run::new(ws, fuzzer)
        .env("SIDELIGHT_FUZZ", name)
        .args([
            &prefix,
            &time,
            "-timeout=5",
            "-rss_limit_mb=2048",
            "-max_len=65536",
            "-print_final_stats=1",
        ])
        .arg(&corpus)
        .args(given)
        .try_step(&format!("Fuzz {name}"))?;
    if !outcome.ok {
        eprintln!("{}", crate::process::tail(&outcome.output));
    }
    Ok(outcome.ok)
}
