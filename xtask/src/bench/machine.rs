//! What was measured on: without it a number says nothing.

use std::fs;

use serde_json::{Value, json};

use crate::process::Run;
use crate::tools::{browser, probe};
use crate::workspace::Workspace;

pub(super) fn describe(ws: &Workspace) -> Value {
    let version = |program: &str| probe(ws, program, &["--version"]).map(|found| found.version);
    let chromium =
        browser::chromium(ws).and_then(|place| Run::new(ws, place).arg("--version").probe());
    json!({
        "cpu": cpu().unwrap_or_else(|| "unknown".into()),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memoryGb": memory_gb(),
        "os": os(),
        "rustc": version("rustc"),
        "node": version("node"),
        "chromium": chromium,
        "commit": Run::new(ws, "git").args(["rev-parse", "--short", "HEAD"]).probe(),
    })
}

fn cpu() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory_gb() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kb: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kb.div_ceil(1024 * 1024))
}

fn os() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let pretty = text
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    pretty.map_or_else(
        || std::env::consts::OS.to_owned(),
        |name| name.trim_matches('"').to_owned(),
    )
}
