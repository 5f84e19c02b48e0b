//! The parts that are built, each from inputs that are fingerprinted.
//!
//! ```text
//!   wasm   light-client/{wasm,evm}, edge-runtime/wasm --wasm-pack--> pkg/{wasm,evm,decisions} --wasm-opt--> smaller
//!    |
//!   pkg    pkg/src --tsc--> pkg/dist
//!    |
//!   web    web-app + pkg --trunk--> web-app/dist
//!    |
//!   node   node-lite with web-app/dist inside; the sidelight command line
//! ```
//! What was built is kept by its fingerprint in the cache folder, so that a fresh clone of the same sources builds nothing again.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::Result;
use crate::fingerprint::Fingerprint;
use crate::process::Run;
use crate::progress::Step;
use crate::tools::{self, Purpose, binaries, npm, targets};
use crate::workspace::{self, Workspace};

/// Builds of one part that are kept.
const KEPT: usize = 4;

/// What decides about every wasm module.
const RUST_INPUTS: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    ".cargo/config.toml",
    "rust-toolchain.toml",
];

/// What browsers of the last three years have, and what rustc emits by default.
pub(crate) const WASM_FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// A wasm module with its bindings.
pub(crate) struct Module {
    pub(crate) name: &'static str,
    /// The crate's folder.
    krate: &'static str,
    /// Where the bindings go.
    pub(crate) out: &'static str,
    /// The cargo profile.
    pub(crate) profile: &'static str,
    /// What `wasm-opt` is asked for.
    pub(crate) level: &'static str,
    /// Crates of ours that it is made of.
    parts: &'static [&'static str],
}

pub(crate) const VERIFIER: Module = Module {
    name: "verifier",
    krate: "light-client/wasm",
    out: "pkg/wasm",
    // Downloaded by everybody: size before speed.
    profile: "wasm-release",
    level: "-Oz",
    parts: &[
        "light-client/core",
        "light-client/client",
        "light-client/wasm",
    ],
};
pub(crate) const EVM: Module = Module {
    name: "EVM",
    krate: "light-client/evm",
    out: "pkg/evm",
    // Far below its gate: a third faster for half a percent more bytes.
    profile: "wasm-evm",
    level: "-O3",
    parts: &[
        "light-client/core",
        "light-client/executor",
        "light-client/evm",
    ],
};
pub(crate) const DECISIONS: Module = Module {
    name: "decisions",
    krate: "edge-runtime/wasm",
    out: "pkg/decisions",
    profile: "wasm-decisions",
    level: "-Oz",
    parts: &[
        "light-client/core",
        "edge-runtime/tensor",
        "edge-runtime/core",
        "edge-runtime/wasm",
    ],
};

impl Module {
    /// The one `.wasm` file among the bindings.
    pub(crate) fn file(&self, ws: &Workspace) -> Result<PathBuf> {
        let folder = ws.path(self.out);
        let entries =
            fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let is_wasm = |path: &PathBuf| {
            path.extension()
                .is_some_and(|extension| extension == "wasm")
        };
        let mut files = entries.flatten().map(|entry| entry.path()).filter(is_wasm);
        files
            .next()
            .ok_or_else(|| format!("there is no .wasm file in {}", folder.display()).into())
    }
}

