//! `cargo xtask models`: trains the models of `edge-runtime/models`, or checks that training gives the files that are there.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::Result;
use crate::fingerprint::Fingerprint;
use crate::process::Run;
use crate::workspace::Workspace;

const FOLDER: &str = "edge-runtime/models";
const REQUIREMENTS: &str = "edge-runtime/models/requirements.txt";

pub(crate) fn command(ws: &Workspace, words: &[&str]) -> Result<ExitCode> {
    match words {
        [] => train(ws, &[], "Train the models")?,
        ["--check"] => check(ws)?,
        other => {
            return Err(format!("expected nothing or --check; got {}", other.join(" ")).into());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Trains again and compares every byte.
pub(crate) fn check(ws: &Workspace) -> Result<()> {
    train(ws, &["--check"], "Train the models and compare")
}

fn train(ws: &Workspace, args: &[&str], title: &str) -> Result<()> {
    let python = environment(ws)?;
    let outcome = Run::new(ws, python)
        .dir(ws.path(FOLDER))
        .arg("train.py")
        .args(args)
        .step(title)?;
    println!("{}", outcome.output.trim_end());
    Ok(())
}

/// Python with exactly the pinned packages, in an environment of its own. It is named after the list, so that another list makes another one.
pub(crate) fn environment(ws: &Workspace) -> Result<PathBuf> {
    let mut fingerprint = Fingerprint::default();
    fingerprint.file(&ws.root, REQUIREMENTS);
    let folder = ws.cache.join("python").join(fingerprint.finish());
    let (python, done) = (folder.join("bin/python"), folder.join(".complete"));
    if done.is_file() {
        return Ok(python);
    }
    if ws.which("python3").is_none() {
        return Err(
            "python3 is needed, 3.11 or newer. Debian: apt-get install python3 python3-venv".into(),
        );
    }
    Run::new(ws, "python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder)
        .step("Make a Python environment")?;
    Run::new(ws, &python)
        .args([
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "-r",
            REQUIREMENTS,
        ])
        .step("Install numpy, scikit-learn, onnx and ONNX Runtime (a minute)")?;
    std::fs::write(done, "")?;
    Ok(python)
}
