//! The command line.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use alloy_primitives::B256;
use clap::{Args, Parser, Subcommand};
use eyre::{Context, Result, bail};
use node_lite_exec::{DEV_SIGNER_KEY, SealMode, SequencerConfig};
use node_lite_rpc::{AllowedOrigins, ServerConfig};

use crate::infer::{Infer, InferWorker};

/// A sequencer, its JSON-RPC and the light client's protocol on one port.
///
/// `node-lite --dev` starts a development chain (id 31337) whose accounts are those of the usual test mnemonic, and serves the explorer.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "node-lite",
    version,
    max_term_width = 110,
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Run a development chain: funded test accounts, the explorer, and the dev_* methods with which the node can be made to lie.
    #[arg(long)]
    pub(crate) dev: bool,

    /// Start from this genesis file (geth's format) instead of the built-in one.
    #[arg(long, value_name = "FILE")]
    pub(crate) genesis: Option<PathBuf>,

    /// File with the sequencer's secp256k1 key in hex; --dev has a well-known one.
    #[arg(long, value_name = "FILE", env = "NODE_LITE_SIGNER_KEY_FILE")]
    pub(crate) signer_key_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) listen: Listen,

    /// Time between blocks, from 50ms: a number with ms, s or m; a bare number is seconds.
    #[arg(long, default_value = "1s", value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) block_time: Duration,

    /// Seal a block whenever a transaction arrives, and none otherwise.
    #[arg(long, conflicts_with_all = ["block_time", "no_mining"])]
    pub(crate) on_demand: bool,

    /// Seal blocks only when dev_seal or evm_mine is called.
    #[arg(long, conflicts_with = "block_time")]
    pub(crate) no_mining: bool,

    #[command(flatten)]
    pub(crate) infer: Infer,

    /// Serve the explorer from this folder instead of the built-in one.
    #[arg(long, value_name = "DIR", env = "NODE_LITE_EXPLORER")]
    pub(crate) explorer: Option<PathBuf>,

    /// Blocks, with their states, that stay readable.
    #[arg(long, default_value_t = 4096, value_name = "N")]
    pub(crate) retain: usize,

    /// What to log: error, warn, info, debug, trace, or a filter such as node_lite_rpc=debug.
    #[arg(long, default_value = "info", value_name = "FILTER", env = "RUST_LOG")]
    pub(crate) log: String,
}

/// Where it listens, and to whom.
#[derive(Clone, Debug, Args)]
pub(crate) struct Listen {
    /// Port for everything that is served over HTTP and WebSocket. 0 chooses a free one.
    #[arg(long, default_value_t = 8545)]
    pub(crate) port: u16,

    /// Address to listen on. Anything but a loopback address lets others on the network call this node.
    #[arg(long, default_value = "127.0.0.1", value_name = "IP")]
    pub(crate) host: IpAddr,

    /// Web origins that may call, besides pages from this machine: scheme://host[:port], several with commas, or *.
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    pub(crate) cors: Vec<String>,

    /// Host names, besides addresses and localhost, under which this node may be called.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) allow_host: Vec<String>,
}

/// What else it does.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Execute a chain of RLP blocks and print the number and hash of its head; with --serve, answer JSON-RPC over it.
    ///
    /// Any Ethereum rules from Frontier to Osaka, as the genesis file's config says. Proof-of-work seals are not checked.
    Import(Import),

    /// Run models for another process of this program.
    #[command(hide = true)]
    InferWorker(InferWorker),
}

/// What is imported, and whether it is served.
#[derive(Clone, Debug, Args)]
pub(crate) struct Import {
    /// The chain's genesis file (geth's format).
    #[arg(long, value_name = "FILE")]
    pub(crate) genesis: PathBuf,

    /// The blocks: RLP, one after another.
    pub(crate) chain: PathBuf,

    /// Serve the chain over JSON-RPC (HTTP and WebSocket) until interrupted. Every block and every state can be read; no block is added.
    #[arg(long)]
    pub(crate) serve: bool,

    /// Blocks, with their states, that stay readable with --serve; all of them by default.
    #[arg(long, value_name = "N", requires = "serve", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) retain: Option<u32>,

