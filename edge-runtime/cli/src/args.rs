//! The command line.

use std::path::PathBuf;

use alloy_primitives::B256;
use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::config::Flags;

/// Runs ONNX models on this device, records what ran, and checks decisions.
#[derive(Clone, Debug, Parser)]
#[command(name = "sidelight-edge", version, max_term_width = 110)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) config: Flags,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a model and print its outputs as JSON.
    Run(Run),
    /// Fetch a model from a node: continues where it stopped, and keeps only what has the right hash.
    Pull(Pull),
    /// Measure how long models take to load and to run.
    Bench(Bench),
    /// Say what is here and what is missing.
    Doctor,
    /// Check a decision: a file, or its hash at a node.
    Verify(Verify),
    /// What ran on this device: a signed chain of records.
    #[command(subcommand)]
    Record(Record),
    /// The configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print Prometheus metrics over the records.
    Metrics,
    /// Run ONNX's own cases, as edge-runtime/conformance writes them, and print what passes as JSON.
    #[command(hide = true)]
    Conformance {
        /// Where the cases are.
        folder: PathBuf,
    },
    /// Run models for another process of this program.
    #[command(hide = true)]
    Worker(Worker),
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Run {
    /// Its id in the folder of models, its manifest's file, or the SHA-256 of a model that was pulled.
    pub(crate) model: String,
    /// JSON: the numbers of the only input, or `{"inputs": [...]}` as the Open Inference Protocol has it. `-` is standard input.
    #[arg(long, value_name = "FILE", required_unless_present = "raw")]
    pub(crate) input: Option<PathBuf>,
    /// The bytes of the only input, little-endian.
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    pub(crate) raw: Option<PathBuf>,
    /// Keep the graph as the file has it.
    #[arg(long)]
    pub(crate) no_optimise: bool,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Pull {
    /// The model at a node: http://127.0.0.1:8545/v2/models/digits-mlp-f32.
    pub(crate) url: String,
    /// Accept only this file.
    #[arg(long, value_name = "HASH")]
    pub(crate) sha256: Option<B256>,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Bench {
    /// Models; without one, every model of the folder.
    #[arg(value_name = "MODEL")]
    pub(crate) names: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Verify {
    /// A file of the form sidelight/decision@1, or a decision's hash.
    pub(crate) decision: String,
    /// The node that has it: http://127.0.0.1:8545. Its word is not taken for anything.
    #[arg(long, value_name = "URL")]
    pub(crate) node: Option<String>,
    /// The rules that the light client starts from: "dev", or a JSON file with chainId, genesisHash and genesisSigner.
    #[arg(long, value_name = "NAME|FILE", default_value = "dev")]
    pub(crate) chain: String,
    /// The chain that the decision must be for.
    #[arg(long, value_name = "ID", default_value_t = 31_337)]
    pub(crate) chain_id: u64,
    /// The registry that it must be for.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "0x5161000000000000000000000000000000000002"
    )]
    pub(crate) registry: alloy_primitives::Address,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Record {
    /// Write all records as lines of JSON, inputs and outputs among them.
    Export {
        /// Where to; `-` is standard output.
        file: PathBuf,
    },
    /// Check a file of records and keep it, where there are none yet or it continues those that are here.
    Import {
        /// What `export` wrote.
        file: PathBuf,
    },
    /// Run records again and compare.
    Replay {
        /// How many, chosen at random; without it, all of them.
        #[arg(long, value_name = "K")]
        sample: Option<usize>,
    },
    /// Check the chain of records and their signatures.
    Check,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say whether it holds, and what is wrong with it.
    Check,
    /// Print every value with where it comes from.
    Print,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Worker {
    #[arg(long)]
    pub(crate) memory: u64,
    #[arg(long)]
    pub(crate) onnxruntime: Option<PathBuf>,
    #[arg(long)]
    pub(crate) cache: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
