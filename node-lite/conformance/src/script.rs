//! One `.io` file: comments, requests and the answers to them.
//!
//! ```text
//!   // speconly: only the shape of the answer counts
//!   >> {"jsonrpc":"2.0","id":1,"method":"eth_chainId"}
//!   << {"jsonrpc":"2.0","id":1,"result":"0x1"}
//! ```

use serde_json::Value;

/// Why a file is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ScriptError {
    /// Neither a comment, a request nor an answer.
    #[error("line {line}: expected //, >> or <<, got {got:?}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// Its beginning.
        got: String,
    },
    /// Not JSON.
    #[error("line {line}: expected JSON: {reason}")]
    Json {
        /// Counted from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// A request and an answer do not alternate.
    #[error("line {line}: expected {expected}")]
    Order {
        /// Counted from 1.
        line: usize,
        /// What should be there.
        expected: &'static str,
    },
    /// Nothing to play.
    #[error("expected a request, got none")]
    Empty,
}

/// A request as it stands in the file, and the answer that is right.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exchange {
    pub(crate) request: String,
    pub(crate) answer: Value,
}

/// What a file says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Script {
    /// Only the shape of the answers is fixed.
    pub(crate) is_speconly: bool,
    pub(crate) exchanges: Vec<Exchange>,
}

impl Script {
    pub(crate) fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut script = Self {
            is_speconly: false,
            exchanges: Vec::new(),
        };
        let mut asked: Option<String> = None;
        for (line, content) in (1..).zip(text.lines()) {
            let content = content.trim();
            if let Some(comment) = content.strip_prefix("//") {
                script.is_speconly |= comment.trim_start().starts_with("speconly");
            } else if let Some(request) = content.strip_prefix(">>") {
                json(request, line)?;
                if asked.replace(request.trim().to_owned()).is_some() {
                    return Err(ScriptError::Order {
                        line,
                        expected: "an answer",
                    });
                }
            } else if let Some(answer) = content.strip_prefix("<<") {
                let answer = json(answer, line)?;
                let expected = "a request before this answer";
                let request = asked.take().ok_or(ScriptError::Order { line, expected })?;
                script.exchanges.push(Exchange { request, answer });
            } else if !content.is_empty() {
                let got = content.chars().take(20).collect();
                return Err(ScriptError::Line { line, got });
            }
        }
        if asked.is_some() {
            let line = text.lines().count();
            return Err(ScriptError::Order {
                line,
                expected: "an answer",
            });
        }
        if script.exchanges.is_empty() {
            return Err(ScriptError::Empty);
        }
        Ok(script)
    }
}

fn json(text: &str, line: usize) -> Result<Value, ScriptError> {
    serde_json::from_str(text).map_err(|error| ScriptError::Json {
        line,
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn a_file_is_comments_and_exchanges() {
        let script = Script::parse(
            "// what it is\n// speconly: why\n>> {\"id\":1}\n<< {\"id\": 1}\n\n>> {}\n<< {}\n",
        );
        let script = script.unwrap();
        assert!(script.is_speconly);
        assert_eq!(script.exchanges.len(), 2);
        assert_eq!(script.exchanges[0].request, "{\"id\":1}");
    }

    #[test]
    fn a_file_that_is_none_is_refused() {
        assert_eq!(Script::parse("// nothing\n"), Err(ScriptError::Empty));
        assert!(matches!(
            Script::parse("<< {}"),
            Err(ScriptError::Order { line: 1, .. })
        ));
        assert!(matches!(
            Script::parse(">> {}"),
            Err(ScriptError::Order { line: 1, .. })
        ));
        assert!(matches!(
            Script::parse(">> {}\n>> {}"),
            Err(ScriptError::Order { line: 2, .. })
        ));
        assert!(matches!(
            Script::parse(">> {"),
            Err(ScriptError::Json { line: 1, .. })
        ));
        assert!(matches!(
            Script::parse("hello"),
            Err(ScriptError::Line { line: 1, .. })
        ));
    }
}
