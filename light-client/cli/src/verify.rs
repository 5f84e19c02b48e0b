//! `sidelight verify`: judges a file offline.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use sidelight_client::{
    dto::{FileOutcome, FileVerdict},
    files::{MAX_FILE_BYTES, find_state_root, verify_file_on},
    platform,
};

use crate::{
    Exit, Outcome,
    args::Verify,
    output::{line, red},
};

pub(crate) async fn run(args: &Verify) -> Outcome {
    let root = match &args.block {
        None => args.root,
        Some(block) => {
            let root = find_state_root(&read(block)?);
            Some(root.ok_or_else(|| {
                (
                    Exit::Usage,
                    format!("{}: no block with a stateRoot", block.display()),
                )
            })?)
        }
    };
    let verdict = verify_file_on(platform::current().as_ref(), &read(&args.file)?, root).await;
    if args.json {
        line(&serde_json::to_string(&verdict).unwrap_or_default());
    } else {
        print(&verdict);
    }
    match (verdict.outcome, verdict.kind.as_str()) {
        (FileOutcome::Holds | FileOutcome::Proven, _) => Ok(()),
        // The reason has been printed.
        (FileOutcome::Undecided, _) => Err((Exit::Unknown, String::new())),
        (_, "unknown") => Err((Exit::Usage, String::new())),
        _ => Err((Exit::Refused, String::new())),
    }
}

fn print(verdict: &FileVerdict) {
    match &verdict.reason {
        Some(reason) => eprintln!(
            "{}",
            red(&format!("{}: {reason}", verdict.title.to_lowercase()))
        ),
        None => {
            match verdict.outcome {
                FileOutcome::Proven => line(&format!("Proven: {}", verdict.title)),
                _ => line(&verdict.title),
            };
            let width = verdict
                .facts
                .iter()
                .map(|fact| fact.label.len())
                .max()
                .unwrap_or(0);
            for fact in &verdict.facts {
                line(&format!("  {:<width$}  {}", fact.label, fact.value));
            }
        }
    }
}

/// Reads text up to the limit; "-" is the standard input.
fn read(path: &PathBuf) -> Result<String, (Exit, String)> {
    let refused = |error: std::io::Error| (Exit::Usage, format!("{}: {error}", path.display()));
    let mut source: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(std::io::stdin()),
        false => Box::new(File::open(path).map_err(refused)?),
    };
    let mut text = String::new();
    // One byte more than the limit, so that what is too long is noticed by whoever judges it.
    source
        .by_ref()
        .take(MAX_FILE_BYTES as u64 + 1)
        .read_to_string(&mut text)
        .map_err(refused)?;
    Ok(text)
}
