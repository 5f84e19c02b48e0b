//! Standard libraries of other targets: wasm32 for the browser, bare RISC-V for the purity check.
//!
//! ```text
//!   rustup target add          the pinned toolchain has it, or gets it within a minute
//!        | no component server
//!   Debian 12, root            rustc-web and its source; the standard library is compiled once
//!                              and found through a toolchain called `debian`
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Result;
use crate::process::Run;
use crate::tools::{Found, Tool, system};
use crate::workspace::Workspace;

/// What runs in a browser.
pub(crate) const WASM: Target = Target {
    triple: "wasm32-unknown-unknown",
    crates: "std,panic_abort",
};
/// No operating system at all: what compiles for it does no I/O.
pub(crate) const RISCV: Target = Target {
    triple: "riscv32imac-unknown-none-elf",
    crates: "core,alloc",
};

/// Where the component server cannot be reached, rustup waits for minutes.
const RUSTUP_LIMIT: Duration = Duration::from_secs(60);
const DEBIAN: &str = "debian";
const DEBIAN_PACKAGES: &[&str] = &[
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "rust-web-llvm",
    "rust-web-clippy",
    "lld-22",
];

/// A target and the parts of the standard library that it can have.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) triple: &'static str,
    crates: &'static str,
}

/// Who compiles for a target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Toolchain {
    /// The one of `rust-toolchain.toml`.
    Pinned,
    /// Debian's, linked into rustup.
    Debian,
}

impl Toolchain {
    /// The value of `RUSTUP_TOOLCHAIN`, where it has to be set.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Pinned => None,
            Self::Debian => Some(DEBIAN),
        }
    }
}

/// The toolchain that can compile for the target now.
pub(crate) fn find(ws: &Workspace, target: Target) -> Option<Toolchain> {
    [Toolchain::Pinned, Toolchain::Debian]
        .into_iter()
        .find(|toolchain| {
            library_folder(ws, target, *toolchain).is_some_and(|folder| has_core(&folder))
        })
}

/// Like [`find`], as an error that says what to do.
pub(crate) fn require(ws: &Workspace, target: Target) -> Result<Toolchain> {
    find(ws, target).ok_or_else(|| format!("{} is missing: {}", target.triple, how(target)).into())
}

/// Provides the target.
pub(crate) fn ensure(ws: &Workspace, target: Target) -> Result<Toolchain> {
    if let Some(toolchain) = find(ws, target) {
        return Ok(toolchain);
    }
    let title = format!("Add the target {} (at most 60 s)", target.triple);
    let added = Run::new(ws, "rustup")
        .args(["target", "add", target.triple])
        .limit(RUSTUP_LIMIT)
        .try_step(&title);
    if let Some(toolchain) = find(ws, target) {
        return Ok(toolchain);
    }
    if !system::is_debian_12() {
        let reason = added
            .map(|outcome| outcome.output)
            .unwrap_or_else(|error| error.to_string());
        return Err(format!(
            "rustup could not add {}: {}\n{}",
            target.triple,
            reason.trim(),
            how(target)
        )
        .into());
    }
    eprintln!(
        "  rustup could not provide it: compiling its standard library with Debian's rustc instead"
    );
    build_library(ws, target)?;
    require(ws, target)
}

/// Provides the target where that is possible, and says so where it is not.
pub(crate) fn ensure_optional(ws: &Workspace, target: Target) {
    if let Err(error) = ensure(ws, target) {
        eprintln!("  {} is left out: {error}", target.triple);
    }
}

pub(crate) fn describe(ws: &Workspace, target: Target, required: bool) -> Tool {
    let found = find(ws, target).and_then(|toolchain| {
        let place = library_folder(ws, target, toolchain)?;
        let version = if toolchain == Toolchain::Pinned {
            "pinned toolchain"
        } else {
            "toolchain debian"
        };
        Some(Found {
            version: version.into(),
            place,
        })
    });
    let needed = if required {
        "any".into()
    } else {
        "optional: proves that the core does no I/O".into()
    };
    Tool {
        name: target.triple.into(),
        needed,
        found,
        required,
        how: how(target),
    }
}

fn how(target: Target) -> String {
    format!("rustup target add {}", target.triple)
}

fn library_folder(ws: &Workspace, target: Target, toolchain: Toolchain) -> Option<PathBuf> {
    let mut run =
        Run::new(ws, "rustc").args(["--print", "target-libdir", "--target", target.triple]);
    if let Some(name) = toolchain.name() {
        run = run.env("RUSTUP_TOOLCHAIN", name);
    }
    run.probe().map(PathBuf::from)
}

fn has_core(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libcore-") && name.ends_with(".rlib")
    })
}

/// Compiles the standard library for the target from Debian's source package and puts it where Debian's rustc looks.
fn build_library(ws: &Workspace, target: Target) -> Result<()> {
    if !Path::new("/usr/bin/rustc").is_file() || !Path::new("/usr/lib/rustlib/src").exists() {
        system::install(
            ws,
            DEBIAN_PACKAGES,
            "a Rust compiler with its standard library's source",
        )?;
    }
    let folder = ws.cache.join("standard-library").join(target.triple);
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/lib.rs"), "#![no_std]\n")?;
    let manifest =
        "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n";
    fs::write(folder.join("Cargo.toml"), manifest)?;
    let built = folder.join("target");
    Run::new(ws, "/usr/bin/cargo")
        .dir(&folder)
        .env("PATH", format!("/usr/bin:{}", ws.search_path().display()))
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        // Without the bitcode, fat LTO of a binary fails.
        .env("RUSTFLAGS", "-Cembed-bitcode=yes")
        .env("CARGO_TARGET_DIR", &built)
        .args(["build", "--release", "--target", target.triple])
        .arg(format!("-Zbuild-std={}", target.crates))
        .step(&format!(
            "Compile the standard library for {} (about 40 s)",
            target.triple
        ))?;
    let library = Path::new("/usr/lib/rustlib")
        .join(target.triple)
        .join("lib");
    fs::create_dir_all(&library)
        .map_err(|error| format!("cannot write to {}: {error}", library.display()))?;
    for entry in fs::read_dir(built.join(target.triple).join("release/deps"))?.flatten() {
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if text.ends_with(".rlib") && !text.starts_with("libempty-") {
            fs::copy(entry.path(), library.join(&name))?;
        }
    }
    let listed = Run::new(ws, "rustup")
        .args(["toolchain", "list"])
        .probe()
        .unwrap_or_default();
    if !listed
        .lines()
        .any(|line| line.split_whitespace().next() == Some(DEBIAN))
    {
        Run::new(ws, "rustup")
            .args(["toolchain", "link", DEBIAN, "/usr"])
            .step("Link the toolchain debian")?;
    }
    Ok(())
}
