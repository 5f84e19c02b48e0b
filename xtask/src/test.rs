//! `cargo xtask test`: the suites, and the sum of their counts.

use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use crate::Result;
use crate::build;
use crate::conformance;
use crate::counts::{Counts, Suite, report};
use crate::process::{Run, tail};
use crate::tools::{self, Purpose, binaries, browser};
use crate::workspace::Workspace;

const SUITES: &[&str] = &["native", "wasm", "npm", "browser"];

pub(crate) fn command(ws: &Workspace, words: &[&str]) -> Result<ExitCode> {
    if let Some(other) = words.iter().find(|word| !SUITES.contains(word)) {
        return Err(format!("expected one of {}; got {other:?}", SUITES.join(", ")).into());
    }
    tools::ensure(ws, Purpose::Test)?;
    let counts = report(&run(ws, words));
    Ok(if counts.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs the named suites, or all. A suite that cannot run is a failed one, and the others still run.
pub(crate) fn run(ws: &Workspace, names: &[&str]) -> Vec<Suite> {
    let wanted = |name: &str| names.is_empty() || names.contains(&name);
    let mut suites = Vec::new();
    for name in SUITES.iter().filter(|name| wanted(name)) {
        let result = match *name {
            "native" => native(ws),
            "wasm" => wasm(ws),
            "npm" => programs(ws, &suites).and_then(|()| npm(ws)),
            _ => programs(ws, &suites).and_then(|()| browser(ws)),
        };
        match result {
            Ok(more) => suites.extend(more),
            Err(error) => suites.push(Suite::broken(name, &error)),
        }
    }
    suites
}

/// The explorer, and the programs that the tests start. Native tests that ran have built node-lite and the command line with the features of the whole workspace; building them alone would compile
/// half of their dependencies a second time.
fn programs(ws: &Workspace, before: &[Suite]) -> Result<()> {
    build::web(ws)?;
    let is_there = |name| ws.binary(name, false).is_file();
    let were_built = before
        .iter()
        .any(|suite| suite.name == "native" && suite.counts.passed > 0);
    if were_built
        && ["node-lite", "sidelight", "sidelight-edge"]
            .into_iter()
            .all(is_there)
    {
        return Ok(());
    }
    build::node(ws, false)?;
    build::edge(ws, false)
}

/// The engine's exactness is checked in a browser as well.
fn cargo<'a>(ws: &'a Workspace, args: &[&str]) -> Result<Run<'a>> {
    let browser = browser::ensure_chromium(ws)?;
    Ok(Run::cargo(ws, None)
        .env("SIDELIGHT_CHROMIUM", browser)
        .args(args))
}

fn native(ws: &Workspace) -> Result<Vec<Suite>> {
    let mut suites = Vec::new();
    if ws.which("cargo-nextest").is_some() {
        let args = [
            "nextest",
            "run",
            "--workspace",
            "--no-fail-fast",
            "--status-level",
            "fail",
            "--final-status-level",
            "fail",
        ];
        let outcome = cargo(ws, &args)?.try_step("Test natively")?;
        show_failure(&outcome.output, outcome.ok);
        suites.push(Suite::new(
            "native",
            Counts::from_nextest(&outcome.output),
            &outcome,
        ));
    } else {
        let args = [
            "test",
            "--workspace",
            "--no-fail-fast",
            "--lib",
            "--bins",
            "--tests",
        ];
        let outcome = cargo(ws, &args)?.try_step("Test natively")?;
        show_failure(&outcome.output, outcome.ok);
        suites.push(Suite::new(
            "native",
            Counts::from_cargo_test(&outcome.output),
            &outcome,
        ));
    }
    // The whole workspace, so that the features and with them the dependencies are those of the tests above.
    let outcome = Run::cargo(ws, None)
        .args(["test", "--workspace", "--doc", "--no-fail-fast"])
        .try_step("Test the documentation")?;
    show_failure(&outcome.output, outcome.ok);
    suites.push(Suite::new(
        "documentation",
        Counts::from_cargo_test(&outcome.output),
        &outcome,
    ));
    Ok(suites)
}

