//! Every target in one program: SIDELIGHT_FUZZ names the one that runs, or is `list`.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use sidelight_fuzz::{TARGETS, Target};

static TARGET: OnceLock<Target> = OnceLock::new();

/// Looks the target up before the first input.
fn choose() {
    let wanted = std::env::var("SIDELIGHT_FUZZ").unwrap_or_default();
    match TARGETS.iter().find(|(name, _)| *name == wanted) {
        Some((_, target)) => drop(TARGET.set(*target)),
        None => {
            TARGETS.iter().for_each(|(name, _)| println!("{name}"));
            std::process::exit(if wanted == "list" { 0 } else { 2 });
        }
    }
}

fuzz_target!(
    init: choose(),
    |data: &[u8]| {
        if let Some(target) = TARGET.get() {
            target(data);
        }
    }
);
