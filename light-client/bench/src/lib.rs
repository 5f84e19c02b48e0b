//! The measured cases of the verification core. The same functions are called natively (`main.rs`) and in wasm (`exports.rs`), so that both columns of
//! `docs/benchmarks.md` are one program.
//!
//! ```text
//! Bench::new          states, proofs and blocks, built once
//! prepare(case, n)    what n runs use up, outside the clock
//! run(case, n)        n runs, inside the clock; false if one of them did not verify
//! ```

mod cases;
pub mod exports;
mod header;

pub use cases::{Bench, CASES};
