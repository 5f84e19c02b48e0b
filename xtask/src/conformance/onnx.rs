//! `cargo xtask conformance onnx`: ONNX's own node tests and light networks, on the pinned engine and on ONNX Runtime, into `docs/onnx-conformance.md`.

use std::collections::BTreeMap;
use std::fs;
use std::process::ExitCode;

use serde_json::Value;

use crate::Result;
use crate::models;
use crate::process::Run;
use crate::tools::onnxruntime;
use crate::workspace::Workspace;

const SCRIPT: &str = "edge-runtime/conformance/write_cases.py";
const REPORT: &str = "docs/onnx-conformance.md";
/// Name for the command line, and for people.
const BACKENDS: [(&str, &str); 2] = [("pinned", "pinned engine"), ("onnxruntime", "ONNX Runtime")];
const OUTCOMES: [&str; 5] = ["passed", "unsupported", "refused", "wrong", "left out"];

pub(crate) fn command(ws: &Workspace, words: &[&str]) -> Result<ExitCode> {
    if let Some(other) = words.first() {
        return Err(format!("onnx takes no arguments; got {other:?}").into());
    }
    onnxruntime::ensure(ws)?;
    let cases = ws.target.join("onnx-cases");
    fs::create_dir_all(&cases)?;
    Run::new(ws, models::environment(ws)?)
        .arg(ws.path(SCRIPT))
        .arg(&cases)
        .step("Write ONNX's cases as files")?;
    Run::cargo(ws, None)
        .args(["build", "-p", "sidelight-edge-cli"])
        .step("Build sidelight-edge")?;
    let mut reports = Vec::new();
    for (backend, title) in BACKENDS {
        let outcome = Run::new(ws, ws.binary("sidelight-edge", false))
            .args(["--backend", backend, "--time-s", "60"])
            // VGG-19 has 575 MB of weights, which are made when it runs.
            .args(["--memory-mib", "4096", "conformance"])
            .arg(&cases)
            .step(&format!("Run ONNX's cases on {title}"))?;
        let start = outcome.output.find('{').ok_or("no report was printed")?;
        reports.push(serde_json::from_str(outcome.output[start..].trim())?);
    }
    let text = render(&reports);
    fs::write(ws.path(REPORT), &text)?;
    for line in text.lines().filter(|line| line.starts_with('|')).take(6) {
        println!("{line}");
    }
    eprintln!("written to {REPORT}");
    Ok(ExitCode::SUCCESS)
}

fn render(reports: &[Value]) -> String {
    let version = reports.first().map_or("", |report| text(report, "onnx"));
    let mut page = format!(
        "# ONNX's own tests\n\nMade by `cargo xtask conformance onnx` with the cases of PyPI's `onnx` {version}, each with the tolerances that it has there. *Left out*: values that are no tensors, or \
         of types without an encoding in CTE-1. *Not supported*: an operator that loading names. *Refused*: an error when it is run, mostly a type or an attribute. *Wrong*: another result than ONNX's.\n\n| back end | cases | passed | not supported | refused | wrong | left out |\n|---|---|---:|---:|---:|---:|---:|\n"
    );
    for kind in ["node", "light"] {
        for (report, (_, title)) in reports.iter().zip(BACKENDS) {
            let count = |outcome: &str| {
                let cases = cases(report).filter(|case| text(case, "kind") == kind);
                cases
                    .filter(|case| text(case, "outcome") == outcome)
                    .count()
                    .to_string()
            };
            let counts = OUTCOMES.map(count).join(" | ");
            page.push_str(&format!("| {title} | {kind} | {counts} |\n"));
        }
    }
    page.push_str(
        "\n## The light networks\n\n| network | pinned engine | ONNX Runtime |\n|---|---|---|\n",
    );
    let light = |report: &Value| -> BTreeMap<String, String> {
        let light = cases(report).filter(|case| text(case, "kind") == "light");
        light
            .map(|case| (text(case, "name").to_owned(), outcome(case)))
            .collect()
    };
    let columns: Vec<_> = reports.iter().map(light).collect();
    for name in columns.first().into_iter().flat_map(BTreeMap::keys) {
        let of = |column: &BTreeMap<String, String>| column.get(name).cloned().unwrap_or_default();
        let row: Vec<String> = columns.iter().map(of).collect();
        page.push_str(&format!("| {name} | {} |\n", row.join(" | ")));
    }
    for (report, (_, title)) in reports.iter().zip(BACKENDS) {
        let failed =
            |case: &&Value| text(case, "outcome") == "wrong" && text(case, "kind") == "node";
        page.push_str(&format!("\n## Other results on {title}\n\n"));
        for case in cases(report).filter(failed) {
            page.push_str(&format!(
                "* `{}`: {}\n",
                text(case, "name"),
                shorten(text(case, "reason"))
            ));
        }
    }
    page
}

fn cases(report: &Value) -> impl Iterator<Item = &Value> {
    report["cases"].as_array().into_iter().flatten()
}

fn outcome(case: &Value) -> String {
    match text(case, "reason") {
        "" => text(case, "outcome").to_owned(),
        reason => format!("{}: {}", text(case, "outcome"), shorten(reason)),
    }
}

/// One line of a table.
fn shorten(reason: &str) -> String {
    let line = reason.lines().next().unwrap_or_default().replace('|', "/");
    line.chars().take(160).collect()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_page_counts_by_back_end_and_names_what_failed() {
        let case = |name: &str, kind: &str, outcome: &str, reason: &str| json!({ "name": name, "kind": kind, "outcome": outcome, "reason": reason });
        let report = json!({ "onnx": "1.0", "cases": [
            case("test_add", "node", "passed", ""),
            case("test_sub", "node", "wrong", "y: expected 1, got 2"),
            case("light_x", "light", "unsupported", "LRN"),
        ]});
        let page = render(&[report.clone(), report]);
        assert!(
            page.contains("| pinned engine | node | 1 | 0 | 0 | 1 | 0 |"),
            "{page}"
        );
        assert!(
            page.contains("| light_x | unsupported: LRN | unsupported: LRN |"),
            "{page}"
        );
        assert!(
            page.contains("* `test_sub`: y: expected 1, got 2"),
            "{page}"
        );
    }
}
