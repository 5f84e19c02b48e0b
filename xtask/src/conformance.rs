//! `cargo xtask conformance`: suites that others wrote, natively, in Node and in Chromium.

mod onnx;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

use crate::Result;
use crate::process::Run;
use crate::test::with_programs;
use crate::tools::{self, Purpose, binaries};
use crate::workspace::Workspace;

/// The program that has several suites and also runs in wasm.
const SHARED: &str = "sidelight-conformance";

/// A suite, its folder among the vectors, the program that runs it natively, and whether `all` runs it in wasm too.
struct Suite {
    name: &'static str,
    folder: &'static str,
    program: &'static str,
    in_wasm: bool,
}

const SUITES: [Suite; 6] = [
    Suite::new("trie", "ethereum-tests/TrieTests"),
    Suite::new("rlp", "ethereum-tests/RLPTests"),
    Suite::new("transactions", "ethereum-tests/TransactionTests"),
    Suite {
        in_wasm: true,
        ..Suite::new("blockchain", "ethereum-tests/BlockchainTests")
    },
    // It needs the node, which nothing that reaches wasm may use.
    Suite {
        program: "node-lite-conformance",
        ..Suite::new("rpc", "execution-apis/tests")
    },
    Suite::new("mutations", "ethereum-tests/BlockchainTests"),
];

impl Suite {
    const fn new(name: &'static str, folder: &'static str) -> Self {
        Self {
            name,
            folder,
            program: SHARED,
            in_wasm: false,
        }
    }

    fn from_name(name: &str) -> Result<&'static Self> {
        let found = SUITES.iter().find(|suite| suite.name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
            format!("expected one of {}; got {name:?}", names.join(", ")).into()
        })
    }
}

/// Where a suite runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Native,
    Node,
    Chromium,
}

impl Place {
    fn from_name(name: &str) -> Result<Self> {
        match name {
            "native" => Ok(Self::Native),
            "node" => Ok(Self::Node),
            "chromium" => Ok(Self::Chromium),
            other => Err(format!("--in: expected native, node or chromium; got {other:?}").into()),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Node => "wasm in Node",
            Self::Chromium => "wasm in Chromium",
        }
    }
}

/// What was asked for.
struct Options<'a> {
    suite: &'static Suite,
    path: PathBuf,
    filter: &'a str,
    json: Option<PathBuf>,
    every: &'a str,
    place: Place,
}

pub(crate) fn command(ws: &Workspace, words: &[&str]) -> Result<ExitCode> {
    if words.first() == Some(&"all") {
        return all(ws, words.get(1..).unwrap_or_default());
    }
    if words.first() == Some(&"onnx") {
        return onnx::command(ws, words.get(1..).unwrap_or_default());
    }
    let options = parse(words)?;
    tools::ensure(ws, Purpose::Test)?;
    let report = run(ws, &options)?;
    print(&report);
    if let Some(path) = &options.json {
        fs::write(path, format!("{report:#}\n"))?;
    }
    Ok(exit_code(failed(&report)))
}

fn parse<'a>(words: &[&'a str]) -> Result<Options<'a>> {
    let [suite, path, rest @ ..] = words else {
        return Err("expected SUITE PATH, or all; see cargo xtask conformance --help".into());
    };
    let mut options = Options {
        suite: Suite::from_name(suite)?,
        path: Path::new(path).to_owned(),
        filter: "",
        json: None,
        every: "1",
        place: Place::Native,
    };
    if !options.path.exists() {
        return Err(format!("{path}: there is no such file or folder").into());
    }
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        let value = words.next().copied();
        let value = value.ok_or_else(|| format!("{word}: expected a value"))?;
        match *word {
            "--filter" => options.filter = value,
            "--json" => options.json = Some(value.into()),
            "--every" => options.every = value,
            "--in" => options.place = Place::from_name(value)?,
            other => {
                let known = "--filter, --json, --every or --in";
                return Err(format!("expected {known}; got {other:?}").into());
            }
        }
    }
    if !options.every.parse::<usize>().is_ok_and(|every| every > 0) {
        return Err(format!(
            "--every: expected a number above 0; got {:?}",
            options.every
        )
        .into());
    }
    if options.place != Place::Native && options.suite.program != SHARED {
        return Err(format!(
            "--in: {} needs the node and runs natively only",
            options.suite.name
        )
        .into());
    }
    Ok(options)
}

