//! ONNX Runtime's shared library, out of the wheel on PyPI, in a folder where our programs look for it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::process::Run;
use crate::tools::{Found, Tool};
use crate::workspace::Workspace;

/// The version that results are compared with; class D1 holds within a minor version.
const VERSION: &str = "1.31.1";
/// Below the cache folder, as `sidelight_edge::onnxruntime::INSTALLED` says.
const FOLDER: &str = "onnxruntime";

/// Installs it, if it is not there.
pub(crate) fn ensure(ws: &Workspace) -> Result<()> {
    if library(ws).is_some() {
        return Ok(());
    }
    if ws.which("python3").is_none() {
        return Err("python3 is needed to install ONNX Runtime. Debian: apt-get install python3 python3-venv".into());
    }
    let folder = ws.cache.join(FOLDER);
    Run::new(ws, "python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder)
        .step("Make a Python environment for ONNX Runtime")?;
    Run::new(ws, folder.join("bin/python"))
        .args(["-m", "pip", "install", "--disable-pip-version-check"])
        // Only the library is used, and none of the packages that its Python side needs.
        .args(["--no-deps", &format!("onnxruntime=={VERSION}")])
        .step("Install ONNX Runtime (20 MB)")?;
    match library(ws) {
        Some(_) => Ok(()),
        None => {
            Err(format!("the wheel onnxruntime {VERSION} holds no library for this system").into())
        }
    }
}

/// As [`ensure`], for what works without it too.
pub(crate) fn ensure_optional(ws: &Workspace) {
    if let Err(error) = ensure(ws) {
        eprintln!("  models run on the pinned engine alone: {error}");
    }
}

pub(crate) fn describe(ws: &Workspace) -> Tool {
    Tool {
        name: "ONNX Runtime".into(),
        needed: VERSION.into(),
        found: library(ws).map(|place| Found {
            version: VERSION.into(),
            place,
        }),
        required: false,
        how: "cargo xtask setup".into(),
    }
}

fn library(ws: &Workspace) -> Option<PathBuf> {
    let python = children(&ws.cache.join(FOLDER).join("lib"));
    let folders = python
        .into_iter()
        .map(|python| python.join("site-packages/onnxruntime/capi"));
    let name = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libonnxruntime.") && name.contains(VERSION)
    };
    folders.flat_map(|folder| children(&folder)).find(name)
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}
