//! `sidelight`: follows a chain, reads from it and judges files, believing nobody.
//!
//! ```text
//! exit  0  done, and everything holds
//!       1  something was refused: a false answer, a file that does not hold
//!       2  the command line or the input cannot be understood
//!       3  unknown: no node answers, or nobody has it
//!       4  conflict: the sequencer contradicts itself
//! ```

mod args;
mod checkpoint;
mod follow;
mod get;
mod lists;
mod output;
mod verify;

use std::process::ExitCode;

use clap::Parser;
use sidelight_client::{Client, ClientError, platform};

use self::args::{Args, Command, Connect};

/// Why the program ends with something else than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// Something was refused.
    Refused = 1,
    /// The command line or the input cannot be understood.
    Usage = 2,
    /// No node answers, or nobody has it.
    Unknown = 3,
    /// The sequencer contradicts itself.
    Conflict = 4,
}

/// What a command comes to: a reason is printed, and the program ends with the code.
type Outcome = Result<(), (Exit, String)>;

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return finish(Err((Exit::Unknown, format!("cannot start: {error}")))),
    };
    finish(runtime.block_on(async {
        match args.command {
            Command::Follow(args) => follow::run(args).await,
            Command::Get(args) => get::run(args).await,
            Command::Verify(args) => verify::run(&args).await,
            Command::Checkpoint(args) => checkpoint::run(args).await,
        }
    }))
}

fn finish(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err((exit, reason)) => {
            if !reason.is_empty() {
                eprintln!("{}", output::red(&format!("error: {reason}")));
            }
            ExitCode::from(exit as u8)
        }
    }
}

/// Starts a client and waits until it is at a node's head.
async fn connect(
    args: &Connect,
    options: sidelight_client::dto::StartOptions,
) -> Result<Client, (Exit, String)> {
    let client = Client::start(options, platform::current())
        .await
        .map_err(|error| explain(&error))?;
    let wait = std::time::Duration::from_secs(args.timeout);
    match tokio::time::timeout(wait, client.wait_synced()).await {
        Ok(Ok(())) => Ok(client),
        Ok(Err(error)) => Err(explain(&error)),
        Err(_) => Err(explain_silence(&client, args.timeout)),
    }
}

/// Why nothing came: what was refused, if something was, and who could not be reached.
fn explain_silence(client: &Client, seconds: u64) -> (Exit, String) {
    let status = client.status();
    if let Some(fault) = status.faults.last() {
        return (
            Exit::Refused,
            format!("{} (from {})", fault.message, fault.peer),
        );
    }
    let nodes: Vec<&str> = status.peers.iter().map(|peer| peer.url.as_str()).collect();
    (
        Exit::Unknown,
        format!(
            "no verified head within {seconds} s from {}",
            nodes.join(", ")
        ),
    )
}

fn explain(error: &ClientError) -> (Exit, String) {
    let exit = match error {
        ClientError::Verification { fault, .. } if fault.kind.is_conflict() => Exit::Conflict,
        error if error.code() == -32090 => Exit::Refused,
        ClientError::Params(_) | ClientError::NotSupported(_) => Exit::Usage,
        _ => Exit::Unknown,
    };
    (exit, error.to_string())
}
