//! `cargo xtask differential`: our trie and our execution against other implementations, `eth_trie` and `ethrex-levm`. Outside the workspace, because the latter is heavy.

use std::process::ExitCode;

use crate::Result;
use crate::process::Run;
use crate::workspace::Workspace;

pub(crate) fn command(ws: &Workspace, words: &[&str]) -> Result<ExitCode> {
    if let Some(other) = words.first() {
        return Err(format!("differential takes no arguments; got {other:?}").into());
    }
    let outcome = Run::cargo(ws, None)
        .args(["test", "--manifest-path"])
        .arg(ws.path("light-client/differential/Cargo.toml"))
        .step("Compare with other implementations")?;
    print!("{}", outcome.output);
    Ok(ExitCode::SUCCESS)
}