/// Tests marked `wasm_bindgen_test`: those of `light-client/wasm/tests`, in Node and, where there is a driver, in Chromium.
fn wasm(ws: &Workspace) -> Result<Vec<Suite>> {
    let runner = ws
        .which("wasm-bindgen-test-runner")
        .ok_or("wasm-bindgen-test-runner is not on the PATH")?;
    let mut suites = Vec::new();
    let driver = ws.which("chromedriver");
    for (file, needs_browser) in [("node", false), ("browser", true)] {
        let name = format!(
            "wasm in {}",
            if needs_browser { "Chromium" } else { "Node" }
        );
        if needs_browser && driver.is_none() {
            let note = "chromedriver was not found: cargo xtask doctor says how to get it".into();
            suites.push(Suite {
                name,
                counts: Counts {
                    skipped: 1,
                    ..Counts::default()
                },
                elapsed: Default::default(),
                note,
            });
            continue;
        }
        let mut run = binaries::wasm_cargo(ws)?
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", &runner)
            .env("WASM_BINDGEN_TEST_TIMEOUT", "120")
            .args([
                "test",
                "-p",
                "sidelight-wasm",
                "--target",
                "wasm32-unknown-unknown",
                "--test",
                file,
            ]);
        if let (true, Some(driver)) = (needs_browser, &driver) {
            run = run.env("CHROMEDRIVER", driver);
        }
        let outcome = run.try_step(&format!("Test {name}"))?;
        show_failure(&outcome.output, outcome.ok);
        suites.push(Suite::new(
            &name,
            Counts::from_cargo_test(&outcome.output),
            &outcome,
        ));
    }
    suites.push(conformance(ws)?);
    Ok(suites)
}

/// A tenth of the official blocks, executed in wasm in Node; the third that runs natively is a test of `light-client/conformance`.
fn conformance(ws: &Workspace) -> Result<Suite> {
    let started = Instant::now();
    let report = conformance::sample(ws, "10")?;
    let number = |key: &str| {
        let value = report.as_ref().and_then(|report| report[key].as_u64());
        value.unwrap_or_default()
    };
    let counts = Counts {
        passed: number("passed"),
        failed: number("failed"),
        skipped: number("skipped") + u64::from(report.is_none()),
    };
    let note = if report.is_none() {
        "there is no test data: see SIDELIGHT_VECTORS in cargo xtask help".into()
    } else {
        String::new()
    };
    Ok(Suite {
        name: "official blocks in wasm".into(),
        counts,
        elapsed: started.elapsed(),
        note,
    })
}

/// The package's own tests, and projects that use it as a stranger would.
fn npm(ws: &Workspace) -> Result<Vec<Suite>> {
    let mut suites = Vec::new();
    for (name, folder) in [
        ("npm package", "pkg"),
        ("consumers", "e2e/consumers"),
        ("decision vectors", "edge-runtime/checks"),
    ] {
        if !ws.path(folder).join("package.json").is_file() {
            return Err(format!("{folder}/package.json is missing").into());
        }
        tools::npm::ensure(ws, folder)?;
        let run = with_programs(ws, Run::new(ws, "npm"), false)?
            .dir(ws.path(folder))
            .arg("test");
        let outcome = run.try_step(&format!("Test the {name}"))?;
        show_failure(&outcome.output, outcome.ok);
        suites.push(Suite::new(
            name,
            Counts::from_node_test(&outcome.output),
            &outcome,
        ));
    }
    Ok(suites)
}

/// The Playwright suites against a node of their own.
fn browser(ws: &Workspace) -> Result<Vec<Suite>> {
    tools::npm::ensure(ws, "e2e")?;
    let json = ws.cache.join("logs/playwright.json");
    fs::remove_file(&json).ok();
    let outcome = with_programs(ws, Run::new(ws, "npx"), false)?
        .dir(ws.path("e2e"))
        .env("PLAYWRIGHT_JSON_OUTPUT_FILE", &json)
        .args(["--no-install", "playwright", "test", "--reporter=list,json"])
        .try_step("Test in the browser")?;
    show_failure(&outcome.output, outcome.ok);
    let counts = Counts::from_playwright(&fs::read_to_string(&json).unwrap_or_default());
    Ok(vec![Suite::new("browser", counts, &outcome)])
}

/// Tells a test where the programs are that it starts.
pub(crate) fn with_programs<'a>(ws: &Workspace, run: Run<'a>, release: bool) -> Result<Run<'a>> {
    let run = run
        .env("SIDELIGHT_NODE_LITE", ws.binary("node-lite", release))
        .env("SIDELIGHT_CLI", ws.binary("sidelight", release))
        .env("SIDELIGHT_EDGE", ws.binary("sidelight-edge", release));
    Ok(run.env("CHROMIUM", browser::ensure_chromium(ws)?))
}

fn show_failure(output: &str, ok: bool) {
    if !ok {
        eprintln!("{}\n", tail(output));
    }
}
