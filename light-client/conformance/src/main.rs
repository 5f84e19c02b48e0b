//! `sidelight-conformance SUITE PATH`: runs a suite over a folder of cases.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use clap::Parser;
use sidelight_conformance::{Case, Report, Status, Suite};

/// Runs test suites that others wrote.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// trie, rlp, transactions, blockchain or mutations.
    suite: String,
    /// A folder of cases in the suite's format, or one file.
    path: PathBuf,
    /// Only cases whose file and name contain this.
    #[arg(long, default_value = "")]
    filter: String,
    /// Only every Nth file, beginning with the first.
    #[arg(long, default_value_t = 1)]
    every: usize,
    /// Where the report goes as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Threads; all cores by default.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(report) => {
            print!("{report}");
            if report.failed == 0 {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<Report, Box<dyn std::error::Error>> {
    let suite = Suite::from_name(&arguments.suite).ok_or_else(|| {
        let names = Suite::ALL.map(Suite::name).join(", ");
        format!("expected one of {names}; got {:?}", arguments.suite)
    })?;
    let mut files = Vec::new();
    list_files(&arguments.path, &mut files)?;
    files.sort();
    let files: Vec<PathBuf> = files.into_iter().step_by(arguments.every.max(1)).collect();
    if files.is_empty() {
        return Err(format!(
            "{}: expected .json files, got none",
            arguments.path.display()
        )
        .into());
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Vec<Case>)>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..arguments.threads.unwrap_or(cores).max(1) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(at) else { break };
                    let cases = check_file(suite, &arguments.path, file, &arguments.filter);
                    if let Ok(mut results) = results.lock() {
                        results.push((at, cases));
                    }
                }
            });
        }
    });
    let mut results = results.into_inner()?;
    results.sort_by_key(|(at, _)| *at);
    let mut report = Report::new(suite.name());
    report.extend(results.into_iter().flat_map(|(_, cases)| cases));
    if let Some(path) = &arguments.json {
        fs::write(path, serde_json::to_vec_pretty(&report)?)?;
    }
    Ok(report)
}

fn check_file(suite: Suite, root: &Path, file: &Path, filter: &str) -> Vec<Case> {
    let short = file.strip_prefix(root).unwrap_or(file);
    let name = short.with_extension("").display().to_string();
    match fs::read_to_string(file) {
        Ok(text) => suite.run_file(&name, &text, filter),
        Err(error) => vec![Case {
            name,
            status: Status::Failed,
            reason: error.to_string(),
            tally: Default::default(),
        }],
    }
}

fn list_files(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            list_files(&entry?.path(), files)?;
        }
    } else if path
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        files.push(path.to_owned());
    }
    Ok(())
}
