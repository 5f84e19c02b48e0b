//! `cargo xtask bench`: measured in one run, written to `docs/benchmarks.md` and `docs/benchmarks.json`.
//!
//! ```text
//!   native   light-client/bench, release           milliseconds per case
//!   wasm     the same crate in Node                milliseconds per case
//!   executed light-client/bench-executed           blocks executed from a witness, with their parts, both natively and in wasm; witness bytes
//!   size     pkg/wasm, pkg/evm                     raw and gzip, against the gates
//!   rivals   Helios and Colibri from npm           size, compilation, instantiation, beside ours
//!   stream   sidelight follow                      bytes per block in each mode
//!   history  the package in Node                   bytes and time of reads 10,000 blocks back
//!   inference sidelight-edge bench, and Node     load, first and steady inference of every model: pinned engine, ONNX Runtime, onnxruntime-web; levels 0 and 1
//!   browser  the explorer in Chromium              start to verified head
//! ```

mod machine;
mod page;

use std::fs;
use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::Result;
use crate::build::{self, EVM, VERIFIER};
use crate::process::Run;
use crate::size;
use crate::test::with_programs;
use crate::tools::{self, Purpose, binaries, npm};
use crate::workspace::Workspace;

/// Cases of `light-client/bench`, in the order of their numbers there.
const CASES: [&str; 8] = [
    "header and signature",
    "account and one slot",
    "access list of 1,000 keys, cold: witness, apply, root",
    "access list of 1,000 keys, warm: apply, root",
    "access list of 3,000 keys, cold: witness, apply, root",
    "access list of 3,000 keys, warm: apply, root",
    "access list of 10,000 keys, cold: witness, apply, root",
    "access list of 10,000 keys, warm: apply, root",
];

