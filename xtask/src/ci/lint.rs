//! Formatting, clippy, spelling, licences.

use crate::Result;
use crate::ci::Skipped;
use crate::process::Run;
use crate::tools::targets;
use crate::workspace::Workspace;

/// What is compiled for the browser.
const BROWSER_CRATES: &[&str] = &[
    "sidelight-core",
    "sidelight-client",
    "sidelight-evm",
    "sidelight-executor",
    "sidelight-wasm",
    "sidelight-tensor",
    "sidelight-edge-core",
    "sidelight-decisions",
    "web-app",
];

pub(super) fn formatting(ws: &Workspace) -> Result<()> {
    Run::cargo(ws, None)
        .args(["fmt", "--all", "--check"])
        .step("Formatting")?;
    // A workspace of its own.
    Run::cargo(ws, None)
        .args([
            "fmt",
            "--check",
            "--manifest-path",
            "edge-runtime/engine/Cargo.toml",
        ])
        .step("Formatting of the engine")?;
    Ok(())
}

pub(super) fn clippy_native(ws: &Workspace) -> Result<()> {
    let args = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    Run::cargo(ws, None)
        .args(args)
        .step("Clippy, native, all targets")?;
    Ok(())
}

pub(super) fn clippy_wasm(ws: &Workspace) -> Result<()> {
    let toolchain = targets::require(ws, targets::WASM)?;
    let mut run =
        Run::cargo(ws, toolchain.name()).args(["clippy", "--target", targets::WASM.triple]);
    for name in BROWSER_CRATES {
        run = run.args(["-p", name]);
    }
    run.args(["--", "-D", "warnings"]).step("Clippy, wasm32")?;
    Ok(())
}

pub(super) fn spelling(ws: &Workspace) -> Result<()> {
    if ws.which("typos").is_none() {
        return Err(Skipped("typos is not installed".into()).into());
    }
    Run::new(ws, "typos").step("Spelling")?;
    Ok(())
}

/// Licences, sources and bans need no network; the advisories do, and are left to a run that has one.
pub(super) fn licences(ws: &Workspace) -> Result<()> {
    if ws.which("cargo-deny").is_none() {
        return Err(Skipped("cargo-deny is not installed".into()).into());
    }
    Run::cargo(ws, None)
        .args(["deny", "--offline", "check", "licenses", "bans", "sources"])
        .step("Licences")?;
    Ok(())
}