/// Runs a suite and returns its report.
fn run(ws: &Workspace, options: &Options<'_>) -> Result<Value> {
    let path = fs::canonicalize(&options.path)?;
    let &Suite { name, program, .. } = options.suite;
    let title = format!("Run {name} ({})", options.place.name());
    let output = match options.place {
        Place::Native => {
            Run::cargo(ws, None)
                .args(["build", "-p", program, "--bin", program])
                .step("Build the suites")?;
            let file = ws.cache.join("logs/conformance.json");
            fs::remove_file(&file).ok();
            let run = Run::new(ws, ws.binary(program, false));
            let run = if program == SHARED {
                run.arg(name)
            } else {
                run
            };
            run.arg(path)
                .args(["--filter", options.filter, "--every", options.every])
                .arg("--json")
                .arg(&file)
                .try_step(&title)?;
            fs::read_to_string(file).map_err(|error| format!("no report was written: {error}"))?
        }
        Place::Node | Place::Chromium => {
            let module = build_module(ws)?;
            tools::npm::ensure(ws, "e2e")?;
            let script = if options.place == Place::Node {
                "node"
            } else {
                "browser"
            };
            let arguments = [name, &path.to_string_lossy(), options.filter, options.every];
            let outcome = with_programs(ws, Run::new(ws, "node"), false)?
                .dir(ws.path("e2e"))
                .arg(ws.path(&format!("e2e/conformance/{script}.mjs")))
                .arg(module)
                .args(arguments)
                .step(&title)?;
            outcome.output
        }
    };
    let start = output.find('{').ok_or("the suite printed no report")?;
    let end = output.rfind('}').ok_or("the suite printed no report")?;
    Ok(serde_json::from_str(
        output.get(start..=end).unwrap_or_default(),
    )?)
}

/// The suites compiled to wasm32, with bindings; returns the folder.
fn build_module(ws: &Workspace) -> Result<PathBuf> {
    binaries::wasm_cargo(ws)?
        .args(["build", "-p", "sidelight-conformance", "--lib"])
        .args(["--target", "wasm32-unknown-unknown"])
        .step("Build the suites for wasm32")?;
    let folder = ws.target.join("conformance");
    let built = "wasm32-unknown-unknown/debug/sidelight_conformance.wasm";
    Run::new(ws, "wasm-bindgen")
        .args(["--target", "web", "--out-dir"])
        .arg(&folder)
        .arg(ws.target.join(built))
        .step("Bind the suites")?;
    Ok(folder)
}

/// A part of the blockchain suite in wasm, for CI: none where the vectors are not there.
pub(crate) fn sample(ws: &Workspace, every: &'static str) -> Result<Option<Value>> {
    let suite = Suite::from_name("blockchain")?;
    let path = vectors(ws).join(suite.folder);
    if !path.is_dir() {
        return Ok(None);
    }
    let options = Options {
        suite,
        path,
        filter: "",
        json: None,
        every,
        place: Place::Node,
    };
    run(ws, &options).map(Some)
}

fn vectors(ws: &Workspace) -> PathBuf {
    match std::env::var_os("SIDELIGHT_VECTORS") {
        Some(folder) => PathBuf::from(folder),
        None => ws.path("../shared/vectors"),
    }
}

