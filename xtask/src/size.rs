//! `cargo xtask size`: what a browser downloads, against its gates.

use std::fs;
use std::process::ExitCode;

use crate::Result;
use crate::build::{self, DECISIONS, EVM, Module, VERIFIER};
use crate::engine;
use crate::process::Run;
use crate::progress::{green, red};
use crate::tools::{self, Purpose};
use crate::workspace::Workspace;

/// Bytes of a module.
pub(crate) struct Size {
    pub(crate) name: &'static str,
    pub(crate) raw: u64,
    /// With gzip at level 9.
    pub(crate) gzip: u64,
    /// What gzip must not exceed: CI fails above it. It goes down, to the goal; docs/adr/0009 says when it went up and for what.
    pub(crate) gate: u64,
    /// What the design asks for.
    pub(crate) goal: u64,
}

impl Size {
    pub(crate) const fn fits(&self) -> bool {
        self.gzip <= self.gate
    }
}

pub(crate) fn command(ws: &Workspace, _: &[&str]) -> Result<ExitCode> {
    tools::ensure(ws, Purpose::Run)?;
    let sizes = measure(ws)?;
    println!(
        "{:<10} {:>10} {:>10} {:>10} {:>10}",
        "module", "raw kB", "gzip kB", "gate kB", "goal kB"
    );
    for size in &sizes {
        let mark = if size.fits() {
            green("ok")
        } else {
            red("over its gate")
        };
        println!(
            "{:<10} {:>10.1} {:>10.1} {:>10.1} {:>10.1}  {mark}",
            size.name,
            kb(size.raw),
            kb(size.gzip),
            kb(size.gate),
            kb(size.goal)
        );
    }
    Ok(if sizes.iter().all(Size::fits) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Builds the modules where needed and weighs them.
pub(crate) fn measure(ws: &Workspace) -> Result<Vec<Size>> {
    build::wasm(ws)?;
    Ok(vec![
        weigh(ws, &VERIFIER, 323_000, 100_000)?,
        weigh(ws, &EVM, 480_000, 480_000)?,
        weigh(ws, &DECISIONS, 185_500, 100_000)?,
        engine::size(ws)?,
    ])
}

/// A check for CI: the first module that is over its gate is the error.
pub(crate) fn check(ws: &Workspace) -> Result<()> {
    for size in measure(ws)? {
        if !size.fits() {
            return Err(format!(
                "{}: expected at most {} bytes with gzip, got {}",
                size.name, size.gate, size.gzip
            )
            .into());
        }
    }
    Ok(())
}

fn weigh(ws: &Workspace, module: &Module, gate: u64, goal: u64) -> Result<Size> {
    let file = module.file(ws)?;
    let raw = fs::metadata(&file)?.len();
    let script = "process.stdout.write(String(require('zlib').gzipSync(require('fs').readFileSync(process.argv[1]),{level:9}).length))";
    let text = Run::new(ws, "node")
        .args(["-e", script])
        .arg(&file)
        .probe()
        .ok_or("node could not compress the module")?;
    Ok(Size {
        name: module.name,
        raw,
        gzip: text.parse()?,
        gate,
        goal,
    })
}

/// Kilobytes of a thousand bytes.
pub(crate) fn kb(bytes: u64) -> f64 {
    bytes as f64 / 1000.0
}
