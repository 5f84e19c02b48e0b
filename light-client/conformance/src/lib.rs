//! Test suites that others wrote, run against the code that clients run.
//!
//! ```text
//!   folder --> *.json --> cases --> one suite's check --> passed | failed | skipped, each with its reason
//! ```
//! The suites know no file of any vector set: they take any folder in the suite's format.

mod bindings;
pub mod mutations;
pub mod report;
pub mod suites;

pub use bindings::run_file;
pub use report::{Case, Report, Status};
pub use suites::Suite;
