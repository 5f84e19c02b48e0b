//! The command line.

use std::path::PathBuf;

use alloy_primitives::{Address, B256, U256};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use sidelight_client::dto::{ChainOption, Mode, Share, StartOptions, StorageOption, WatchEntry};

use crate::Exit;

const EXIT_CODES: &str = "Exit codes:
  0  done, and everything holds
  1  something was refused: a false answer, a file that does not hold
  2  the command line or the input cannot be understood
  3  unknown: no node answers, or nobody has it
  4  conflict: the sequencer contradicts itself";

/// A light client for the command line: it verifies what nodes say and shows how far.
#[derive(Debug, Parser)]
#[command(name = "sidelight", version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Follow the chain, one line for each verified block
    #[command(after_help = EXIT_CODES)]
    Follow(Follow),
    /// Read a value, with its proof checked
    #[command(after_help = EXIT_CODES)]
    Get(Get),
    /// Judge a proof, transition, evidence, invalid block or checkpoint file, or an eth_getProof result, offline
    #[command(after_help = EXIT_CODES)]
    Verify(Verify),
    /// Print the verified head as a checkpoint that another client can start from
    #[command(after_help = EXIT_CODES)]
    Checkpoint(Checkpoint),
}

/// How to reach a chain.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Connect {
    /// Address of a node; give several to notice one that lags or lies
    #[arg(
        long = "node",
        value_name = "URL",
        env = "SIDELIGHT_NODE",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:8545"
    )]
    pub(crate) nodes: Vec<String>,
    /// "dev", or a JSON file with chainId, genesisHash and genesisSigner
    #[arg(long, value_name = "NAME|FILE", default_value = "dev")]
    chain: String,
    /// A block hash that you trust, to start from instead of genesis
    #[arg(long, value_name = "HASH")]
    checkpoint: Option<B256>,
    /// Keep verified headers in this folder; they are verified again when it is opened
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Seconds to wait for a verified head
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    pub(crate) timeout: u64,
}

impl Connect {
    /// The client's options.
    pub(crate) fn options(
        &self,
        mode: Mode,
        watch: Vec<WatchEntry>,
    ) -> Result<StartOptions, (Exit, String)> {
        Ok(StartOptions {
            nodes: self.nodes.clone(),
            chain: read_chain(&self.chain)?,
            mode,
            share: None,
            watch,
            checkpoint: self.checkpoint,
            storage: if self.store.is_some() {
                StorageOption::Auto
            } else {
                StorageOption::Memory
            },
            store_name: self
                .store
                .as_ref()
                .map(|folder| folder.to_string_lossy().into_owned()),
        })
    }
}

