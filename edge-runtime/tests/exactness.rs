//! Class D0: the engine gives the same bits in wasmtime and in V8, for every row of every data set, in f32 and int8.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use common::{CASES, Case, folder, inputs, session};
use sidelight_edge_core::tensor::{Tensor, Tolerance, compare, decode_message, encode_message};

/// Rows of the data sets as they are in the first round, disturbed in every further one. `cargo xtask engine exactness` asks for as many as make 100,000 inferences.
const ROUNDS: &str = "SIDELIGHT_EXACTNESS_ROUNDS";
/// A browser to compare with as well; `cargo xtask test native` and `engine exactness` name it.
const CHROMIUM: &str = "SIDELIGHT_CHROMIUM";

#[test]
fn wasmtime_and_v8_agree_bit_for_bit_on_every_row() {
    let rounds = std::env::var(ROUNDS).map_or(1, |text| text.parse().unwrap());
    let mut compared = 0;
    for round in 0..rounds {
        for case in &CASES {
            for optimise in [true, false] {
                compared += compare_engines(case, optimise, round);
            }
        }
    }
    // 4 x 1,797 digits, 569 risks, 128 windows, each with and without fused operators.
    assert_eq!(compared, rounds as usize * 2 * (4 * 1797 + 569 + 128));
    let hosts = hosts()
        .map(|host| host.name)
        .collect::<Vec<_>>()
        .join(" and ");
    println!("{compared} inferences, wasmtime against {hosts}: 0 differences");
}

/// The row with each value moved a little, by a generator that is the same everywhere.
fn disturb(row: &Tensor, seed: u64) -> Tensor {
    let mut state = seed;
    let mut draw = || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let bytes = match row.to_f32() {
        Some(values) => values
            .iter()
            .flat_map(|value| {
                let share = (draw() >> 40) as f32 / (1_u32 << 24) as f32;
                (value * (0.9 + 0.2 * share)).to_le_bytes()
            })
            .collect(),
        None => row
            .bytes()
            .iter()
            .map(|byte| byte.saturating_add((draw() % 5) as u8))
            .collect(),
    };
    Tensor::new(row.name(), row.dtype(), row.shape(), bytes).unwrap()
}

fn compare_engines(case: &Case, optimise: bool, round: u64) -> usize {
    let mut rows = inputs(case);
    if round > 0 {
        for (at, row) in (0_u64..).zip(&mut rows) {
            *row = disturb(row, round << 32 | at);
        }
    }
    let mut session = session(case.name, optimise);
    let run = |row| session.run(std::slice::from_ref(row)).unwrap();
    let ours: Vec<Vec<Tensor>> = rows.iter().map(run).collect();
    for host in hosts() {
        let theirs = host.run(case, optimise, &rows);
        assert_eq!(theirs.len(), rows.len());
        for (at, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            if let Some(difference) = compare(ours, theirs, Tolerance::EXACT) {
                panic!(
                    "{} in {}, optimise {optimise}, row {at}: {difference}",
                    case.name, host.name
                );
            }
        }
    }
    rows.len()
}

/// A place where V8 runs.
struct Host {
    name: &'static str,
    script: &'static str,
    /// What the script takes first.
    browser: Option<String>,
}

fn hosts() -> impl Iterator<Item = Host> {
    let node = Host {
        name: "Node",
        script: "checks/engine.mjs",
        browser: None,
    };
    let chromium = std::env::var(CHROMIUM).ok().map(|browser| Host {
        name: "Chromium",
        script: "checks/chromium.mjs",
        browser: Some(browser),
    });
    std::iter::once(node).chain(chromium)
}

impl Host {
    /// Runs its script over the rows.
    fn run(&self, case: &Case, optimise: bool, rows: &[Tensor]) -> Vec<Vec<Tensor>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new("node")
            .arg(root.join(self.script))
            .args(&self.browser)
            .arg(root.join("engine/artefact/sidelight-engine.wasm"))
            .arg(folder().join(format!("{}.onnx", case.name)))
            .arg(if optimise { "0" } else { "1" })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node 20 is needed to compare with V8");
        let requests: Vec<u8> = rows
            .iter()
            .flat_map(|row| framed(&encode_message(std::slice::from_ref(row)).unwrap()))
            .collect();
        let mut stdin = child.stdin.take().unwrap();
        let writer = thread::spawn(move || stdin.write_all(&requests).unwrap());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success(), "{}", case.name);
        let mut rest = output.stdout.as_slice();
        let mut answers = Vec::new();
        while let Some((head, tail)) = rest.split_first_chunk::<4>() {
            let (answer, next) = tail.split_at(u32::from_le_bytes(*head) as usize);
            answers.push(decode_message(answer).unwrap());
            rest = next;
        }
        answers
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u32).to_le_bytes(), message].concat()
}
