//! `cargo xtask fuzz`: libFuzzer over every target, with the compiler of the workspace. Coverage needs compiler flags only, no nightly: it is the sanitizers that would, and the targets
//! have no `unsafe` of their own.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

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
    let names = known
        .into_iter()
        .filter(|name| wanted.is_empty() || wanted.contains(&name.as_str()))
        .collect();
    let found = fuzz(ws, &fuzzer, names, seconds)?.findings;
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
    let started = Instant::now();
    let fuzzer = build(ws)?;
    let done = fuzz(ws, &fuzzer, targets(ws, &fuzzer)?, seconds)?;
    let mut counts = Counts::default();
    (0..done.clean).for_each(|_| counts += Counts::ONE_PASSED);
    let mut note = String::new();
    for name in done.findings {
        counts += Counts::ONE_FAILED;
        note.push_str(&format!("{name}: a finding, see {FOLDER}/artifacts\n"));
    }
    Ok(Suite {
        name: "fuzzing".into(),
        counts,
        elapsed: started.elapsed(),
        note,
    })
}

/// What came of targets.
#[derive(Default)]
struct Done {
    clean: usize,
    findings: Vec<String>,
}

/// Every target for `seconds`, one for each core at a time.
fn fuzz(ws: &Workspace, fuzzer: &Path, names: Vec<String>, seconds: u64) -> Result<Done> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let waiting = Mutex::new(names.into_iter());
    let work = || -> std::result::Result<Done, String> {
        let mut done = Done::default();
        while let Some(name) = waiting.lock().ok().and_then(|mut names| names.next()) {
            if run(ws, fuzzer, &name, seconds).map_err(|error| format!("{name}: {error}"))? {
                done.clean += 1;
            } else {
                done.findings.push(name);
            }
        }
        Ok(done)
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let mut all = Done::default();
        for worker in workers {
            let done = worker
                .join()
                .map_err(|_| "a thread of the fuzzer panicked")??;
            all.clean += done.clean;
            all.findings.extend(done.findings);
        }
        Ok(all)
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
