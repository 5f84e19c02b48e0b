//! `node-lite import`: executes a file of blocks, and serves the chain if asked to.

use std::{fs, net::SocketAddr, time::Instant};

use eyre::{Context, Result};
use node_lite_exec::{ChainView, ImportedChain, ViewConfig, parse_genesis};
use node_lite_rpc::Server;

use crate::{Signals, explain, flags::Import, runtime};

/// Blocks that are kept while importing when nobody will read them: what `BLOCKHASH` and ommers reach.
const UNSERVED: usize = 8;

/// Imports the blocks and prints the head.
pub(crate) fn run(flags: &Import) -> Result<()> {
    let (genesis, path) = (&flags.genesis, &flags.chain);
    let json = fs::read_to_string(genesis)
        .wrap_err_with(|| format!("cannot read {}", genesis.display()))?;
    let parsed =
        parse_genesis(&json).wrap_err_with(|| format!("cannot use {}", genesis.display()))?;
    let file = fs::read(path).wrap_err_with(|| format!("cannot read {}", path.display()))?;
    let retain_blocks = match (flags.serve, flags.retain) {
        (false, _) => UNSERVED,
        (true, None) => usize::MAX,
        (true, Some(blocks)) => usize::try_from(blocks)?,
    };
    let config = ViewConfig {
        retain_blocks,
        ..ViewConfig::default()
    };
    let mut chain = ImportedChain::open(&parsed, config)?;
    let started = Instant::now();
    eprintln!("proof-of-work seals are not checked");
    let mut said = started;
    let blocks = chain
        .import_with(&file, |number, done| {
            if said.elapsed().as_secs() >= 1 {
                said = Instant::now();
                let percent = done.saturating_mul(100) / file.len().max(1);
                eprintln!("  {percent} %, block {number}");
            }
        })
        .wrap_err_with(|| format!("cannot import {}", path.display()))?;
    drop(file);
    let (number, hash) = chain.head();
    eprintln!(
        "{blocks} blocks in {:.1} s",
        started.elapsed().as_secs_f64()
    );
    println!("{number} {hash}");
    if !flags.serve {
        return Ok(());
    }
    let chain = chain.into_view();
    chain
        .mark(flags.safe.unwrap_or(hash), flags.finalized.unwrap_or(hash))
        .wrap_err("--safe and --finalized")?;
    runtime()?.block_on(serve(flags, chain))
}

async fn serve(flags: &Import, chain: ChainView) -> Result<()> {
    let signals = Signals::new()?;
    let server = Server::start_view(chain.clone(), flags.listen.config()?)
        .await
        .map_err(|error| explain(error, flags.listen.port))?;
    println!("{}", compose(&chain, server.address()));
    signals.stop(server, || {}, || chain.head().number()).await
}

fn compose(chain: &ChainView, address: SocketAddr) -> String {
    format!(
        "\nnode-lite {}, an imported chain\n  JSON-RPC     http://{address}  ws://{address}\n  Chain id     {}\n  Genesis hash {}\n  Blocks       {} to {}",
        env!("CARGO_PKG_VERSION"),
        chain.chain_id(),
        chain.forks().genesis_hash(),
        chain.oldest_number(),
        chain.head().number(),
    )
}
