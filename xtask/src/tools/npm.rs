//! npm folders: installed from their lock files, and not again until one changes.

use std::fs;
use std::path::Path;

use crate::Result;
use crate::fingerprint::Fingerprint;
use crate::process::Run;
use crate::tools::{Found, Tool};
use crate::workspace::Workspace;

/// Folders with a `package.json` that the commands use.
pub(crate) const FOLDERS: &[&str] = &[
    "pkg",
    "e2e",
    "e2e/consumers",
    "e2e/bench",
    "node-lite/contracts",
    "edge-runtime/checks",
];

const STAMP: &str = "node_modules/.sidelight-stamp";

/// Installs a folder's packages when its lock file is not what was installed last.
pub(crate) fn ensure(ws: &Workspace, folder: &str) -> Result<()> {
    let place = ws.path(folder);
    if !place.join("package.json").is_file() || is_fresh(&place) {
        return Ok(());
    }
    // `ci` installs exactly the lock file.
    let verb = if place.join("package-lock.json").is_file() {
        "ci"
    } else {
        "install"
    };
    Run::new(ws, "npm")
        .dir(&place)
        .args([verb, "--no-audit", "--no-fund", "--loglevel=http"])
        .step(&format!("Install the npm packages of {folder}"))?;
    fs::create_dir_all(place.join("node_modules"))?;
    fs::write(place.join(STAMP), fingerprint(&place))?;
    Ok(())
}

pub(crate) fn describe_all(ws: &Workspace) -> Vec<Tool> {
    let there = |folder: &&&str| ws.path(folder).join("package.json").is_file();
    FOLDERS
        .iter()
        .filter(there)
        .map(|folder| {
            let place = ws.path(folder);
            let found = is_fresh(&place).then(|| Found {
                version: "installed".into(),
                place: place.join("node_modules"),
            });
            Tool {
                name: format!("{folder}/node_modules"),
                needed: "as package-lock.json says".into(),
                found,
                required: *folder != "e2e/bench",
                how: format!("cd {folder} && npm ci"),
            }
        })
        .collect()
}

fn is_fresh(place: &Path) -> bool {
    fs::read_to_string(place.join(STAMP)).is_ok_and(|stamp| stamp == fingerprint(place))
}

fn fingerprint(place: &Path) -> String {
    let mut fingerprint = Fingerprint::default();
    for name in ["package.json", "package-lock.json"] {
        fingerprint.file(place, name);
    }
    fingerprint.finish()
}
