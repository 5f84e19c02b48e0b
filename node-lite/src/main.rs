//! `node-lite`: a sequencer with its JSON-RPC, the light client's protocol and, with `--dev`, the explorer, on one port.

mod accounts;
mod banner;
mod control;
mod explorer;
mod flags;
mod import;
mod infer;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use clap::Parser;
use eyre::{Context, Result, bail};
use node_lite_exec::{Chain, Genesis, SequencerConfig, dev_genesis, parse_genesis};
use node_lite_rpc::{Control, Server};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use control::SequencerControl;
use flags::{Command, Flags};

fn main() -> ExitCode {
    let flags = Flags::parse();
    if let Some(Command::InferWorker(worker)) = &flags.command {
        return worker.run();
    }
    start_log(&flags.log);
    match run(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start_log(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|error| {
        eprintln!("warning: --log {filter:?} is not understood ({error}); using info");
        EnvFilter::new("info")
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}

fn run(flags: Flags) -> Result<()> {
    if let Some(Command::Import(flags)) = &flags.command {
        return import::run(flags);
    }
    let genesis = read_genesis(&flags)?;
    let config = SequencerConfig {
        seal: flags.seal_mode()?,
        retain_blocks: flags.retain,
        signer_key: flags.signer_key()?,
        ..SequencerConfig::default()
    };
    let chain = Chain::open(&genesis, config).wrap_err("cannot start the chain")?;
    let pages = if flags.dev {
        explorer::router(flags.explorer.clone())?
    } else {
        Router::new()
    };
    runtime()?.block_on(serve(flags, chain, pages))
}

fn runtime() -> Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let built = builder.enable_all().build();
    built.wrap_err("cannot start the runtime")
}

async fn serve(flags: Flags, chain: Chain, pages: Router) -> Result<()> {
    // Before anything listens, so that no signal is lost.
    let signals = Signals::new()?;
    let control = Arc::new(SequencerControl::new(chain.clone()));
    let dev_control = flags.dev.then(|| Arc::clone(&control) as Arc<dyn Control>);
    let routes = infer::start(&flags, &chain)?;
    let server = Server::start_with(
        chain.clone(),
        flags.server_config()?,
        pages,
        routes,
        dev_control,
    )
    .await
    .map_err(|error| explain(error, flags.listen.port))?;
    control.start(chain.config().seal);
    banner::print(&flags, &chain, server.address());

    let head = || chain.head().number();
    signals.stop(server, || control.stop(), head).await
}

/// What ends the node.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).wrap_err("cannot listen for signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for a signal and stops the server; a second signal stops it at once.
    async fn stop(
        mut self,
        server: Server,
        before: impl FnOnce(),
        head: impl FnOnce() -> u64,
    ) -> Result<()> {
        let name = tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        };
        tracing::info!(signal = name, head = head(), "stopping");
        before();
        tokio::select! {
            () = server.stop() => Ok(()),
            _ = self.interrupt.recv() => bail!("stopped at once, as asked"),
            _ = self.terminate.recv() => bail!("stopped at once, as asked"),
        }
    }
}

fn read_genesis(flags: &Flags) -> Result<Genesis> {
    match &flags.genesis {
        Some(path) => {
            let json = std::fs::read_to_string(path)
                .wrap_err_with(|| format!("cannot read {}", path.display()))?;
            parse_genesis(&json).wrap_err_with(|| format!("cannot use {}", path.display()))
        }
        None if flags.dev => Ok(dev_genesis()?),
        None => bail!(
            "nothing to run: this version runs a chain of one sequencer, either\n  \
             node-lite --dev                                        the development chain, or\n  \
             node-lite --genesis FILE --signer-key-file FILE        a chain of your own\n\
             Following another node's chain is not supported yet."
        ),
    }
}

fn explain(error: node_lite_rpc::ServerError, port: u16) -> eyre::Report {
    match &error {
        node_lite_rpc::ServerError::Bind { source, .. }
            if source.kind() == std::io::ErrorKind::AddrInUse =>
        {
            let next = port.checked_add(1).unwrap_or(8545);
            eyre::eyre!(
                "port {port} is taken by another program; choose another one, for example --port {next}"
            )
        }
        _ => eyre::Report::new(error),
    }
}
