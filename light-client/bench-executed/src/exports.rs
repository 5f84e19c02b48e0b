//! The parts as plain wasm exports. Nothing that this module imports is ever called.

use std::cell::RefCell;

use crate::{Case, PARTS};

thread_local! {
    static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static CASE: RefCell<Option<Case>> = const { RefCell::new(None) };
}

/// Makes room for a block's bytes; where it is.
// SAFETY: the name is this module's only `bench_room`.
#[unsafe(no_mangle)]
pub extern "C" fn bench_room(length: u32) -> *mut u8 {
    BYTES.with_borrow_mut(|bytes| {
        *bytes = vec![0; length as usize];
        bytes.as_mut_ptr()
    })
}

/// Reads the block; 1 if it is one.
// SAFETY: the name is this module's only `bench_read`.
#[unsafe(no_mangle)]
pub extern "C" fn bench_read() -> u32 {
    let case = BYTES.with_borrow(|bytes| Case::read(bytes));
    let is_one = case.is_some();
    CASE.set(case);
    u32::from(is_one)
}

/// How many parts there are.
// SAFETY: the name is this module's only `bench_parts`.
#[unsafe(no_mangle)]
pub extern "C" fn bench_parts() -> u32 {
    PARTS.len() as u32
}

/// Makes what `runs` runs of a part use up.
// SAFETY: the name is this module's only `bench_prepare`.
#[unsafe(no_mangle)]
pub extern "C" fn bench_prepare(part: u32, runs: u32) {
    CASE.with_borrow_mut(|case| {
        if let Some(case) = case {
            case.prepare(part as usize, runs as usize);
        }
    });
}

/// Runs a part; 1 if it did what it should.
// SAFETY: the name is this module's only `bench_run`.
#[unsafe(no_mangle)]
pub extern "C" fn bench_run(part: u32, runs: u32) -> u32 {
    CASE.with_borrow_mut(|case| {
        let ok = case
            .as_mut()
            .is_some_and(|case| case.run(part as usize, runs as usize));
        u32::from(ok)
    })
}
