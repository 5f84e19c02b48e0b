//! `cargo xtask`: everything that a person runs in this repository.
//!
//! ```text
//!   run, test, bench, conformance, ci   what people ask for
//!        |
//!   setup -> build                  what has to be there first; found in place on a second call
//!        |
//!   tools/  progress  process       probes and installers, steps that are shown, children that are logged
//! ```

mod bench;
mod build;
mod ci;
mod conformance;
mod contracts;
mod counts;
mod differential;
mod doctor;
mod engine;
mod fingerprint;
mod fuzz;
mod help;
mod models;
mod process;
mod progress;
mod run;
mod size;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use workspace::Workspace;

/// The only error of this program: a text that says what failed and what to do about it.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match dispatch(&words) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\nerror: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[&str]) -> Result<ExitCode> {
    let (command, rest) = match words {
        [] | ["help" | "-h" | "--help"] => return Ok(help::print(None)),
        ["help", command, ..] => return Ok(help::print(Some(command))),
        [command, rest @ ..] => (*command, rest),
    };
    let ours = rest.split(|word| *word == "--").next().unwrap_or_default();
    if ours.iter().any(|word| matches!(*word, "-h" | "--help")) {
        return Ok(help::print(Some(command)));
    }
    if !help::COMMANDS.iter().any(|known| known.name == command) {
        return Err(help::unknown(command).into());
    }
    let ws = Workspace::open()?;
    match command {
        "setup" => tools::setup_command(&ws, rest),
        "run" => run::command(&ws, rest),
        "build" => build::command(&ws, rest),
        "test" => test::command(&ws, rest),
        "bench" => bench::command(&ws, rest),
        "ci" => ci::command(&ws, rest),
        "conformance" => conformance::command(&ws, rest),
        "contracts" => contracts::command(&ws, rest),
        "differential" => differential::command(&ws, rest),
        "doctor" => doctor::command(&ws, rest),
        "engine" => engine::command(&ws, rest),
        "fuzz" => fuzz::command(&ws, rest),
        "models" => models::command(&ws, rest),
        "size" => size::command(&ws, rest),
        "fmt" => ci::format_command(&ws, rest),
        "lint" => ci::lint_command(&ws, rest),
        other => Err(help::unknown(other).into()),
    }
}
