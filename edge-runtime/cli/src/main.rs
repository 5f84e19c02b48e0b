//! `sidelight-edge`: models on this device, a record of everything that ran, and checks of what others say that they ran.
//!
//! ```text
//! exit  0  done, and everything holds
//!       1  something was refused or does not hold
//!       2  the command line, the configuration or the input cannot be understood
//! ```

mod account;
mod args;
mod bench;
mod chain;
mod config;
mod conformance;
mod context;
mod doctor;
mod input;
mod metrics;
mod pull;
mod record;
mod recorder;
mod run;
mod verify;

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;
use eyre::Result;
use sidelight_edge::worker::{ChildConfig, serve};
use tracing_subscriber::EnvFilter;

use args::{Args, Command, ConfigCommand};

fn main() -> ExitCode {
    let args = Args::parse();
    if let Command::Worker(worker) = args.command {
        return serve(ChildConfig {
            memory: worker.memory,
            onnxruntime: worker.onnxruntime,
            cache: worker.cache,
        });
    }
    match dispatch(args) {
        Ok(holds) => ExitCode::from(u8::from(!holds)),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether everything holds.
fn dispatch(args: Args) -> Result<bool> {
    let loaded = config::load(&args.config)?;
    if let Command::Config(command) = &args.command {
        return match command {
            ConfigCommand::Check => loaded.check().map(|()| true),
            ConfigCommand::Print => {
                print!("{}", loaded.print()?);
                Ok(true)
            }
        };
    }
    let config = loaded.config()?;
    start_log(&config.log)?;
    match args.command {
        Command::Run(args) => run::run(&config, &args),
        Command::Pull(args) => pull::run(&config, &args),
        Command::Bench(args) => bench::run(&config, &args),
        Command::Doctor => doctor::run(&config),
        Command::Verify(args) => verify::run(&config, &args),
        Command::Record(command) => record::run(&config, &command),
        Command::Conformance { folder } => conformance::run(&config, &folder),
        Command::Metrics => metrics::run(&config),
        Command::Config(_) | Command::Worker(_) => Ok(true),
    }
}

fn start_log(filter: &str) -> Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(filter)?)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    Ok(())
}