    /// Hash of the block that `safe` names; the head by default.
    #[arg(long, value_name = "HASH", requires = "serve")]
    pub(crate) safe: Option<B256>,

    /// Hash of the block that `finalized` names; the head by default.
    #[arg(long, value_name = "HASH", requires = "serve")]
    pub(crate) finalized: Option<B256>,

    #[command(flatten)]
    pub(crate) listen: Listen,
}

impl Listen {
    /// What the server is started with.
    pub(crate) fn config(&self) -> Result<ServerConfig> {
        Ok(ServerConfig {
            listen: SocketAddr::new(self.host, self.port),
            origins: AllowedOrigins::parse(&self.cors).wrap_err("--cors")?,
            hosts: self.allow_host.clone(),
            ..ServerConfig::default()
        })
    }
}

impl Flags {
    pub(crate) fn seal_mode(&self) -> Result<SealMode> {
        if self.on_demand {
            return Ok(SealMode::Automine);
        }
        if self.no_mining {
            return Ok(SealMode::Manual);
        }
        if self.block_time < SequencerConfig::MIN_INTERVAL {
            bail!(
                "--block-time: expected at least {:?}, got {:?}",
                SequencerConfig::MIN_INTERVAL,
                self.block_time
            );
        }
        Ok(SealMode::Interval(self.block_time))
    }

    pub(crate) fn signer_key(&self) -> Result<B256> {
        let Some(path) = &self.signer_key_file else {
            if self.dev {
                return Ok(DEV_SIGNER_KEY);
            }
            bail!("a chain of your own needs --signer-key-file");
        };
        read_key(path)
    }

    pub(crate) fn server_config(&self) -> Result<ServerConfig> {
        Ok(ServerConfig {
            dev: self.dev,
            ..self.listen.config()?
        })
    }
}

/// A file with 32 bytes in hex.
pub(crate) fn read_key(path: &Path) -> Result<B256> {
    let text = std::fs::read_to_string(path)
        .wrap_err_with(|| format!("cannot read {}", path.display()))?;
    text.trim()
        .parse()
        .map_err(|_| eyre::eyre!("{}: expected 32 bytes in hex", path.display()))
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        other => return Err(format!("expected ms, s or m, got {other:?}")),
    };
    let seconds: f64 = number
        .parse()
        .map_err(|_| format!("expected a number, got {number:?}"))?;
    Duration::try_from_secs_f64(seconds * factor).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Flags::command().debug_assert();
    }

    #[test]
    fn an_import_is_served_only_if_asked_to() {
        let import = |words: &[&str]| {
            let words = [&["node-lite", "import", "--genesis", "g", "c"], words].concat();
            Flags::try_parse_from(words)
        };
        assert!(import(&["--retain", "1"]).is_err());
        assert!(import(&["--serve", "--retain", "0"]).is_err());
        let flags = import(&["--serve", "--retain", "1", "--port", "0"]).unwrap();
        let Some(Command::Import(flags)) = flags.command else {
            panic!("{flags:?}");
        };
        assert_eq!((flags.retain, flags.listen.port), (Some(1), 0));
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(parse_duration("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(parse_duration("2"), Ok(Duration::from_secs(2)));
        assert_eq!(parse_duration("0.25s"), Ok(Duration::from_millis(250)));
        for wrong in ["", "s", "1h", "-1s", "1.2.3s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_block_time_below_the_minimum_is_refused() {
        let flags = Flags::parse_from(["node-lite", "--dev", "--block-time", "49ms"]);
        assert!(flags.seal_mode().is_err());
        let flags = Flags::parse_from(["node-lite", "--dev", "--block-time", "50ms"]);
        assert_eq!(
            flags.seal_mode().unwrap(),
            SealMode::Interval(Duration::from_millis(50))
        );
    }

    #[test]
    fn modes_of_sealing_exclude_each_other() {
        assert!(
            Flags::try_parse_from(["node-lite", "--dev", "--on-demand", "--no-mining"]).is_err()
        );
        assert!(
            Flags::try_parse_from(["node-lite", "--dev", "--on-demand", "--block-time", "1s"])
                .is_err()
        );
        let flags = Flags::parse_from(["node-lite", "--dev", "--on-demand"]);
        assert_eq!(flags.seal_mode().unwrap(), SealMode::Automine);
    }
}
