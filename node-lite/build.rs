//! Makes the explorer's folder known to the compiler, which writes its place into the binary, and makes cargo notice a rebuilt explorer: a release binary has its files inside. A development
//! binary reads them when they are asked for.

use std::fs;

/// What trunk fills.
const DIST: &str = "../web-app/dist";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A folder that is not there has no canonical path, and its files would not be found later either.
    if let Err(error) = fs::create_dir_all(DIST) {
        println!("cargo::warning={DIST}: {error}");
    }
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        // The folder above, because naming one that is not there would rebuild every time.
        println!("cargo::rerun-if-changed=../web-app");
    }
}
