//! Tensors with one encoding (CTE-1) and one root each: what the inference engine and the decision record have in common. `docs/decision-format.md` sections 1 and 2.
//!
//! ```text
//!   Tensor { name, dtype, shape, bytes }      canonical by construction: NaNs are one NaN, a bool is 0 or 1
//!      |            |
//!      |            +-- message   several tensors as bytes, sorted by name: how they enter and leave the engine
//!      +-- cte      root over 1,024-byte chunks: what a decision commits to, one chunk can be opened alone
//! ```
//!
//! `no_std`, two small dependencies: these sources are part of the engine, whose bytes are its identity.

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        reason = "tests fail by panicking"
    )
)]

extern crate alloc;

mod compare;
pub mod cte;
mod dtype;
pub mod limits;
mod message;
mod tensor;

pub use compare::{Difference, Tolerance, compare};
pub use dtype::DType;
pub use message::{decode_message, encode_message, sort_by_name};
pub use tensor::{Tensor, TensorError};
