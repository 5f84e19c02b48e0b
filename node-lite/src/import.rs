//! `node-lite import`: executes a file of blocks.

use std::{fs, path::Path, time::Instant};

use eyre::{Context, Result};
use node_lite_exec::{ImportedChain, parse_genesis};

/// Imports the blocks of `chain` and prints the head.
pub(crate) fn run(genesis: &Path, chain: &Path) -> Result<()> {
    let json = fs::read_to_string(genesis)
        .wrap_err_with(|| format!("cannot read {}", genesis.display()))?;
    let parsed =
        parse_genesis(&json).wrap_err_with(|| format!("cannot use {}", genesis.display()))?;
    let file = fs::read(chain).wrap_err_with(|| format!("cannot read {}", chain.display()))?;
    let mut imported = ImportedChain::open(&parsed)?;
    let started = Instant::now();
    eprintln!("proof-of-work seals are not checked");
    let mut said = started;
    let blocks = imported
        .import_with(&file, |number, done| {
            if said.elapsed().as_secs() >= 1 {
                said = Instant::now();
                let percent = done.saturating_mul(100) / file.len().max(1);
                eprintln!("  {percent} %, block {number}");
            }
        })
        .wrap_err_with(|| format!("cannot import {}", chain.display()))?;
    let (number, hash) = imported.head();
    eprintln!(
        "{blocks} blocks in {:.1} s",
        started.elapsed().as_secs_f64()
    );
    println!("{number} {hash}");
    Ok(())
}
