//! Programs that cargo installs: the makers of the browser's modules.

use std::fs;
use std::time::Duration;

use crate::Result;
use crate::process::Run;
use crate::tools::{Tool, probe, targets};
use crate::workspace::Workspace;

/// A program, in exactly one version.
struct Binary {
    package: &'static str,
    program: &'static str,
    version: String,
    /// Whether its own lock file is used.
    locked: bool,
    minutes: u32,
}

fn all(ws: &Workspace) -> Result<Vec<Binary>> {
    Ok(vec![
        Binary {
            package: "wasm-bindgen-cli",
            program: "wasm-bindgen",
            // It must be the version of the library; its own lock file names a release that was withdrawn.
            version: locked_version(ws, "wasm-bindgen")?,
            locked: false,
            minutes: 3,
        },
        Binary {
            package: "wasm-pack",
            program: "wasm-pack",
            version: "0.15.1".into(),
            locked: true,
            minutes: 3,
        },
        Binary {
            package: "trunk",
            program: "trunk",
            version: "0.21.14".into(),
            locked: true,
            minutes: 9,
        },
    ])
}

pub(crate) fn ensure_all(ws: &Workspace) -> Result<()> {
    let mut installed = false;
    for binary in all(ws)? {
        installed |= ensure(ws, &binary)?;
    }
    if installed {
        // The programs are in cargo's folder now; what compiled them is hundreds of megabytes.
        fs::remove_dir_all(build_folder(ws)).ok();
    }
    Ok(())
}

pub(crate) fn describe_all(ws: &Workspace) -> Vec<Tool> {
    let Ok(binaries) = all(ws) else {
        return Vec::new();
    };
    let describe = |binary: &Binary| Tool {
        name: binary.program.into(),
        needed: binary.version.clone(),
        found: probe(ws, binary.program, &["--version"]),
        required: true,
        how: command_line(binary),
    };
    let mut tools: Vec<Tool> = binaries.iter().map(describe).collect();
    for tool in &mut tools {
        tool.found = tool
            .found
            .take()
            .filter(|found| found.version == tool.needed);
    }
    tools
}

fn ensure(ws: &Workspace, binary: &Binary) -> Result<bool> {
    if is_there(ws, binary) {
        return Ok(false);
    }
    let title = format!(
        "Install {} {} (about {} min)",
        binary.package, binary.version, binary.minutes
    );
    let spec = format!("{}@{}", binary.package, binary.version);
    if ws.which("cargo-binstall").is_some() {
        let title = format!("Fetch {} {}", binary.package, binary.version);
        let args = [
            "binstall",
            "--no-confirm",
            "--force",
            "--strategies",
            "crate-meta-data",
        ];
        Run::cargo(ws, None)
            .args(args)
            .arg(&spec)
            .try_step(&title)?;
        if is_there(ws, binary) {
            return Ok(true);
        }
    }
    let mut run = Run::cargo(ws, None)
        .env("CARGO_TARGET_DIR", build_folder(ws))
        // Rust flags of this repository are for this repository.
        .dir(&ws.cache)
        .args(["install", "--force", &spec]);
    if binary.locked {
        run = run.arg("--locked");
    }
    run.step(&title)?;
    if is_there(ws, binary) {
        return Ok(true);
    }
    let found = probe(ws, binary.program, &["--version"]);
    let got = found.map_or_else(
        || "none".to_owned(),
        |found| format!("{} at {}", found.version, found.place.display()),
    );
    Err(format!(
        "expected {} {} on the PATH; got {got}",
        binary.program, binary.version
    )
    .into())
}

fn is_there(ws: &Workspace, binary: &Binary) -> bool {
    let ask = || probe(ws, binary.program, &["--version"]);
    let mut found = ask();
    // Compiling it takes minutes: a program that is there and does not answer is asked again before.
    for _ in 0..2 {
        if found.is_some() || ws.which(binary.program).is_none() {
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
        found = ask();
    }
    found.is_some_and(|found| found.version == binary.version)
}

fn build_folder(ws: &Workspace) -> std::path::PathBuf {
    ws.cache.join("tools-target")
}

fn command_line(binary: &Binary) -> String {
    let locked = if binary.locked { " --locked" } else { "" };
    format!(
        "cargo install {} --version {}{locked}",
        binary.package, binary.version
    )
}

/// The version of a package in `Cargo.lock`.
pub(crate) fn locked_version(ws: &Workspace, package: &str) -> Result<String> {
    let text = fs::read_to_string(ws.path("Cargo.lock"))?;
    version_in_lock(&text, package).ok_or_else(|| format!("Cargo.lock has no {package}").into())
}

fn version_in_lock(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.next()?;
    lines
        .next()?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
        .map(str::to_owned)
}

/// Cargo for the browser's target, with the toolchain that has it.
pub(crate) fn wasm_cargo(ws: &Workspace) -> Result<Run<'_>> {
    Ok(Run::cargo(ws, targets::require(ws, targets::WASM)?.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_gives_the_version_of_exactly_that_package() {
        let lock = "[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(
            version_in_lock(lock, "wasm-bindgen").as_deref(),
            Some("0.2.130")
        );
        assert_eq!(version_in_lock(lock, "bindgen"), None);
    }
}
