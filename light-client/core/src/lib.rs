//! The verification core of Sidelight: every check that turns untrusted bytes into a verified value.
//!
//! Nothing here does I/O, reads a clock, draws randomness, spawns or logs; time is an argument. Unverified input becomes a `Verified*` value only through a
//! `verify_*` function, and the documentation of each such type says what was *not* checked. `docs/wire-format.md` is the byte format, `docs/threat-model.md`
//! says which attack each check stops.
#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        reason = "tests fail by panicking"
    )
)]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod bal;
#[cfg(feature = "bench")]
pub mod bench_cases;
pub mod checkpoint;
pub mod evidence;
pub mod execution;
pub mod extension;
pub mod fault;
pub mod follower;
pub mod header;
pub mod limits;
pub mod merkle;
pub mod proof;
pub mod rules;
pub mod signature;
pub mod state;
pub mod trie;
pub mod trust;
pub mod update;
pub mod wire;

mod rlp;
mod sorted;

pub use rlp::DecodeError;

#[cfg(test)]
mod tests;
