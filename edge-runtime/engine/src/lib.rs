//! The pinned inference engine: [rten](https://docs.rs/rten) behind a small C-like interface, compiled to one wasm module without imports.
//!
//! ```text
//!   host                                  module
//!   engine_alloc(n) -> p, write n bytes
//!   engine_load(p, n, flags) ----------->  Session { model, schema }     one model in an instance: memory is freed by ending it
//!   engine_run(p, n)  message of inputs ->  outputs, as a message         engine_result(), engine_result_length()
//!   engine_trace(p, n)  the same -------->  type, shape and CTE-1 root of every value of the graph
//!   a panic is a trap: the instance is over, and its text stands at engine_panic
//! ```
//!
//! What the bytes of this module compute is determinism class D0: bit for bit the same wherever they run without relaxed SIMD and threads. `docs/decision-format.md` section 3 says
//! what crosses the boundary.

pub mod abi;
mod convert;
mod error;
mod schema;
mod session;

pub use error::{EngineError, Status};
pub use session::{Session, UNOPTIMISED};