pub(crate) fn command(ws: &Workspace, words: &[&str]) -> Result<ExitCode> {
    tools::ensure(ws, Purpose::Run)?;
    if words.is_empty() {
        web(ws)?;
        node(ws, false)?;
    }
    for word in words {
        match *word {
            "wasm" => wasm(ws)?,
            "pkg" => pkg(ws)?,
            "web" => web(ws)?,
            "node" => node(ws, false)?,
            other => return Err(format!("expected wasm, pkg, web or node; got {other:?}").into()),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The verifier, the EVM and the judge of decisions for the browser.
pub(crate) fn wasm(ws: &Workspace) -> Result<()> {
    module(ws, &VERIFIER)?;
    module(ws, &EVM)?;
    module(ws, &DECISIONS)
}

/// The npm package.
pub(crate) fn pkg(ws: &Workspace) -> Result<()> {
    wasm(ws)?;
    npm::ensure(ws, "pkg")?;
    let inputs = [
        "pkg/src",
        "pkg/scripts",
        "pkg/package.json",
        "pkg/package-lock.json",
        "pkg/tsconfig.json",
        "pkg/wasm",
        "pkg/evm",
        "pkg/decisions",
        "edge-runtime/engine/artefact",
        "edge-runtime/models",
    ];
    part(ws, "pkg", &inputs, "", &["pkg/dist"], || {
        Run::new(ws, "npm")
            .dir(ws.path("pkg"))
            .args(["run", "build"])
            .step("Build the npm package")?;
        Ok(())
    })
}

/// The explorer.
pub(crate) fn web(ws: &Workspace) -> Result<()> {
    pkg(ws)?;
    let mut inputs = RUST_INPUTS.to_vec();
    inputs.extend([
        "web-app",
        "light-client/core/src",
        "light-client/client/src",
        "pkg/dist",
        "pkg/wasm",
        "pkg/evm",
        "pkg/decisions",
        // The version of ONNX Runtime Web, whose files are served.
        "pkg/package-lock.json",
    ]);
    part(ws, "web", &inputs, "", &["web-app/dist"], || {
        let mut run = Run::new(ws, "trunk").dir(ws.path("web-app"));
        if let Some(name) = targets::require(ws, targets::WASM)?.name() {
            run = run.env("RUSTUP_TOOLCHAIN", name);
        }
        run.env("CARGO_ENCODED_RUSTFLAGS", wasm_flags(ws)?)
            .env("CARGO_TERM_PROGRESS_WHEN", "always")
            .env("CARGO_TERM_PROGRESS_WIDTH", "120")
            // Trunk reads this one as a flag with a value and refuses `1`.
            .without("NO_COLOR")
            .args(["build", "--release", "--offline"])
            .step("Build the explorer")?;
        optimise(ws, &ws.path("web-app/dist/web-app_bg.wasm"), "-Oz")
    })
}

/// node-lite with the explorer inside, and the command line.
pub(crate) fn node(ws: &Workspace, release: bool) -> Result<()> {
    let mut run = Run::cargo(ws, None).args(["build", "-p", "node-lite", "-p", "sidelight"]);
    if release {
        run = run.arg("--release");
    }
    run.step(if release {
        "Build node-lite (release)"
    } else {
        "Build node-lite"
    })?;
    Ok(())
}

/// The command line of devices.
pub(crate) fn edge(ws: &Workspace, release: bool) -> Result<()> {
    let mut run = Run::cargo(ws, None).args(["build", "-p", "sidelight-edge-cli"]);
    if release {
        run = run.arg("--release");
    }
    run.step(if release {
        "Build sidelight-edge (release)"
    } else {
        "Build sidelight-edge"
    })?;
    Ok(())
}

fn module(ws: &Workspace, module: &Module) -> Result<()> {
    let mut inputs: Vec<String> = RUST_INPUTS.iter().map(|&input| input.to_owned()).collect();
    for krate in module.parts {
        inputs.push(format!("{krate}/src"));
        inputs.push(format!("{krate}/Cargo.toml"));
    }
    inputs.push("pkg/package-lock.json".into());
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let toolchain = targets::require(ws, targets::WASM)?;
    // The flags name folders of this machine; what comes out does not.
    let salt = format!(
        "{toolchain:?} remapped {}",
        binaries::locked_version(ws, "wasm-bindgen")?
    );
    part(ws, module.out, &inputs, &salt, &[module.out], || {
        let mut run = Run::new(ws, "wasm-pack");
        if let Some(name) = toolchain.name() {
            run = run.env("RUSTUP_TOOLCHAIN", name);
        }
        run.env("CARGO_ENCODED_RUSTFLAGS", wasm_flags(ws)?)
            .env("CARGO_TERM_PROGRESS_WHEN", "always")
            .env("CARGO_TERM_PROGRESS_WIDTH", "120")
            .args(["build", module.krate, "--target", "web", "--out-dir"])
            .arg(ws.path(module.out))
            .args([
                "--no-pack",
                "--mode",
                "no-install",
                "--no-opt",
                "--profile",
                module.profile,
            ])
            .step(&format!("Build the {} for wasm32", module.name))?;
        optimise(ws, &module.file(ws)?, module.level)
    })
}

/// Flags of what a browser downloads: those of `.cargo/config.toml`, which these replace, and shorter names of source files. Every place that may panic names its file, by the full
/// path on the machine that compiled it: kilobytes, and another module on every machine.
pub(crate) fn wasm_flags(ws: &Workspace) -> Result<OsString> {
    // Leptos without the second: every view is a type of its own, and the explorer has 1.7 MB of code instead of 1.5.
    let mut flags =
        OsString::from("--cfg\x1fgetrandom_backend=\"wasm_js\"\x1f--cfg\x1ferase_components");
    let mut remap = |folder: &Path| {
        flags.push("\x1f--remap-path-prefix\x1f");
        flags.push(folder);
        flags.push("/=");
    };
    remap(&ws.root);
    let registries = workspace::cargo_home()?.join("registry/src");
    // There is none where the sources are vendored.
    for registry in fs::read_dir(registries).into_iter().flatten().flatten() {
        remap(&registry.path());
    }
    Ok(flags)
}

/// `wasm-opt` on a module, in place.
pub(crate) fn optimise(ws: &Workspace, file: &Path, level: &str) -> Result<()> {
    Run::new(ws, "wasm-opt")
        // Functions of one name are alike: side by side they compress better.
        .args([level, "--converge", "--reorder-functions-by-name"])
        // The lowest kilobyte is the end of the stack: no address is computed to lie there.
        .arg("--low-memory-unused")
        .args(["--strip-debug", "--strip-producers"])
        .args(WASM_FEATURES)
        .arg(file)
        .arg("-o")
        .arg(file)
        .step(&format!(
            "Optimise {} with wasm-opt",
            file.file_name().unwrap_or_default().display()
        ))?;
    Ok(())
}

/// Builds a part unless its outputs are there for these inputs; takes them from the cache folder where they were built before.
fn part(
    ws: &Workspace,
    name: &str,
    inputs: &[&str],
    salt: &str,
    outputs: &[&str],
    build: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let mut fingerprint = Fingerprint::default();
    fingerprint.text(salt);
    for input in inputs {
        fingerprint.tree(&ws.root, input);
    }
    let fingerprint = fingerprint.finish();
    let name = name.replace('/', "-");
    let shelf = ws.cache.join("parts").join(&name);
    let kept = shelf.join(&fingerprint);
    let mut checkout = Fingerprint::default();
    checkout.text(&ws.root.to_string_lossy());
    let stamp = ws.cache.join("stamps").join(checkout.finish()).join(&name);
    // What is there must be what was built: another clone at this place, or an interruption, may have left less of it.
    let current = || {
        let mut there = Fingerprint::default();
        for output in outputs {
            there.tree(&ws.root, output);
        }
        format!("{fingerprint} {}", there.finish())
    };
    if fs::read_to_string(&stamp).is_ok_and(|text| text == current()) {
        return Ok(());
    }
    // A stamp that describes neither the old outputs nor the new ones must not survive an interruption.
    fs::remove_file(&stamp).ok();
    if kept.is_dir() {
        let step = Step::start(format!("Take {name} as it was built before"));
        for output in outputs {
            fs::remove_dir_all(ws.path(output)).ok();
            copy_tree(&kept.join(output), &ws.path(output))?;
        }
        step.done("");
    } else {
        build()?;
        let staging = shelf.join(format!("{fingerprint}.{}", std::process::id()));
        for output in outputs {
            copy_tree(&ws.path(output), &staging.join(output))?;
        }
        // Another run may have put the same build there meanwhile.
        if fs::rename(&staging, &kept).is_err() {
            fs::remove_dir_all(&staging).ok();
        }
        prune(&shelf);
    }
    if let Some(folder) = stamp.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&stamp, current())?;
    Ok(())
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let entries =
        fs::read_dir(from).map_err(|error| format!("{} was not built: {error}", from.display()))?;
    for entry in entries.flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Drops the oldest builds of a part.
fn prune(shelf: &Path) {
    let Ok(entries) = fs::read_dir(shelf) else {
        return;
    };
    let age = |path: &PathBuf| fs::metadata(path).and_then(|data| data.modified()).ok();
    let mut builds: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    builds.sort_by_key(|path| std::cmp::Reverse(age(path)));
    for old in builds.into_iter().skip(KEPT) {
        fs::remove_dir_all(old).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_taken_from_the_shelf_when_another_clone_stands_at_its_place() {
        let base = std::env::temp_dir().join(format!("sidelight-part-{}", std::process::id()));
        let ws = Workspace {
            root: base.join("checkout"),
            cache: base.join("cache"),
            target: base.join("target"),
        };
        let source = ws.path("src");
        let output = ws.path("dist");
        let mut builds = 0;
        let mut make = || {
            part(&ws, "example", &["src"], "", &["dist"], || {
                builds += 1;
                fs::create_dir_all(&output)?;
                fs::copy(source.join("a"), output.join("a"))?;
                Ok(())
            })
            .unwrap();
        };
        fs::create_dir_all(&source).unwrap();
        fs::write(source.join("a"), "1").unwrap();
        make();
        make();
        // A fresh clone, in which some tool has made the folder already.
        fs::remove_file(output.join("a")).unwrap();
        make();
        assert_eq!(fs::read_to_string(output.join("a")).unwrap(), "1");
        fs::write(source.join("a"), "2").unwrap();
        make();
        assert_eq!(fs::read_to_string(output.join("a")).unwrap(), "2");
        assert_eq!(builds, 2);
        fs::remove_dir_all(&base).unwrap();
    }
}
