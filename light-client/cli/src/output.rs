//! What lines look like: colours for people only, numbers in groups, a closed pipe is no error.

use std::io::{self, IsTerminal, Write};

use sidelight_client::dto::{Trust, TrustLevel};

/// Red, where a person reads the standard error.
pub(crate) fn red(text: &str) -> String {
    paint(text, "31", io::stderr().is_terminal())
}

/// A level in its colour, padded to `width`, where a person reads the standard output.
pub(crate) fn level(level: TrustLevel, width: usize) -> String {
    let (word, colour) = match level {
        TrustLevel::Unverified => ("unverified", "31"),
        TrustLevel::Signed => ("signed", "33"),
        TrustLevel::Consistent => ("consistent", "32"),
        TrustLevel::Executed => ("executed", "32"),
        TrustLevel::Proven => ("proven", "36"),
    };
    paint(
        &format!("{word:<width$}"),
        colour,
        io::stdout().is_terminal(),
    )
}

fn paint(text: &str, colour: &str, is_terminal: bool) -> String {
    let wanted = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted {
        format!("\x1b[{colour}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// `1234567` as `1,234,567`.
pub(crate) fn group(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The first and last digits of a hash.
pub(crate) fn shorten(hash: &str) -> String {
    match (hash.get(..10), hash.get(hash.len().saturating_sub(6)..)) {
        (Some(head), Some(tail)) if hash.len() > 18 => format!("{head}…{tail}"),
        _ => hash.to_owned(),
    }
}

/// Writes a line; false when nobody reads any more.
pub(crate) fn line(text: &str) -> bool {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).is_ok()
}

/// How far a value may be believed, and why.
pub(crate) fn trust(trust: &Trust) -> String {
    let mut out = format!("  {}", level(trust.level, 0));
    if let Some(block) = &trust.block {
        out.push_str(&format!(" in block {} {}", block.number, block.hash));
    }
    if trust.stale {
        out.push_str(&format!(", stale: {} s old", group(trust.age_ms / 1_000)));
    }
    for check in &trust.checks {
        out.push_str(&format!("\n  - {check}"));
    }
    let nodes: usize = trust
        .proof
        .iter()
        .flat_map(|proof| &proof.paths)
        .map(|path| path.nodes.len())
        .sum();
    let nodes = if nodes > 0 {
        format!("{nodes} proof nodes, ")
    } else {
        String::new()
    };
    out.push_str(&format!(
        "\n  {nodes}{} bytes, {:.2} ms, from {}",
        group(trust.proof_bytes),
        trust.ms,
        trust.source
    ));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_hashes_shortened() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(group),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(shorten("0x1234567890abcdef1234567890"), "0x12345678…567890");
        assert_eq!(shorten("0x12"), "0x12");
    }
}
