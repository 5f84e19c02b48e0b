//! The native column: one JSON object, `{ case: milliseconds at the median }`. `e2e/bench/wasm.mjs` does the same with the wasm module.

use std::process::ExitCode;
use std::time::Instant;

use sidelight_bench::{Bench, CASES};

/// Samples of a case; the median is what is reported.
const SAMPLES: usize = 31;
/// A sample takes at least this long, so that the clock's resolution does not matter.
const SAMPLE_MS: f64 = 20.0;

fn main() -> ExitCode {
    let Some(mut bench) = Bench::new() else {
        eprintln!("the states could not be built");
        return ExitCode::FAILURE;
    };
    let mut lines = Vec::new();
    for (case, name) in CASES.iter().enumerate() {
        let Some(ms) = measure(&mut bench, case) else {
            eprintln!("{name}: did not verify");
            return ExitCode::FAILURE;
        };
        lines.push(format!("  {name:?}: {ms:.5}"));
    }
    println!("{{\n{}\n}}", lines.join(",\n"));
    ExitCode::SUCCESS
}

/// Milliseconds of one run, at the median; `None` if a run did not verify.
fn measure(bench: &mut Bench, case: usize) -> Option<f64> {
    let mut runs = 1;
    loop {
        let elapsed = sample(bench, case, runs)?;
        if elapsed >= SAMPLE_MS {
            break;
        }
        runs *= if elapsed > SAMPLE_MS / 8.0 { 2 } else { 8 };
    }
    let mut samples = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        samples.push(sample(bench, case, runs)? / runs as f64);
    }
    samples.sort_by(f64::total_cmp);
    samples.get(SAMPLES / 2).copied()
}

fn sample(bench: &mut Bench, case: usize, runs: usize) -> Option<f64> {
    bench.prepare(case, runs);
    let started = Instant::now();
    let verified = bench.run(case, runs);
    verified.then(|| started.elapsed().as_secs_f64() * 1e3)
}
