//! `cargo xtask contracts`: Solidity to the artefacts that are checked in, and whether these are what the sources give.

use std::process::ExitCode;

use crate::Result;
use crate::process::Run;
use crate::tools;
use crate::workspace::Workspace;

const FOLDER: &str = "node-lite/contracts";

pub(crate) fn command(ws: &Workspace, words: &[&str]) -> Result<ExitCode> {
    match words {
        [] => compile(ws, "build")?,
        ["--check"] => compile(ws, "check")?,
        other => {
            return Err(format!("expected nothing or --check; got {}", other.join(" ")).into());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The artefacts are what the sources give.
pub(crate) fn check(ws: &Workspace) -> Result<()> {
    compile(ws, "check")
}

fn compile(ws: &Workspace, script: &str) -> Result<()> {
    tools::npm::ensure(ws, FOLDER)?;
    Run::new(ws, "npm")
        .dir(ws.path(FOLDER))
        .args(["run", "--silent", script])
        .step("Compile the contracts")?;
    Ok(())
}
