//! What keeps the verification core reviewable: each rule of CONTRIBUTING that a program can check.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::Result;
use crate::ci::Skipped;
use crate::fingerprint::collect;
use crate::process::Run;
use crate::progress::Step;
use crate::tools::npm;
use crate::tools::targets::{self, RISCV, WASM};
use crate::workspace::Workspace;

const CORE: &str = "light-client/core";
const ALLOWED: &str = "light-client/core/allowed-dependencies.txt";
const MAX_LINES: usize = 800;

/// The only places that may ask for which machine they are compiled.
const SWITCH_FOLDERS: &[&str] = &[
    "light-client/client/src/platform",
    "light-client/client/src/store",
];
const SWITCH_SEARCHED: &[&str] = &[
    "light-client/core/src",
    "light-client/client/src",
    "light-client/evm/src",
    "light-client/wasm/src",
    "light-client/cli/src",
    "web-app/src",
    "node-lite",
    "edge-runtime",
];

/// Lints that the core denies at crate level.
const DENIED: &[&str] = &[
    "clippy::unwrap_used",
    "clippy::expect_used",
    "clippy::panic",
    "clippy::indexing_slicing",
    "clippy::arithmetic_side_effects",
    "clippy::as_conversions",
];

/// Words that have no place in a crate that does no I/O.
const FORBIDDEN_IN_CORE: &[&str] = &[
    "async fn",
    "std::time",
    "std::fs",
    "std::net",
    "std::thread",
    "println!",
    "eprintln!",
    "tracing::",
    "log::",
    "rand::",
    "unsafe {",
];

pub(super) fn attributes(ws: &Workspace) -> Result<()> {
    let text = fs::read_to_string(ws.path(CORE).join("src/lib.rs"))?;
    for attribute in ["#![no_std]", "#![forbid(unsafe_code)]"] {
        if !text.lines().any(|line| line.trim() == attribute) {
            return Err(format!("{CORE}/src/lib.rs: expected the line {attribute}").into());
        }
    }
    let denied = text
        .split("#![deny(")
        .nth(1)
        .and_then(|rest| rest.split(")]").next())
        .unwrap_or_default();
    for lint in DENIED {
        if !denied.contains(lint) {
            return Err(format!("{CORE}/src/lib.rs: expected {lint} in #![deny(..)]").into());
        }
    }
    for file in sources(ws, &["light-client/core/src"], &["rs"]) {
        let text = fs::read_to_string(&file)?;
        let production = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in production.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if let Some(word) = FORBIDDEN_IN_CORE.iter().find(|word| code.contains(**word)) {
                return Err(format!(
                    "{}:{}: expected no {word} in the core",
                    file.display(),
                    number + 1
                )
                .into());
            }
        }
    }
    Ok(())
}

pub(super) fn architecture_switches(ws: &Workspace) -> Result<()> {
    let allowed: Vec<PathBuf> = SWITCH_FOLDERS
        .iter()
        .map(|folder| ws.path(folder))
        .collect();
    for file in sources(ws, SWITCH_SEARCHED, &["rs"]) {
        // A module may be a folder or a file of the same name.
        if allowed
            .iter()
            .any(|folder| file.starts_with(folder) || file == folder.with_extension("rs"))
        {
            continue;
        }
        let text = fs::read_to_string(&file)?;
        let at = text
            .lines()
            .position(|line| line.contains("target_arch") && !line.trim_start().starts_with("//"));
        if let Some(at) = at {
            let places = SWITCH_FOLDERS.join(" and ");
            return Err(format!(
                "{}:{}: expected cfg(target_arch) only in {places}",
                file.display(),
                at + 1
            )
            .into());
        }
    }
    Ok(())
}

pub(super) fn files(ws: &Workspace) -> Result<()> {
    let folders = [
        "light-client",
        "node-lite",
        "edge-runtime",
        "web-app",
        "xtask",
        "pkg",
        "e2e",
    ];
    for file in sources(
        ws,
        &folders,
        &["rs", "ts", "mts", "mjs", "js", "css", "sol"],
    ) {
        let generated = ["pkg/wasm", "pkg/evm", "pkg/decisions"]
            .iter()
            .any(|folder| file.starts_with(ws.path(folder)));
        if generated {
            continue;
        }
        let text = fs::read_to_string(&file)?;
        let lines = text.lines().count();
        if lines > MAX_LINES {
            return Err(format!(
                "{}: expected at most {MAX_LINES} lines, got {lines}",
                file.display()
            )
            .into());
        }
        let is_source = file.extension().is_some_and(|extension| extension == "rs");
        if is_source && !text.starts_with("//!") {
            return Err(format!(
                "{}: expected a module doc (//!) in the first line",
                file.display()
            )
            .into());
        }
    }
    Ok(())
}

