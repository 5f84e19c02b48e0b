//! `cargo xtask run`: the development chain, its node and the explorer.

use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use crate::Result;
use crate::build;
use crate::process::Run;
use crate::tools::{self, Purpose};
use crate::workspace::Workspace;

const PORT: u16 = 8545;

pub(crate) fn command(ws: &Workspace, words: &[&str]) -> Result<ExitCode> {
    let (ours, theirs) = split(words);
    let mut release = false;
    for word in ours {
        match *word {
            "--release" => release = true,
            other => {
                return Err(
                    format!("expected --release or -- NODE-LITE-FLAGS; got {other:?}").into(),
                );
            }
        }
    }
    tools::ensure(ws, Purpose::Run)?;
    build::web(ws)?;
    build::node(ws, release)?;
    let port = port_of(theirs)?;
    if TcpStream::connect_timeout(&local(port), Duration::from_millis(200)).is_ok() {
        return Err(format!(
            "port {port} is taken. Choose another one: cargo xtask run -- --port 8546"
        )
        .into());
    }
    let mut run = Run::new(ws, ws.binary("node-lite", release)).arg("--dev");
    if !names_models(theirs) {
        run = run.arg("--models").arg(ws.path("edge-runtime/models"));
    }
    run.args(theirs).become_it()
}

fn split<'a>(words: &'a [&'a str]) -> (&'a [&'a str], &'a [&'a str]) {
    match words.iter().position(|word| *word == "--") {
        Some(at) => (&words[..at], &words[at + 1..]),
        None => (words, &[]),
    }
}

fn port_of(words: &[&str]) -> Result<u16> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = match word.split_once('=') {
            Some(("--port", value)) => Some(value),
            None if *word == "--port" => words.next().copied(),
            _ => None,
        };
        if let Some(value) = value {
            return value
                .parse()
                .map_err(|_| format!("expected a port number after --port; got {value:?}").into());
        }
    }
    Ok(PORT)
}

/// Whether somebody serves other models than those of the repository.
fn names_models(words: &[&str]) -> bool {
    let is_models = |word: &&str| *word == "--models" || word.starts_with("--models=");
    words.iter().any(is_models)
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_in_both_spellings() {
        assert_eq!(port_of(&["--port", "9000"]).unwrap(), 9000);
        assert_eq!(
            port_of(&["--block-time", "1s", "--port=9001"]).unwrap(),
            9001
        );
        assert_eq!(port_of(&[]).unwrap(), PORT);
        assert!(port_of(&["--port", "x"]).is_err());
    }

    #[test]
    fn words_after_the_dashes_are_for_the_node() {
        assert_eq!(
            split(&["--release", "--", "--port", "1"]),
            (&["--release"][..], &["--port", "1"][..])
        );
    }
}
