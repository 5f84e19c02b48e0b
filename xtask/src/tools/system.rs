//! The operating system's packages: `apt-get` as root on Debian, an exact instruction elsewhere.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Result;
use crate::process::Run;
use crate::workspace::Workspace;

/// The package lists are fetched once per call of this program.
static LISTS_FRESH: AtomicBool = AtomicBool::new(false);

/// Installs Debian packages, or says what to install.
pub(crate) fn install(ws: &Workspace, packages: &[&str], why: &str) -> Result<()> {
    let names = packages.join(" ");
    if ws.which("apt-get").is_none() {
        return Err(format!(
            "{why} is missing, and there is no apt-get here. On Debian its packages are: {names}"
        )
        .into());
    }
    if !is_root(ws) {
        return Err(
            format!("{why} is missing. Install it with: sudo apt-get install {names}").into(),
        );
    }
    if !LISTS_FRESH.swap(true, Ordering::Relaxed) {
        // An unreachable list is not fatal: the packages may be known already.
        Run::new(ws, "apt-get")
            .arg("update")
            .try_step("Update the package lists")?;
    }
    Run::new(ws, "apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "-y", "--no-install-recommends"])
        .args(packages)
        .step(&format!("Install {names}"))?;
    Ok(())
}

pub(crate) fn is_root(ws: &Workspace) -> bool {
    Run::new(ws, "id").arg("-u").probe().as_deref() == Some("0")
}

/// Whether this is Debian 12, whose packages the fall-back for wasm32 uses.
pub(crate) fn is_debian_12() -> bool {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let has = |wanted: &str| text.lines().any(|line| line.replace('"', "") == wanted);
    has("ID=debian") && has("VERSION_ID=12")
}