/// A lock file that names a host is one that installs only where that host can be reached.
pub(super) fn lock_files(ws: &Workspace) -> Result<()> {
    let locks = npm::FOLDERS
        .iter()
        .map(|folder| ws.path(folder).join("package-lock.json"));
    let locks: Vec<PathBuf> = locks.collect();
    for lock in locks.iter().filter(|lock| lock.is_file()) {
        let text = fs::read_to_string(lock)?;
        if let Some(at) = text
            .lines()
            .position(|line| line.contains("\"resolved\": \"http"))
        {
            return Err(format!("{}:{}: expected no \"resolved\" address; .npmrc has omit-lockfile-registry-resolved=true", lock.display(), at + 1).into());
        }
    }
    Ok(())
}

/// Exactly the crates of the checked-in list, no more and no fewer.
pub(super) fn dependencies(ws: &Workspace) -> Result<()> {
    let text =
        fs::read_to_string(ws.path(ALLOWED)).map_err(|error| format!("{ALLOWED}: {error}"))?;
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let allowed: BTreeSet<String> = lines.map(str::to_owned).collect();
    let mut used = tree(ws, &["sidelight-core"], RISCV.triple, true)?;
    used.remove("sidelight-core");
    let more: Vec<&str> = used.difference(&allowed).map(String::as_str).collect();
    let fewer: Vec<&str> = allowed.difference(&used).map(String::as_str).collect();
    if more.is_empty() && fewer.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{ALLOWED}: not on the list: [{}]; on the list and not used: [{}]",
        more.join(", "),
        fewer.join(", ")
    )
    .into())
}

/// Nothing of the node reaches what runs in a browser, and the testkit reaches nothing.
pub(super) fn directions(ws: &Workspace) -> Result<()> {
    let clients = tree(
        ws,
        &[
            "sidelight-wasm",
            "sidelight-evm",
            "sidelight-decisions",
            "web-app",
        ],
        WASM.triple,
        false,
    )?;
    if let Some(name) = clients.iter().find(|name| name.starts_with("node-lite")) {
        return Err(format!("expected no node crate in what reaches wasm, got {name}").into());
    }
    let host = tree(
        ws,
        &["sidelight", "node-lite", "sidelight-wasm", "sidelight-evm"],
        "",
        false,
    )?;
    if host.contains("sidelight-testkit") {
        return Err("expected sidelight-testkit as a dev-dependency only".into());
    }
    let edge = tree(ws, &["sidelight-edge-core"], "", false)?;
    let foreign = |name: &&String| {
        let ours = name.starts_with("sidelight") || name.starts_with("node-lite");
        ours && !["sidelight-core", "sidelight-tensor", "sidelight-edge-core"]
            .contains(&name.as_str())
    };
    if let Some(name) = edge.iter().find(foreign) {
        return Err(format!(
            "expected sidelight-edge-core to use the core and tensors only, got {name}"
        )
        .into());
    }
    let core = tree(ws, &["sidelight-core"], "", false)?;
    let ours = |name: &&String| {
        (name.starts_with("sidelight-") && *name != "sidelight-core")
            || name.starts_with("node-lite")
    };
    match core.iter().find(ours) {
        Some(name) => Err(format!("expected the core to use none of ours, got {name}").into()),
        None => Ok(()),
    }
}

pub(super) fn bare_metal(ws: &Workspace) -> Result<()> {
    let Some(toolchain) = targets::find(ws, RISCV) else {
        return Err(Skipped(format!("{} could not be provided", RISCV.triple)).into());
    };
    Run::cargo(ws, toolchain.name())
        .args([
            "check",
            "-p",
            "sidelight-core",
            "--no-default-features",
            "--target",
            RISCV.triple,
        ])
        .step(&format!("Check the core for {}", RISCV.triple))?;
    Ok(())
}

/// Names of the crates that the packages are linked with.
fn tree(
    ws: &Workspace,
    packages: &[&str],
    target: &str,
    no_default_features: bool,
) -> Result<BTreeSet<String>> {
    let step = Step::start(format!("Dependencies of {}", packages.join(", ")));
    let mut run = Run::new(ws, "cargo").args([
        "tree",
        "--locked",
        "-e",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "-f",
        "{p}",
    ]);
    for package in packages {
        run = run.args(["-p", package]);
    }
    if !target.is_empty() {
        run = run.args(["--target", target]);
    }
    if no_default_features {
        run = run.arg("--no-default-features");
    }
    let text = run
        .probe()
        .ok_or("cargo tree failed; is Cargo.lock up to date?")?;
    step.done("");
    Ok(text
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect())
}

fn sources(ws: &Workspace, folders: &[&str], extensions: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in folders {
        collect(&ws.path(folder), &mut files);
    }
    files.retain(|file| {
        let extension = file.extension().unwrap_or_default();
        extensions.iter().any(|wanted| extension == *wanted)
    });
    files.sort();
    files
}
