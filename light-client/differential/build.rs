//! Both EVMs bring CRYPTOGAMS' Keccak as assembly under one global name, `KeccakF1600`. It is the same function twice; any of the two will do.

fn main() {
    println!("cargo::rustc-link-arg-tests=-Wl,--allow-multiple-definition");
    println!("cargo::rerun-if-changed=build.rs");
}