fn read_chain(name: &str) -> Result<ChainOption, (Exit, String)> {
    if name == "dev" {
        return Ok(ChainOption::default());
    }
    let refused = |error: &dyn std::fmt::Display| (Exit::Usage, format!("--chain {name}: {error}"));
    let text = std::fs::read_to_string(name).map_err(|error| refused(&error))?;
    serde_json::from_str(&text)
        .map(ChainOption::Rules)
        .map_err(|error| refused(&error))
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Follow {
    #[command(flatten)]
    pub(crate) connect: Connect,
    /// What to check of every block
    #[arg(long, value_enum, default_value_t = ModeArg::Consistent)]
    pub(crate) mode: ModeArg,
    /// In mode "execute": how many blocks of a hundred are executed, chosen at random
    #[arg(long, value_name = "PERCENT", value_parser = parse_share)]
    pub(crate) share: Option<Share>,
    /// End after so many blocks; in mode "execute", so many executed ones
    #[arg(long, value_name = "N")]
    pub(crate) blocks: Option<u64>,
    /// Print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Where evidence goes when the sequencer contradicts itself
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) evidence: PathBuf,
    /// Watch an account, and slots of it: ADDRESS or ADDRESS:SLOT,SLOT
    #[arg(long = "watch", value_name = "ADDRESS[:SLOT,..]", value_parser = parse_watch)]
    pub(crate) watch: Vec<WatchEntry>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Get {
    #[command(subcommand)]
    pub(crate) what: What,
}

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// An account's balance in wei
    Balance(Account),
    /// An account's nonce
    Nonce(Account),
    /// An account's code
    Code(Account),
    /// A storage slot
    Storage {
        #[command(flatten)]
        account: Account,
        /// The slot, as 0x hex or decimal
        #[arg(value_parser = parse_slot)]
        slot: U256,
    },
    /// A transaction, proven to stand in its block
    Transaction(Hash),
    /// What came of a transaction: status, gas, logs
    Receipt(Hash),
    /// The logs of a range of blocks, with a proof that none is left out
    Logs(Logs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Hash {
    /// The transaction's hash
    pub(crate) hash: B256,
    #[command(flatten)]
    pub(crate) show: Show,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Logs {
    /// First block, as a number or a hash
    #[arg(long, value_name = "BLOCK", default_value = "latest")]
    pub(crate) from: String,
    /// Last block
    #[arg(long, value_name = "BLOCK", default_value = "latest")]
    pub(crate) to: String,
    /// Emitted by this account; give several for any of them
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub(crate) address: Vec<Address>,
    /// With this topic at the first place, at the second if given again, and so on; alternatives are parted by commas, "any" is any
    #[arg(long = "topic", value_name = "HASH", value_parser = parse_topic)]
    pub(crate) topics: Vec<Topic>,
    #[command(flatten)]
    pub(crate) show: Show,
}

/// The alternatives for one place; any if empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topic(pub(crate) Vec<B256>);

/// How an answer is reached and shown.
#[derive(Debug, ClapArgs)]
pub(crate) struct Show {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connect: Connect,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Account {
    /// The account's address
    pub(crate) address: Address,
    /// Block number or hash
    #[arg(long, default_value = "latest")]
    pub(crate) block: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the proof to this file, for "sidelight verify"
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connect: Connect,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Verify {
    /// The file; "-" reads from standard input
    pub(crate) file: PathBuf,
    /// The state root to hold the proof against
    #[arg(long, value_name = "HASH")]
    pub(crate) root: Option<B256>,
    /// A block as JSON (eth_getBlockByNumber) whose state root is trusted
    #[arg(long, value_name = "FILE", conflicts_with = "root")]
    pub(crate) block: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Checkpoint {
    #[command(flatten)]
    pub(crate) connect: Connect,
    /// Print the checkpoint file
    #[arg(long)]
    pub(crate) json: bool,
}

/// `Mode` on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArg {
    /// Signed headers only
    Headers,
    /// Headers, and the watched accounts' part of every block
    Watch,
    /// Every state diff against the state root
    Consistent,
    /// As consistent, and blocks are executed again
    Execute,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Headers => Self::Headers,
            ModeArg::Watch => Self::Watch,
            ModeArg::Consistent => Self::Consistent,
            ModeArg::Execute => Self::Execute,
        }
    }
}

fn parse_watch(text: &str) -> Result<WatchEntry, String> {
    let (address, slots) = text.split_once(':').unwrap_or((text, ""));
    let address = address
        .parse()
        .map_err(|error| format!("address: {error}"))?;
    let slots = slots
        .split(',')
        .filter(|slot| !slot.is_empty())
        .map(parse_slot);
    Ok(WatchEntry {
        address,
        slots: slots.collect::<Result<_, _>>()?,
    })
}

fn parse_topic(text: &str) -> Result<Topic, String> {
    if text == "any" {
        return Ok(Topic(Vec::new()));
    }
    let options = text.split(',').map(|option| {
        let option = option.parse();
        option.map_err(|error| format!("topic: {error}"))
    });
    options.collect::<Result<_, _>>().map(Topic)
}

fn parse_share(text: &str) -> Result<Share, String> {
    let percent = text.parse().ok().and_then(Share::new);
    percent.ok_or_else(|| "expected a percentage between 1 and 100".into())
}

fn parse_slot(text: &str) -> Result<U256, String> {
    text.parse().map_err(|error| format!("slot: {error}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn watched_accounts_are_read_with_their_slots() {
        let entry = parse_watch("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266:0x1f,3").unwrap();
        assert_eq!(entry.slots, [U256::from(31), U256::from(3)]);
        assert!(
            parse_watch("0x12").is_err()
                && parse_watch("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266:zz").is_err()
        );
    }

    #[test]
    fn several_nodes_may_be_given_in_either_way() {
        let nodes = |args: &[&str]| match Args::parse_from(args).command {
            Command::Follow(follow) => follow.connect.nodes,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            nodes(&[
                "sidelight",
                "follow",
                "--node",
                "http://a",
                "--node",
                "http://b"
            ]),
            ["http://a", "http://b"]
        );
        assert_eq!(
            nodes(&["sidelight", "follow", "--node", "http://a,http://b"]),
            ["http://a", "http://b"]
        );
    }
}
