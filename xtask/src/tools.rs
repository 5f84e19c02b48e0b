//! What has to be installed: probes that look, and installers that provide.
//!
//! ```text
//!   survey   every tool, found or not          -> doctor prints it
//!   ensure   a purpose's tools, installed      -> run, test, bench, ci call it first
//! ```
//! Every installer looks for what is there first, so that a second call only probes.

pub(crate) mod binaries;
pub(crate) mod browser;
pub(crate) mod npm;
pub(crate) mod onnxruntime;
pub(crate) mod system;
pub(crate) mod targets;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::Result;
use crate::process::Run;
use crate::progress::Step;
use crate::workspace::Workspace;

/// The Rust version that everything is written for; `rust-toolchain.toml` selects it.
const RUST: &str = "1.95";
/// The oldest Node that is supported.
const NODE_MAJOR: u32 = 20;

/// What somebody wants to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    Run,
    Test,
    Bench,
    Ci,
}

/// One line of the survey.
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) needed: String,
    pub(crate) found: Option<Found>,
    /// Whether `run` or `test` cannot do without it.
    pub(crate) required: bool,
    pub(crate) how: String,
}

/// A tool that is there.
pub(crate) struct Found {
    pub(crate) version: String,
    pub(crate) place: PathBuf,
}

pub(crate) fn setup_command(ws: &Workspace, words: &[&str]) -> Result<ExitCode> {
    let mut purposes = Vec::new();
    for word in words {
        purposes.push(match *word {
            "run" => Purpose::Run,
            "test" => Purpose::Test,
            "bench" => Purpose::Bench,
            "ci" => Purpose::Ci,
            other => return Err(format!("expected run, test, bench or ci; got {other:?}").into()),
        });
    }
    if purposes.is_empty() {
        purposes = vec![Purpose::Run, Purpose::Test, Purpose::Bench, Purpose::Ci];
    }
    for purpose in purposes {
        ensure(ws, purpose)?;
    }
    eprintln!("everything is in place");
    Ok(ExitCode::SUCCESS)
}

/// Installs what the purpose needs and is not there.
pub(crate) fn ensure(ws: &Workspace, purpose: Purpose) -> Result<()> {
    let step = Step::start("Look for the tools");
    for tool in [rust(ws), c_compiler(ws), node(ws), npm_tool(ws)] {
        if tool.found.is_none() {
            step.failed();
            return Err(format!("{} {} is needed. {}", tool.name, tool.needed, tool.how).into());
        }
    }
    step.done("");
    targets::ensure(ws, targets::WASM)?;
    binaries::ensure_all(ws)?;
    npm::ensure(ws, "pkg")?;
    if matches!(purpose, Purpose::Ci) {
        targets::ensure_optional(ws, targets::RISCV);
    }
    if matches!(purpose, Purpose::Test | Purpose::Ci | Purpose::Bench) {
        browser::ensure_chromium(ws)?;
        npm::ensure(ws, "e2e")?;
    }
    if matches!(purpose, Purpose::Test | Purpose::Ci) {
        browser::ensure_chromedriver(ws);
        npm::ensure(ws, "e2e/consumers")?;
        npm::ensure(ws, "edge-runtime/checks")?;
        onnxruntime::ensure(ws)?;
    }
    if matches!(purpose, Purpose::Run) {
        onnxruntime::ensure_optional(ws);
    }
    if matches!(purpose, Purpose::Bench) {
        npm::ensure(ws, "e2e/bench")?;
    }
    Ok(())
}

/// Every tool, whether it is there or not.
pub(crate) fn survey(ws: &Workspace) -> Vec<Tool> {
    let mut tools = vec![rust(ws), c_compiler(ws), node(ws), npm_tool(ws)];
    tools.push(targets::describe(ws, targets::WASM, true));
    tools.push(targets::describe(ws, targets::RISCV, false));
    tools.extend(binaries::describe_all(ws));
    tools.extend(npm::describe_all(ws));
    tools.push(browser::describe_chromium(ws));
    tools.push(onnxruntime::describe(ws));
    tools.push(browser::describe_chromedriver(ws));
    for (name, why) in [
        ("cargo-nextest", "runs the native tests faster"),
        ("cargo-deny", "checks licences and advisories"),
        ("typos", "checks the spelling"),
    ] {
        tools.push(optional(ws, name, why));
    }
    tools
}

fn rust(ws: &Workspace) -> Tool {
    Tool {
        name: "rustc".into(),
        needed: RUST.into(),
        found: probe(ws, "rustc", &["--version"]).filter(|found| found.version.starts_with(RUST)),
        required: true,
        how: format!("https://rustup.rs, then: rustup toolchain install {RUST}.0"),
    }
}

fn c_compiler(ws: &Workspace) -> Tool {
    Tool {
        name: "cc".into(),
        needed: "any".into(),
        found: probe(ws, "cc", &["--version"]),
        required: true,
        how: "Debian: apt-get install gcc libc6-dev; macOS: xcode-select --install".into(),
    }
}

fn node(ws: &Workspace) -> Tool {
    let recent = |found: &Found| {
        let major = found
            .version
            .split('.')
            .next()
            .and_then(|text| text.parse::<u32>().ok());
        major.is_some_and(|major| major >= NODE_MAJOR)
    };
    Tool {
        name: "node".into(),
        needed: format!("{NODE_MAJOR} or newer"),
        found: probe(ws, "node", &["--version"]).filter(recent),
        required: true,
        how: "https://nodejs.org".into(),
    }
}

fn npm_tool(ws: &Workspace) -> Tool {
    Tool {
        name: "npm".into(),
        needed: "any".into(),
        found: probe(ws, "npm", &["--version"]),
        required: true,
        how: "comes with Node".into(),
    }
}

fn optional(ws: &Workspace, name: &str, why: &str) -> Tool {
    // Cargo's subcommands say their version when cargo's own word comes first.
    let args: &[&str] = match name.strip_prefix("cargo-") {
        Some(subcommand) => &[subcommand, "--version"],
        None => &["--version"],
    };
    Tool {
        name: name.into(),
        needed: format!("optional: {why}"),
        found: probe(ws, name, args),
        required: false,
        how: format!(
            "cargo install --locked {}",
            if name == "typos" { "typos-cli" } else { name }
        ),
    }
}

/// A program's version, by its own word.
pub(crate) fn probe(ws: &Workspace, program: &str, args: &[&str]) -> Option<Found> {
    let place = ws.which(program)?;
    let text = Run::new(ws, &place).args(args).probe()?;
    Some(Found {
        version: version_in(&text)?,
        place,
    })
}

/// The first word that starts with a digit, or with `v` and a digit.
fn version_in(text: &str) -> Option<String> {
    let is_version = |word: &&str| {
        word.trim_start_matches('v')
            .starts_with(|c: char| c.is_ascii_digit())
    };
    let word = text.split_whitespace().find(is_version)?;
    Some(
        word.trim_start_matches('v')
            .trim_end_matches([',', ')'])
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_print() {
        assert_eq!(
            version_in("rustc 1.95.0 (59807616e 2026-04-14)").as_deref(),
            Some("1.95.0")
        );
        assert_eq!(version_in("v20.20.2").as_deref(), Some("20.20.2"));
        assert_eq!(
            version_in("wasm-opt version 132 (version_132)").as_deref(),
            Some("132")
        );
        assert_eq!(
            version_in("Chromium 156.0.8078.79 built on Debian").as_deref(),
            Some("156.0.8078.79")
        );
        assert_eq!(version_in("no number"), None);
    }
}
