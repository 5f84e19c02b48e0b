//! `node-lite-conformance PATH`: plays a folder of ethereum/execution-apis and reports.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Parser;
use node_lite_conformance::{Folder, run};
use sidelight_conformance::Report;

/// Imports a folder's genesis.json and chain.rlp into node-lite and plays its .io files over JSON-RPC.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// A folder in the format of ethereum/execution-apis' tests.
    path: PathBuf,
    /// Only files whose name contains this.
    #[arg(long, default_value = "")]
    filter: String,
    /// Only every Nth file, beginning with the first.
    #[arg(long, default_value_t = 1)]
    every: usize,
    /// Where the report goes as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    match play(&Arguments::parse()) {
        Ok(report) => {
            print!("{report}");
            if report.failed == 0 {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn play(arguments: &Arguments) -> Result<Report, Box<dyn std::error::Error>> {
    let folder = Folder::open(&arguments.path)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(run(&folder, &arguments.filter, arguments.every))?;
    if let Some(path) = &arguments.json {
        fs::write(path, serde_json::to_vec_pretty(&report)?)?;
    }
    Ok(report)
}
