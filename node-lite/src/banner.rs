//! What a person sees when the node is up.

use std::net::SocketAddr;

use node_lite_exec::{Chain, SealMode};

use crate::accounts::{ACCOUNTS, MNEMONIC};
use crate::explorer;
use crate::flags::Flags;

/// Prints where the node listens, what chain it runs and, with `--dev`, the test accounts.
pub(crate) fn print(flags: &Flags, chain: &Chain, address: SocketAddr) {
    println!("{}", compose(flags, chain, address));
}

fn compose(flags: &Flags, chain: &Chain, address: SocketAddr) -> String {
    let mut text = format!("\nnode-lite {}\n", env!("CARGO_PKG_VERSION"));
    let mut line = |name: &str, value: &str| text.push_str(&format!("  {name:<13}{value}\n"));
    let has_explorer = flags.dev && (flags.explorer.is_some() || explorer::is_built());
    if flags.dev {
        let hint = if has_explorer {
            ""
        } else {
            "  (not built: cargo xtask build web)"
        };
        line("Explorer", &format!("http://{address}{hint}"));
    }
    line("JSON-RPC", &format!("http://{address}  ws://{address}"));
    line(
        "Light client",
        &format!("http://{address}/lite  ws://{address}/stream"),
    );
    if flags.infer.models.is_some() {
        line("Inference", &format!("http://{address}/v2"));
    }
    line("Chain id", &chain.chain_id().to_string());
    line("Genesis hash", &chain.rules().genesis_hash.to_string());
    line("Signer", &chain.signer().address().to_string());
    let blocks = match chain.config().seal {
        SealMode::Interval(interval) => format!("every {interval:?}"),
        SealMode::Automine => "when a transaction arrives".to_owned(),
        SealMode::Manual => "when dev_seal is called".to_owned(),
    };
    line("Blocks", &blocks);
    if flags.dev && flags.genesis.is_none() {
        text.push_str(&accounts());
    }
    if has_explorer {
        text.push_str(&format!("\n  Open the explorer:  http://{address}\n"));
    }
    text.push_str("\n  Ctrl-C stops it.\n");
    text
}

fn accounts() -> String {
    let mut text = format!(
        "\n  Test accounts, 10000 ETH each. Everybody knows these keys.\n  Mnemonic     {MNEMONIC}\n\n"
    );
    for (index, (address, key)) in ACCOUNTS.iter().enumerate() {
        text.push_str(&format!("  ({index}) {address}  {key}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use node_lite_exec::SequencerConfig;

    #[test]
    fn the_banner_names_what_a_person_needs() {
        let chain = Chain::open(
            &node_lite_exec::dev_genesis().unwrap(),
            SequencerConfig::default(),
        )
        .unwrap();
        let text = compose(
            &Flags::parse_from(["node-lite", "--dev"]),
            &chain,
            ([127, 0, 0, 1], 8545).into(),
        );
        for part in [
            "http://127.0.0.1:8545",
            "31337",
            &chain.rules().genesis_hash.to_string(),
            MNEMONIC,
            &ACCOUNTS[9].1.to_string(),
            "every 1s",
        ] {
            assert!(text.contains(part), "{part} is missing from:\n{text}");
        }
    }
}
