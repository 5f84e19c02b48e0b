//! `cargo xtask engine`: the pinned inference engine. Its bytes are its identity, so the artefact of a version is kept in the repository and checked, not rebuilt.
//!
//! ```text
//!   edge-runtime/engine/src --rustc, wasm-opt--> artefact/sidelight-engine.wasm     `engine build`: a new version
//!                                                artefact/sidelight-engine.json     hash, sizes, what it was made with
//! ```

use std::fs;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::Result;
use crate::build::WASM_FEATURES;
use crate::process::Run;
use crate::size::{Size, kb};
use crate::tools::{self, Purpose, browser, targets};
use crate::workspace::{Workspace, cargo_home};

const FOLDER: &str = "edge-runtime/engine";
const WASM: &str = "edge-runtime/engine/artefact/sidelight-engine.wasm";
const RECORD: &str = "edge-runtime/engine/artefact/sidelight-engine.json";
/// Where the program that runs it says which hash it expects.
const PIN: &str = "edge-runtime/src/engine/mod.rs";
/// What a browser downloads at most.
const GATE: u64 = 700_000;

pub(crate) fn command(ws: &Workspace, words: &[&str]) -> Result<ExitCode> {
    match words {
        [] => {}
        ["build"] => build(ws)?,
        ["exactness"] => return exactness(ws),
        other => {
            return Err(format!(
                "expected nothing, build or exactness; got {}",
                other.join(" ")
            )
            .into());
        }
    }
    check(ws)?;
    let record = read_record(ws)?;
    println!("{} {}", text(&record, "version"), text(&record, "sha256"));
    println!(
        "{:.1} kB, {:.1} kB with gzip",
        kb(number(&record, "bytes")),
        kb(number(&record, "gzip"))
    );
    Ok(ExitCode::SUCCESS)
}

/// V8, in Node and in Chromium, against wasmtime over all models, as often as it takes for 100,000 inferences; `ci` does one round.
fn exactness(ws: &Workspace) -> Result<ExitCode> {
    let args = ["test", "-p", "sidelight-edge", "--test", "exactness"];
    tools::ensure(ws, Purpose::Test)?;
    let outcome = Run::cargo(ws, None)
        .env("SIDELIGHT_EXACTNESS_ROUNDS", "7")
        .env("SIDELIGHT_CHROMIUM", browser::ensure_chromium(ws)?)
        .args(args)
        .args(["--", "--nocapture"])
        .step("Run 110,390 inferences in Node, in Chromium and in wasmtime")?;
    for line in outcome
        .output
        .lines()
        .filter(|line| line.contains("differences"))
    {
        println!("{line}");
    }
    Ok(ExitCode::SUCCESS)
}

/// The artefact is the one that was recorded and that the programs expect, imports nothing, and is not too large.
pub(crate) fn check(ws: &Workspace) -> Result<()> {
    let (record, found) = (read_record(ws)?, look(ws)?);
    for field in ["sha256", "bytes", "gzip", "exports"] {
        if record[field] != found[field] {
            return Err(format!(
                "{WASM}: {field}: expected {}, got {}",
                record[field], found[field]
            )
            .into());
        }
    }
    if found["imports"]
        .as_array()
        .is_none_or(|imports| !imports.is_empty())
    {
        return Err(format!("{WASM}: expected no imports, got {}", found["imports"]).into());
    }
    if number(&found, "gzip") > GATE {
        return Err(format!(
            "{WASM}: expected at most {GATE} bytes with gzip, got {}",
            found["gzip"]
        )
        .into());
    }
    let pinned = fs::read_to_string(ws.path(PIN))?;
    if !pinned.contains(text(&found, "sha256")) || !pinned.contains(text(&record, "version")) {
        return Err(format!("{PIN}: expected the version and the hash of {RECORD}").into());
    }
    Ok(())
}

/// Its line in the table of sizes.
pub(crate) fn size(ws: &Workspace) -> Result<Size> {
    let found = look(ws)?;
    Ok(Size {
        name: "engine",
        raw: number(&found, "bytes"),
        gzip: number(&found, "gzip"),
        gate: GATE,
        goal: GATE,
    })
}

/// Compiles a new artefact. Paths of this machine are kept out of it; another compiler makes other bytes, which is another engine.
fn build(ws: &Workspace) -> Result<()> {
    tools::ensure(ws, Purpose::Run)?;
    let toolchain = targets::require(ws, targets::WASM)?;
    let registry = cargo_home()?.join("registry/src");
    let mut flags = vec![
        "-Ctarget-feature=+simd128".to_owned(),
        // What is inlined beyond this is a sixth of the module and no faster.
        "-Cllvm-args=-inline-threshold=50".to_owned(),
        "-Clink-arg=--max-memory=1073741824".to_owned(),
        "-Clink-arg=-zstack-size=1048576".to_owned(),
        format!("--remap-path-prefix={}=/sidelight", ws.root.display()),
    ];
    for source in fs::read_dir(&registry)?.flatten() {
        flags.push(format!(
            "--remap-path-prefix={}=/registry",
            source.path().display()
        ));
    }
    let target = ws.target.join("engine");
    let mut run = Run::cargo(ws, toolchain.name())
        .dir(ws.path(FOLDER))
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    run = run.args([
        "build",
        "--release",
        "--locked",
        "--target",
        targets::WASM.triple,
    ]);
    run.step("Build the engine for wasm32")?;
    let made = target
        .join(targets::WASM.triple)
        .join("release/sidelight_engine.wasm");
    fs::create_dir_all(ws.path(FOLDER).join("artefact"))?;
    Run::new(ws, "wasm-opt")
        .args(["-Oz", "--strip-debug", "--strip-producers", "--enable-simd"])
        .args(WASM_FEATURES)
        .arg(&made)
        .arg("-o")
        .arg(ws.path(WASM))
        .step("Optimise the engine with wasm-opt")?;
    let manifest = fs::read_to_string(ws.path(FOLDER).join("Cargo.toml"))?;
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("version = "));
    let version = version
        .ok_or("the engine's Cargo.toml has no version")?
        .trim_matches('"');
    let mut record = look(ws)?;
    record["version"] = json!(format!("sidelight-engine/{version}"));
    record["toolchain"] = json!(version_of(
        Run::cargo(ws, toolchain.name()).args(["version"])
    )?);
    record["wasmOpt"] = json!(version_of(Run::new(ws, "wasm-opt").arg("--version"))?);
    fs::write(ws.path(RECORD), format!("{record:#}\n"))?;
    eprintln!(
        "a new artefact is a new engine: raise its version, and pin {} in {PIN}",
        record["sha256"]
    );
    Ok(())
}

fn look(ws: &Workspace) -> Result<Value> {
    let text = Run::new(ws, "node")
        .arg("edge-runtime/checks/artefact.mjs")
        .arg(ws.path(WASM))
        .probe();
    Ok(serde_json::from_str(
        &text.ok_or_else(|| format!("{WASM} is not a wasm module"))?,
    )?)
}

fn read_record(ws: &Workspace) -> Result<Value> {
    let text = fs::read_to_string(ws.path(RECORD)).map_err(|error| format!("{RECORD}: {error}"))?;
    Ok(serde_json::from_str(&text)?)
}

fn version_of(run: Run<'_>) -> Result<String> {
    run.probe()
        .ok_or_else(|| "a tool does not say its version".into())
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn number(value: &Value, field: &str) -> u64 {
    value[field].as_u64().unwrap_or_default()
}