/// Everything, everywhere, and `docs/conformance.md`.
fn all(ws: &Workspace, words: &[&str]) -> Result<ExitCode> {
    if let Some(other) = words.first() {
        return Err(format!("all takes no arguments; got {other:?}").into());
    }
    tools::ensure(ws, Purpose::Test)?;
    let root = vectors(ws);
    for suite in &SUITES {
        let folder = root.join(suite.folder);
        if !folder.is_dir() {
            let (name, folder) = (suite.name, folder.display());
            return Err(format!("{name}: expected its cases at {folder}; SIDELIGHT_VECTORS names the folder that holds ethereum-tests and execution-apis").into());
        }
    }
    let mut rows = Vec::new();
    for suite in &SUITES {
        for place in [Place::Native, Place::Node, Place::Chromium] {
            if place != Place::Native && !suite.in_wasm {
                continue;
            }
            let options = Options {
                suite,
                path: root.join(suite.folder),
                filter: "",
                json: None,
                every: "1",
                place,
            };
            let report = run(ws, &options)?;
            print(&report);
            rows.push((suite.name, place, report));
        }
    }
    fs::write(ws.path("docs/conformance.md"), render(&rows))?;
    eprintln!("written to docs/conformance.md");
    Ok(exit_code(
        rows.iter().map(|(.., report)| failed(report)).sum(),
    ))
}

fn render(rows: &[(&str, Place, Value)]) -> String {
    let mut text = String::from(
        "# Conformance\n\nMade by `cargo xtask conformance all`. The suites are those of [ethereum/tests](https://github.com/ethereum/tests), and `rpc` is that of \
         [ethereum/execution-apis](https://github.com/ethereum/execution-apis); what a case checks is in the first lines of `light-client/conformance/src/suites/` and of \
         `node-lite/conformance/src/lib.rs`. Every valid block of `blockchain` is executed over the whole state, and then checked at `consistent` and at `executed` from its access \
         list and witness alone. A case of `mutations` is a case of `blockchain`, whose valid blocks are changed in one thing at a time: each mutant has to be \
         refused for the right reason, and what changes nothing has to be taken. `rpc` imports the chain into node-lite and plays the requests against its server.\n\n| suite | where | passed | failed | skipped |\n|---|---|---:|---:|---:|\n",
    );
    for (suite, place, report) in rows {
        let number = |key: &str| report[key].as_u64().unwrap_or_default();
        text.push_str(&format!(
            "| `{suite}` | {} | {} | {} | {} |\n",
            place.name(),
            number("passed"),
            number("failed"),
            number("skipped"),
        ));
    }
    let bad = rows.iter().flat_map(|(suite, place, report)| {
        let cases = report["cases"].as_array().into_iter().flatten();
        cases
            .filter(|case| case["status"] != "passed")
            .map(move |case| (suite, place, case))
    });
    let bad: Vec<String> = bad
        .map(|(suite, place, case)| {
            let text = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
            let (name, status, reason) = (text("name"), text("status"), text("reason"));
            format!("* {suite}, {}: {name} {status}: {reason}\n", place.name())
        })
        .collect();
    if bad.is_empty() {
        text.push_str("\nNothing failed and nothing was skipped.\n");
    } else {
        text.push_str("\nNot passed:\n\n");
        text.push_str(&bad.concat());
    }
    for (suite, _, report) in rows {
        let Some(tally) = report["tally"]
            .as_object()
            .filter(|tally| !tally.is_empty())
        else {
            continue;
        };
        let count = |value: &Value| value.as_u64().unwrap_or_default();
        let total: u64 = tally.values().map(count).sum();
        text.push_str(&format!(
            "\n## {suite}\n\nWhat was tried, {total} in all:\n\n| kind | tried |\n|---|---:|\n"
        ));
        for (kind, tried) in tally {
            text.push_str(&format!("| {kind} | {} |\n", count(tried)));
        }
    }
    text
}

fn print(report: &Value) {
    for case in report["cases"].as_array().into_iter().flatten() {
        let text = |key: &str| case[key].as_str().unwrap_or_default();
        if text("status") != "passed" {
            println!("{:<8} {}: {}", text("status"), text("name"), text("reason"));
        }
    }
    for (class, count) in report["tally"].as_object().into_iter().flatten() {
        println!("{count:>9}  {class}");
    }
    println!(
        "{}: {} passed, {} failed, {} skipped",
        report["suite"].as_str().unwrap_or_default(),
        report["passed"],
        report["failed"],
        report["skipped"]
    );
}

fn failed(report: &Value) -> u64 {
    report["failed"].as_u64().unwrap_or(1)
}

fn exit_code(failed: u64) -> ExitCode {
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
