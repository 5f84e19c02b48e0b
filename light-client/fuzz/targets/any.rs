//! Every target in one program: SIDELIGHT_FUZZ names the one that runs.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sidelight_fuzz::{TARGETS, Target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let wanted = std::env::var("SIDELIGHT_FUZZ").unwrap_or_default();
    let found = TARGETS.iter().find(|(name, _)| *name == wanted);
    let Some((_, target)) = found else {
        let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
        panic!("SIDELIGHT_FUZZ: expected one of {}; got {wanted:?}", names.join(", "));
    };
    *target
});

fuzz_target!(|data: &[u8]| TARGET(data));
