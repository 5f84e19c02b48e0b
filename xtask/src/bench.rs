//! `cargo xtask bench`: measured in one run, written to `docs/benchmarks.md` and `docs/benchmarks.json`.

use std::process::ExitCode;

use crate::Result;
use crate::workspace::Workspace;

pub(crate) fn command(_: &Workspace, _: &[&str]) -> Result<ExitCode> {
    Err("not supported".into())
}