/// A part, and what measures it.
type Part = (&'static str, fn(&Workspace) -> Result<Value>);

const PAGE: &str = "docs/benchmarks.md";
const JSON: &str = "docs/benchmarks.json";
const PARTS: &[Part] = &[
    ("native", native),
    ("wasm", wasm),
    ("executed", executed),
    ("size", sizes),
    ("rivals", rivals),
    ("stream", stream),
    ("history", history),
    ("inference", inference),
    ("browser", browser),
];

pub(crate) fn command(ws: &Workspace, words: &[&str]) -> Result<ExitCode> {
    if words == ["page"] {
        let results = serde_json::from_str(&fs::read_to_string(ws.path(JSON))?)?;
        fs::write(ws.path(PAGE), page::render(&results))?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_kept = words.contains(&"--keep");
    let words: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| *word != "--keep")
        .collect();
    let known = |word: &&&str| PARTS.iter().any(|(name, _)| name == *word);
    if let Some(other) = words.iter().find(|word| !known(word)) {
        let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
        return Err(format!("expected one of {}; got {other:?}", names.join(", ")).into());
    }
    tools::ensure(ws, Purpose::Bench)?;
    let machine = machine::describe(ws);
    let mut results = match is_kept {
        true => serde_json::from_str(&fs::read_to_string(ws.path(JSON))?)?,
        false => Map::from_iter([("machine".to_owned(), machine.clone())]),
    };
    let mut missing = Vec::new();
    for (name, measure) in PARTS {
        if !words.is_empty() && !words.contains(name) {
            continue;
        }
        // An hour of measuring is not thrown away for one part; the page says what it lacks.
        match measure(ws) {
            Ok(value) => {
                results.insert((*name).into(), value);
                if is_kept {
                    results["machine"]["later"][*name] = machine["commit"].clone();
                }
            }
            Err(error) => {
                eprintln!("{name}: {error}");
                missing.push(*name);
            }
        }
    }
    results.insert("notMeasured".into(), json!(missing));
    let results = Value::Object(results);
    let text = page::render(&results);
    println!("\n{text}");
    if words.is_empty() || is_kept {
        fs::write(ws.path(PAGE), &text)?;
        fs::write(ws.path(JSON), format!("{results:#}\n"))?;
        eprintln!("written to {PAGE} and {JSON}");
    }
    Ok(if missing.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn native(ws: &Workspace) -> Result<Value> {
    let args = [
        "build",
        "--release",
        "-p",
        "sidelight-bench",
        "--bin",
        "sidelight-bench",
    ];
    Run::cargo(ws, None)
        .args(args)
        .step("Build the cases natively")?;
    let outcome = Run::new(ws, ws.binary("sidelight-bench", true)).step("Measure natively")?;
    parse(&outcome.output)
}

/// With the profile and the optimiser of what a browser downloads.
fn wasm(ws: &Workspace) -> Result<Value> {
    binaries::wasm_cargo(ws)?
        .env("CARGO_ENCODED_RUSTFLAGS", build::wasm_flags(ws)?)
        .args([
            "build",
            "--profile",
            "wasm-release",
            "-p",
            "sidelight-bench",
            "--lib",
        ])
        .args(["--target", "wasm32-unknown-unknown"])
        .step("Build the cases for wasm32")?;
    let built = ws
        .target
        .join("wasm32-unknown-unknown/wasm-release/sidelight_bench.wasm");
    let module = built.with_extension("measured.wasm");
    fs::copy(built, &module)?;
    build::optimise(ws, &module, VERIFIER.level)?;
    let outcome = Run::new(ws, "node")
        .arg(ws.path("e2e/bench/wasm.mjs"))
        .arg(module)
        .args(CASES)
        .step("Measure in wasm")?;
    parse(&outcome.output)
}

/// Blocks from a node in the same process, executed natively and then, the very same ones, in wasm.
fn executed(ws: &Workspace) -> Result<Value> {
    npm::ensure(ws, "e2e")?;
    Run::cargo(ws, None)
        .args(["build", "--release", "-p", "sidelight-bench-executed"])
        .args(["--bin", "sidelight-bench-executed"])
        .step("Build the blocks' maker natively")?;
    let blocks = ws.target.join("bench-blocks");
    let outcome = Run::new(ws, ws.binary("sidelight-bench-executed", true))
        .arg(&blocks)
        .arg(ws.path("e2e/node_modules"))
        .step("Make blocks, and execute them natively")?;
    let mut results = parse(&outcome.output)?;

    binaries::wasm_cargo(ws)?
        .env("CARGO_ENCODED_RUSTFLAGS", build::wasm_flags(ws)?)
        .args(["build", "--profile", EVM.profile, "--lib"])
        .args(["-p", "sidelight-bench-executed"])
        .args(["--target", "wasm32-unknown-unknown"])
        .step("Build the parts of executing for wasm32")?;
    let built = ws
        .target
        .join("wasm32-unknown-unknown")
        .join(EVM.profile)
        .join("sidelight_bench_executed.wasm");
    let module = built.with_extension("measured.wasm");
    fs::copy(built, &module)?;
    build::optimise(ws, &module, EVM.level)?;
    let named = results.as_object().into_iter().flatten();
    let named = named
        .map(|(name, result)| format!("{name}={}", result["file"].as_str().unwrap_or_default()));
    let outcome = Run::new(ws, "node")
        .arg(ws.path("e2e/bench/executed.mjs"))
        .arg(module)
        .args(named)
        .step("Execute the same blocks in wasm")?;
    let wasm = parse(&outcome.output)?;
    for (name, result) in results.as_object_mut().into_iter().flatten() {
        let Some(result) = result.as_object_mut() else {
            continue;
        };
        // A path of this machine.
        result.remove("file");
        if let Some(parts) = result.remove("parts") {
            result.insert("native".into(), parts);
        }
        result.insert("wasm".into(), wasm[name].clone());
        let mgas = result["gas"].as_f64().unwrap_or_default() / 1e6;
        for place in ["native", "wasm"] {
            let seconds = result[place]["total"].as_f64().unwrap_or(f64::NAN) / 1e3;
            result[place]["mgasPerSecond"] = json!(mgas / seconds);
        }
    }
    Ok(results)
}

fn sizes(ws: &Workspace) -> Result<Value> {
    let line = |size: size::Size| json!({ "name": size.name, "raw": size.raw, "gzip": size.gzip, "gate": size.gate });
    Ok(size::measure(ws)?.into_iter().map(line).collect())
}

/// Every model natively and in V8, on the pinned engine and beside it.
fn inference(ws: &Workspace) -> Result<Value> {
    let models = ws.path("edge-runtime/models");
    build::edge(ws, true)?;
    let outcome = Run::new(ws, ws.binary("sidelight-edge", true))
        .arg("--models")
        .arg(&models)
        .args(["bench", "--json"])
        .step("Run every model natively")?;
    let mut rows = parse_list(&outcome.output)?;
    let outcome = Run::new(ws, "node")
        .arg(ws.path("e2e/bench/inference.mjs"))
        .arg(ws.path("edge-runtime/engine/artefact/sidelight-engine.wasm"))
        .arg(&models)
        .step("Run every model in V8")?;
    rows.extend(parse_list(&outcome.output)?);
    rows.sort_by_key(|row| row["model"].as_str().unwrap_or_default().to_owned());
    build::pkg(ws)?;
    let outcome = Run::new(ws, "node")
        .arg(ws.path("e2e/bench/decisions.mjs"))
        .arg(ws.path("edge-runtime/engine/artefact/sidelight-engine.wasm"))
        .arg(&models)
        .step("Judge 1,000 decisions in V8")?;
    Ok(json!({ "models": rows, "decisions": parse(&outcome.output)? }))
}

fn rivals(ws: &Workspace) -> Result<Value> {
    build::wasm(ws)?;
    let packages = ws.path("e2e/bench/node_modules");
    let modules = [
        ("Sidelight verifier", VERIFIER.file(ws)?),
        ("Sidelight EVM", EVM.file(ws)?),
        (
            "Helios 0.11.1",
            packages.join("@a16z/helios/pkg/index_bg.wasm"),
        ),
        (
            "Colibri 1.1.19",
            packages.join("@corpus-core/colibri-stateless/c4w.wasm"),
        ),
    ];
    let arguments = modules
        .iter()
        .map(|(name, file)| format!("{name}={}", file.display()));
    let outcome = Run::new(ws, "node")
        .arg(ws.path("e2e/bench/modules.mjs"))
        .args(arguments)
        .step("Compile and instantiate, ours and others'")?;
    parse(&outcome.output)
}

fn stream(ws: &Workspace) -> Result<Value> {
    script(
        ws,
        "e2e/bench/stream.mjs",
        "Measure the bytes of a block in each mode (about 90 s)",
    )
}

fn history(ws: &Workspace) -> Result<Value> {
    script(
        ws,
        "e2e/bench/history.mjs",
        "Measure reads 10,000 blocks back (about 60 s)",
    )
}

fn browser(ws: &Workspace) -> Result<Value> {
    build::web(ws)?;
    script(
        ws,
        "e2e/bench/browser.mjs",
        "Measure the start in Chromium (about 90 s)",
    )
}

/// A script that starts the release build of the node.
fn script(ws: &Workspace, file: &str, title: &str) -> Result<Value> {
    build::web(ws)?;
    build::node(ws, true)?;
    let outcome = with_programs(ws, Run::new(ws, "node"), true)?
        .arg(ws.path(file))
        .step(title)?;
    parse(&outcome.output)
}

/// As [`parse`], for a program that prints a list.
fn parse_list(output: &str) -> Result<Vec<Value>> {
    let start = output.find('[').ok_or("the program printed no list")?;
    let end = output.rfind(']').ok_or("the program printed no list")?;
    let text = output.get(start..=end).unwrap_or_default();
    Ok(serde_json::from_str(text)?)
}

/// The JSON object that a measuring program prints.
fn parse(output: &str) -> Result<Value> {
    let start = output.find('{').ok_or("the program printed no JSON")?;
    let end = output.rfind('}').ok_or("the program printed no JSON")?;
    let text = output.get(start..=end).unwrap_or_default();
    Ok(serde_json::from_str(text)?)
}
