//! Counts of tests, read from what the runners print, and added up.

use std::ops::AddAssign;
use std::time::Duration;

use serde_json::Value;

use crate::process::Outcome;
use crate::progress::{bold, format_duration, red};

/// How many tests ended how.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl Counts {
    pub(crate) const ONE_FAILED: Self = Self {
        passed: 0,
        failed: 1,
        skipped: 0,
    };
    pub(crate) const ONE_PASSED: Self = Self {
        passed: 1,
        failed: 0,
        skipped: 0,
    };

    /// The last line of `test` and `ci`.
    pub(crate) fn last_line(self) -> String {
        let skipped = if self.skipped == 0 {
            String::new()
        } else {
            format!(", {} skipped", self.skipped)
        };
        format!("{} passed, {} failed{skipped}", self.passed, self.failed)
    }

    /// Holds the counts against the exit status: a runner that failed, or ran nothing, is a failure whatever it printed.
    pub(crate) fn checked(mut self, ok: bool) -> Self {
        if self.failed == 0 && (!ok || self.passed == 0) {
            self.failed = 1;
        }
        self
    }

    /// `Summary [ 1.2s] 12 tests run: 11 passed (1 slow), 1 failed, 3 skipped`
    pub(crate) fn from_nextest(output: &str) -> Self {
        let is_summary = |line: &&str| line.trim_start().starts_with("Summary [");
        let Some(summary) = output.lines().rfind(is_summary) else {
            return Self::default();
        };
        let ended = summary.split_once(':').map_or("", |(_, ended)| ended);
        Self {
            passed: number_before(ended, "passed"),
            failed: number_before(ended, "failed")
                + number_before(ended, "timed out")
                + number_before(ended, "exec failed"),
            skipped: number_before(ended, "skipped"),
        }
    }

    /// `test result: ok. 3 passed; 0 failed; 1 ignored; ...`, once for each binary.
    pub(crate) fn from_cargo_test(output: &str) -> Self {
        let mut sum = Self::default();
        for line in output
            .lines()
            .filter(|line| line.trim_start().starts_with("test result:"))
        {
            let part = |word| {
                line.split(['.', ';'])
                    .map(|part| number_before(part, word))
                    .sum::<u64>()
            };
            sum += Self {
                passed: part("passed"),
                failed: part("failed"),
                skipped: part("ignored"),
            };
        }
        sum
    }

    /// `# pass 3` or `ℹ pass 3`, once for each run of `node --test`.
    pub(crate) fn from_node_test(output: &str) -> Self {
        let mut sum = Self::default();
        for line in output.lines() {
            let mut words = line.split_whitespace();
            let (Some("#" | "ℹ"), Some(what), Some(count), None) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                continue;
            };
            let Ok(count) = count.parse::<u64>() else {
                continue;
            };
            match what {
                "pass" => sum.passed += count,
                "fail" | "cancelled" => sum.failed += count,
                "skipped" | "todo" => sum.skipped += count,
                _ => {}
            }
        }
        sum
    }

    /// The `stats` of Playwright's JSON report. A test that passed on a second try is counted as failed: nothing here may depend on luck.
    pub(crate) fn from_playwright(report: &str) -> Self {
        let Ok(report) = serde_json::from_str::<Value>(report) else {
            return Self::default();
        };
        let stat = |name: &str| {
            report
                .get("stats")
                .and_then(|stats| stats.get(name))
                .and_then(Value::as_u64)
                .unwrap_or_default()
        };
        Self {
            passed: stat("expected"),
            failed: stat("unexpected") + stat("flaky"),
            skipped: stat("skipped"),
        }
    }
}

/// The number that stands before a word: `3 passed`.
fn number_before(text: &str, word: &str) -> u64 {
    let parts = text.split(',').map(str::trim);
    let count = |part: &str| {
        let (number, rest) = part.split_once(' ')?;
        let rest = rest.split(" (").next()?;
        if rest == word {
            number.parse::<u64>().ok()
        } else {
            None
        }
    };
    parts.filter_map(count).sum()
}

/// What ran, and how it went.
pub(crate) struct Suite {
    pub(crate) name: String,
    pub(crate) counts: Counts,
    pub(crate) elapsed: Duration,
    /// Why it counts as failed, where no test says so.
    pub(crate) note: String,
}

impl Suite {
    pub(crate) fn new(name: &str, counts: Counts, outcome: &Outcome) -> Self {
        let counted = counts.checked(outcome.ok);
        let note = if counted == counts {
            String::new()
        } else {
            format!("see {}", outcome.log.display())
        };
        Self {
            name: name.into(),
            counts: counted,
            elapsed: outcome.elapsed,
            note,
        }
    }

    /// A suite that could not run at all.
    pub(crate) fn broken(name: &str, error: &dyn std::fmt::Display) -> Self {
        Self {
            name: name.into(),
            counts: Counts::ONE_FAILED,
            elapsed: Duration::ZERO,
            note: error.to_string(),
        }
    }
}

/// Prints the table and, as the last line, the sum.
pub(crate) fn report(suites: &[Suite]) -> Counts {
    let mut sum = Counts::default();
    let width = suites
        .iter()
        .map(|suite| suite.name.chars().count())
        .max()
        .unwrap_or_default();
    println!(
        "\n{}",
        bold(&format!(
            "{:width$}  {:>7} {:>7} {:>7}  time",
            "suite", "passed", "failed", "skipped"
        ))
    );
    for suite in suites {
        sum += suite.counts;
        let Counts {
            passed,
            failed,
            skipped,
        } = suite.counts;
        let line = format!(
            "{:width$}  {passed:>7} {failed:>7} {skipped:>7}  {}",
            suite.name,
            format_duration(suite.elapsed)
        );
        println!("{}", if failed > 0 { red(&line) } else { line });
        for line in suite.note.lines() {
            println!("    {line}");
        }
    }
    println!("\n{}", sum.last_line());
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nextest_summaries_are_read() {
        let output = "     Summary [   1.069s] 12 tests run: 9 passed (1 slow), 1 failed, 2 timed out, 3 skipped\n";
        assert_eq!(
            Counts::from_nextest(output),
            Counts {
                passed: 9,
                failed: 3,
                skipped: 3
            }
        );
        assert_eq!(
            Counts::from_nextest("error: could not compile"),
            Counts::default()
        );
    }

    #[test]
    fn results_of_several_test_binaries_are_added() {
        let output = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
                      test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        assert_eq!(
            Counts::from_cargo_test(output),
            Counts {
                passed: 5,
                failed: 1,
                skipped: 1
            }
        );
    }

    #[test]
    fn both_reporters_of_node_are_read() {
        let output = "# tests 4\n# pass 3\n# fail 1\nℹ pass 2\nℹ skipped 1\nnot # pass 7\n";
        assert_eq!(
            Counts::from_node_test(output),
            Counts {
                passed: 5,
                failed: 1,
                skipped: 1
            }
        );
    }

    #[test]
    fn flaky_is_failed() {
        let report = r#"{"stats":{"expected":5,"unexpected":1,"flaky":1,"skipped":2}}"#;
        assert_eq!(
            Counts::from_playwright(report),
            Counts {
                passed: 5,
                failed: 2,
                skipped: 2
            }
        );
    }

    #[test]
    fn a_runner_that_fails_or_runs_nothing_never_counts_as_passed() {
        let passed = Counts {
            passed: 3,
            failed: 0,
            skipped: 0,
        };
        assert_eq!(passed.checked(false).failed, 1);
        assert_eq!(Counts::default().checked(true).failed, 1);
        assert_eq!(passed.checked(true).failed, 0);
    }
}
