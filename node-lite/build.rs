//! Makes cargo notice a rebuilt explorer: a release binary has its files inside. A development binary reads them when they are asked for.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        // The folder above, because naming one that is not there would rebuild every time.
        println!("cargo::rerun-if-changed=../web-app");
    }
}
