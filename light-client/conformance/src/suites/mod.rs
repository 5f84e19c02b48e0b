//! The suites and their formats.

mod blockchain;
mod rlp;
mod transactions;
mod trie;

use serde_json::{Map, Value};

use crate::{
    mutations::Tally,
    report::{Case, Status},
};

/// What a case gives: nothing, or why it failed or was not run.
type Outcome = Result<(), Failure>;

/// Why a case did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It failed.
    Failed(String),
    /// It was not run.
    Skipped(String),
}

impl<T: core::fmt::Display> From<T> for Failure {
    fn from(reason: T) -> Self {
        Self::Failed(reason.to_string())
    }
}

/// A suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// ethereum/tests `TrieTests`.
    Trie,
    /// ethereum/tests `RLPTests`.
    Rlp,
    /// ethereum/tests `TransactionTests`.
    Transactions,
    /// ethereum/tests `BlockchainTests`.
    Blockchain,
    /// ethereum/tests `BlockchainTests`, every valid block attacked: see [`crate::mutations`].
    Mutations,
}

impl Suite {
    /// Every suite.
    pub const ALL: [Self; 5] = [
        Self::Trie,
        Self::Rlp,
        Self::Transactions,
        Self::Blockchain,
        Self::Mutations,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trie => "trie",
            Self::Rlp => "rlp",
            Self::Transactions => "transactions",
            Self::Blockchain => "blockchain",
            Self::Mutations => "mutations",
        }
    }

    /// The suite with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// Where the suite stands in a copy of ethereum/tests.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Trie => "TrieTests",
            Self::Rlp => "RLPTests",
            Self::Transactions => "TransactionTests",
            Self::Blockchain | Self::Mutations => "BlockchainTests",
        }
    }

    /// Runs every case of a file whose full name contains `filter`.
    #[must_use]
    pub fn run_file(self, file: &str, text: &str, filter: &str) -> Vec<Case> {
        let cases: Map<String, Value> = match serde_json::from_str(text) {
            Ok(cases) => cases,
            Err(error) => {
                let reason = format!("expected an object of cases: {error}");
                return vec![case(file.to_owned(), Err(Failure::Failed(reason)))];
            }
        };
        let named = cases
            .into_iter()
            .map(|(name, value)| (format!("{file}/{name}"), value));
        let wanted = named.filter(|(name, _)| name.contains(filter));
        wanted
            .map(|(name, value)| {
                let mut tally = Tally::default();
                let outcome = match self {
                    Self::Trie => trie::check(file, &value),
                    Self::Rlp => rlp::check(&value),
                    Self::Transactions => transactions::check(value),
                    Self::Blockchain => blockchain::check(value),
                    Self::Mutations => {
                        let (outcome, tried) = blockchain::attack(value);
                        tally = tried;
                        outcome
                    }
                };
                Case {
                    tally,
                    ..case(name, outcome)
                }
            })
            .collect()
    }
}

fn case(name: String, outcome: Outcome) -> Case {
    let (status, reason) = match outcome {
        Ok(()) => (Status::Passed, String::new()),
        Err(Failure::Failed(reason)) => (Status::Failed, reason),
        Err(Failure::Skipped(reason)) => (Status::Skipped, reason),
    };
    Case {
        name,
        status,
        reason,
        tally: Tally::default(),
    }
}

/// A failure, with both sides, unless they are equal.
fn expect_eq<T: PartialEq + core::fmt::Debug>(what: &str, expected: T, got: T) -> Outcome {
    if expected == got {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "{what}: expected {expected:?}, got {got:?}"
    )))
}

/// Bytes of hexadecimal with `0x`, or the text's own.
fn bytes_of(text: &str) -> Result<Vec<u8>, Failure> {
    match text.strip_prefix("0x") {
        Some(hex) => Ok(alloy_primitives::hex::decode(hex)?),
        None => Ok(text.as_bytes().to_vec()),
    }
}

fn text_of<'a>(value: &'a Value, what: &str) -> Result<&'a str, Failure> {
    value
        .as_str()
        .ok_or_else(|| Failure::Failed(format!("{what}: expected a text, got {value}")))
}
