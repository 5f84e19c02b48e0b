//! The native column of `executed`, and the blocks that `e2e/bench/executed.mjs` executes in wasm: one JSON object.
//!
//! `sidelight-bench-executed OUT [PACKAGES]`: blocks are written to the folder OUT; PACKAGES is the `node_modules` with Uniswap's.

#[cfg(not(target_arch = "wasm32"))]
mod measure;
#[cfg(not(target_arch = "wasm32"))]
mod world;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> eyre::Result<()> {
    measure::run()
}

/// In a browser the library is all there is.
#[cfg(target_arch = "wasm32")]
fn main() {}
