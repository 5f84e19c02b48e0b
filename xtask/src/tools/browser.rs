//! Chromium and its driver.

use std::env;
use std::path::PathBuf;

use crate::Result;
use crate::process::Run;
use crate::tools::{Found, Tool, system, version_in};
use crate::workspace::Workspace;

const NAMES: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];
const APPLICATIONS: &[&str] = &[
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/// `$CHROMIUM`, or the first browser of the family that is found.
pub(crate) fn chromium(ws: &Workspace) -> Option<PathBuf> {
    if let Some(named) = env::var_os("CHROMIUM")
        .map(PathBuf::from)
        .filter(|file| file.is_file())
    {
        return Some(named);
    }
    let installed = NAMES.iter().find_map(|name| ws.which(name));
    installed.or_else(|| {
        APPLICATIONS
            .iter()
            .map(PathBuf::from)
            .find(|file| file.is_file())
    })
}

pub(crate) fn ensure_chromium(ws: &Workspace) -> Result<PathBuf> {
    if let Some(found) = chromium(ws) {
        return Ok(found);
    }
    system::install(
        ws,
        &["chromium"],
        "Chromium, or a Chrome that CHROMIUM names,",
    )?;
    chromium(ws).ok_or_else(|| {
        "the package chromium was installed, but there is no chromium on the PATH".into()
    })
}

/// The driver speaks for exactly one browser; without it the tests that need it are skipped by name.
pub(crate) fn ensure_chromedriver(ws: &Workspace) -> Option<PathBuf> {
    if let Some(found) = ws.which("chromedriver") {
        return Some(found);
    }
    if let Err(error) = system::install(ws, &["chromium-driver"], "chromedriver") {
        eprintln!("  the wasm tests that need a browser are left out: {error}");
    }
    ws.which("chromedriver")
}

pub(crate) fn describe_chromium(ws: &Workspace) -> Tool {
    Tool {
        name: "chromium".into(),
        needed: "any".into(),
        found: chromium(ws).and_then(|place| found(ws, place)),
        required: true,
        how: "Debian: apt-get install chromium; or set CHROMIUM to a Chrome".into(),
    }
}

pub(crate) fn describe_chromedriver(ws: &Workspace) -> Tool {
    Tool {
        name: "chromedriver".into(),
        needed: "the browser's version".into(),
        found: ws.which("chromedriver").and_then(|place| found(ws, place)),
        required: false,
        how: "Debian: apt-get install chromium-driver".into(),
    }
}

fn found(ws: &Workspace, place: PathBuf) -> Option<Found> {
    let text = Run::new(ws, &place).arg("--version").probe()?;
    Some(Found {
        version: version_in(&text)?,
        place,
    })
}
