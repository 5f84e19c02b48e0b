//! Where the test data lies, and how it is read.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test binary uses its part, and fails by panicking"
)]

pub mod model;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder of official vectors: `SIDELIGHT_VECTORS`, or `shared/vectors` beside the checkout. Says so when there is none.
pub fn vectors(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SIDELIGHT_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
        PathBuf::from,
    );
    let folder = root.join(folder);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no test data at {}", folder.display());
    None
}

pub fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
