//! The cases as plain wasm exports: no imports, so that nothing but the module is measured.

use std::cell::RefCell;

use crate::{Bench, CASES};

thread_local! {
    static BENCH: RefCell<Option<Bench>> = const { RefCell::new(None) };
}

/// Builds the states; 1 if that worked.
// SAFETY: the name is this module's only `bench_build`.
#[unsafe(no_mangle)]
pub extern "C" fn bench_build() -> u32 {
    BENCH.with_borrow_mut(|bench| {
        *bench = Bench::new();
        u32::from(bench.is_some())
    })
}

/// How many cases there are.
// SAFETY: the name is this module's only `bench_cases`.
#[unsafe(no_mangle)]
pub extern "C" fn bench_cases() -> u32 {
    CASES.len() as u32
}

/// Makes what `runs` runs of a case use up.
// SAFETY: the name is this module's only `bench_prepare`.
#[unsafe(no_mangle)]
pub extern "C" fn bench_prepare(case: u32, runs: u32) {
    BENCH.with_borrow_mut(|bench| {
        if let Some(bench) = bench {
            bench.prepare(case as usize, runs as usize);
        }
    });
}

/// Runs a case; 1 if everything verified.
// SAFETY: the name is this module's only `bench_run`.
#[unsafe(no_mangle)]
pub extern "C" fn bench_run(case: u32, runs: u32) -> u32 {
    BENCH.with_borrow_mut(|bench| {
        u32::from(
            bench
                .as_mut()
                .is_some_and(|bench| bench.run(case as usize, runs as usize)),
        )
    })
}
