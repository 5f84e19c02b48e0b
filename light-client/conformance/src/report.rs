//! What a run found, for people and as JSON.

use core::fmt;

use serde::Serialize;

use crate::mutations::Tally;

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As the suite says.
    Passed,
    /// Otherwise.
    Failed,
    /// Not run, for a reason.
    Skipped,
}

/// One case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// File and name.
    pub name: String,
    /// How it ended.
    pub status: Status,
    /// Why it failed or was skipped; empty when it passed.
    pub reason: String,
    /// In suite `mutations`: how many mutants of each class were tried.
    #[serde(skip_serializing_if = "Tally::is_empty")]
    pub tally: Tally,
}

/// All cases of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The suite's name.
    pub suite: String,
    /// How many passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many were skipped.
    pub skipped: usize,
    /// In suite `mutations`: how many mutants of each class were tried.
    #[serde(skip_serializing_if = "Tally::is_empty")]
    pub tally: Tally,
    /// Each case, in the order of the files.
    pub cases: Vec<Case>,
}

impl Report {
    /// An empty report.
    #[must_use]
    pub fn new(suite: &str) -> Self {
        Self {
            suite: suite.to_owned(),
            ..Self::default()
        }
    }

    /// Adds cases and counts them.
    pub fn extend(&mut self, cases: impl IntoIterator<Item = Case>) {
        for case in cases {
            match case.status {
                Status::Passed => self.passed += 1,
                Status::Failed => self.failed += 1,
                Status::Skipped => self.skipped += 1,
            }
            for (class, count) in &case.tally {
                *self.tally.entry(class).or_default() += count;
            }
            self.cases.push(case);
        }
    }
}

/// What did not pass, with its reason, and the numbers.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in &self.cases {
            match case.status {
                Status::Passed => {}
                Status::Failed => writeln!(f, "failed   {}: {}", case.name, case.reason)?,
                Status::Skipped => writeln!(f, "skipped  {}: {}", case.name, case.reason)?,
            }
        }
        for (class, count) in &self.tally {
            writeln!(f, "{count:>9}  {class}")?;
        }
        writeln!(
            f,
            "{}: {} passed, {} failed, {} skipped",
            self.suite, self.passed, self.failed, self.skipped
        )
    }
}
