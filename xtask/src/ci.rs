//! `cargo xtask ci`: every check, then every test; also `fmt` and `lint` alone.

mod lint;
mod purity;

use std::process::ExitCode;
use std::time::Instant;

use crate::Result;
use crate::contracts;
use crate::counts::{Counts, Suite, report};
use crate::engine;
use crate::fuzz;
use crate::process::Run;
use crate::size;
use crate::test;
use crate::tools::{self, Purpose};
use crate::workspace::Workspace;

/// For each target.
const FUZZ_SECONDS: u64 = 10;

/// A named check; its error says what was expected and what was found.
type Check = (&'static str, fn(&Workspace) -> Result<()>);

const FORMAT: &[Check] = &[("formatting", lint::formatting)];
const LINT: &[Check] = &[
    ("purity: attributes of the core", purity::attributes),
    (
        "purity: cfg(target_arch) only in the platform and store folders",
        purity::architecture_switches,
    ),
    (
        "purity: files of at most 800 lines with a module doc",
        purity::files,
    ),
    (
        "purity: no host of a registry in a lock file",
        purity::lock_files,
    ),
    ("purity: dependencies of the core", purity::dependencies),
    (
        "purity: no node crate and no testkit reaches a client",
        purity::directions,
    ),
    (
        "purity: the core compiles without an operating system",
        purity::bare_metal,
    ),
    ("clippy, native", lint::clippy_native),
    ("clippy, wasm32", lint::clippy_wasm),
    ("contracts are what their sources give", contracts::check),
    ("spelling", lint::spelling),
    ("licences and advisories", lint::licences),
];
const SIZE: &[Check] = &[
    ("sizes of the wasm modules", size::check),
    ("the inference engine is the pinned one", engine::check),
];

pub(crate) fn command(ws: &Workspace, words: &[&str]) -> Result<ExitCode> {
    let tests = match words {
        [] => true,
        ["--no-tests"] => false,
        other => {
            return Err(format!("expected nothing or --no-tests; got {}", other.join(" ")).into());
        }
    };
    let mut suites = Vec::new();
    match tools::ensure(ws, Purpose::Ci) {
        Ok(()) => {
            suites.push(run(ws, "checks", &[FORMAT, LINT, SIZE].concat()));
            if tests {
                suites.extend(test::run(ws, &[]));
                let fuzzed = fuzz::suite(ws, FUZZ_SECONDS);
                suites.push(fuzzed.unwrap_or_else(|error| Suite::broken("fuzzing", &error)));
            }
        }
        Err(error) => suites.push(Suite::broken("set-up", &error)),
    }
    Ok(exit_code(report(&suites)))
}

pub(crate) fn format_command(ws: &Workspace, words: &[&str]) -> Result<ExitCode> {
    match words {
        [] => {
            Run::cargo(ws, None).args(["fmt", "--all"]).step("Format")?;
            Ok(ExitCode::SUCCESS)
        }
        ["--check"] => Ok(exit_code(run(ws, "formatting", FORMAT).counts)),
        other => Err(format!("expected nothing or --check; got {}", other.join(" ")).into()),
    }
}

pub(crate) fn lint_command(ws: &Workspace, words: &[&str]) -> Result<ExitCode> {
    if let Some(other) = words.first() {
        return Err(format!("lint takes no arguments; got {other:?}").into());
    }
    tools::targets::ensure(ws, tools::targets::WASM)?;
    tools::targets::ensure_optional(ws, tools::targets::RISCV);
    Ok(exit_code(report(&[run(ws, "checks", LINT)])))
}

/// Every check counts as one; a failed one does not keep the others from running.
fn run(ws: &Workspace, name: &str, checks: &[Check]) -> Suite {
    let started = Instant::now();
    let mut counts = Counts::default();
    let mut note = String::new();
    for (title, check) in checks {
        match check(ws) {
            Ok(()) => counts += Counts::ONE_PASSED,
            Err(error) if error.downcast_ref::<Skipped>().is_some() => {
                eprintln!("- {title}: {error}");
                counts.skipped += 1;
            }
            Err(error) => {
                eprintln!("✗ {title}\n{error}\n");
                counts += Counts::ONE_FAILED;
                note.push_str(&format!("{title}\n"));
            }
        }
    }
    Suite {
        name: name.into(),
        counts,
        elapsed: started.elapsed(),
        note,
    }
}

/// A check whose tool is not there; it says so and is counted as skipped.
#[derive(Debug)]
struct Skipped(String);

impl std::error::Error for Skipped {}

impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "skipped, {}", self.0)
    }
}

fn exit_code(counts: Counts) -> ExitCode {
    if counts.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
