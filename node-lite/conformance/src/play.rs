//! Imports a folder's chain, serves it, and plays the files against the server.

use std::{net::Ipv4Addr, time::Duration};

use node_lite_exec::{ChainError, ChainView, ImportError, ImportedChain, ViewConfig};
use node_lite_rpc::{Server, ServerConfig, ServerError};
use reqwest::Client;
use serde_json::Value;
use sidelight_conformance::{Case, Report, Status};

use crate::{
    compare,
    folder::{Folder, Forkchoice},
    script::{Exchange, Script},
};

/// How long an answer may take before the case has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why nothing could be played.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The server cannot start.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The client cannot start.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
}

/// Plays every `every`th file whose name contains `filter`, in order: they share one server, and what one sends is in the pool for those after it.
pub async fn run(folder: &Folder, filter: &str, every: usize) -> Result<Report, RunError> {
    let mut report = Report::new("rpc");
    let names = folder.names.iter().filter(|name| name.contains(filter));
    let names: Vec<&String> = names.step_by(every.max(1)).collect();
    let chain = match import(folder) {
        Ok(chain) => chain,
        Err(reason) => {
            let failed = |name: &&String| case((*name).clone(), Err(reason.clone()));
            report.extend(names.iter().map(failed));
            return Ok(report);
        }
    };
    let config = ServerConfig {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        ..ServerConfig::default()
    };
    let server = Server::start_view(chain, config).await?;
    let caller = Caller {
        client: Client::builder().timeout(PATIENCE).build()?,
        url: format!("http://{}", server.address()),
    };
    for name in names {
        let outcome = match folder.read(name) {
            Ok(text) => caller.play(&text).await,
            Err(error) => Err(error.to_string()),
        };
        report.extend([case(name.clone(), outcome)]);
    }
    server.stop().await;
    Ok(report)
}

/// The folder's chain, if its head is the one that it should have.
fn import(folder: &Folder) -> Result<ChainView, String> {
    let config = ViewConfig {
        retain_blocks: usize::MAX,
        ..ViewConfig::default()
    };
    let import = || -> Result<ImportedChain, ImportError> {
        let mut chain = ImportedChain::open(&folder.genesis, config)?;
        chain.import(&folder.chain)?;
        Ok(chain)
    };
    let chain = import().map_err(|error| format!("the chain cannot be imported: {error}"))?;
    let Forkchoice {
        head,
        safe,
        finalized,
    } = folder.forkchoice;
    let (number, got) = chain.head();
    if got != head {
        return Err(format!("head: expected {head}, got {got}, block {number}"));
    }
    let chain = chain.into_view();
    chain
        .mark(safe, finalized)
        .map_err(|error: ChainError| format!("fork choice: {error}"))?;
    Ok(chain)
}

struct Caller {
    client: Client,
    url: String,
}

impl Caller {
    async fn play(&self, text: &str) -> Result<(), String> {
        let script = Script::parse(text).map_err(|error| error.to_string())?;
        for Exchange { request, answer } in &script.exchanges {
            let got = self.ask(request).await?;
            if script.is_speconly {
                compare::same_shape(answer, &got)?;
            } else {
                compare::equal(answer, &got)?;
            }
        }
        Ok(())
    }

    async fn ask(&self, request: &str) -> Result<Value, String> {
        let post = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .body(request.to_owned());
        let answer = async { post.send().await?.text().await };
        let text = answer
            .await
            .map_err(|error| format!("no answer: {error}"))?;
        serde_json::from_str(&text).map_err(|error| format!("expected JSON, got {text:?}: {error}"))
    }
}

fn case(name: String, outcome: Result<(), String>) -> Case {
    let (status, reason) = match outcome {
        Ok(()) => (Status::Passed, String::new()),
        Err(reason) => (Status::Failed, reason),
    };
    Case {
        name,
        status,
        reason,
        tally: Default::default(),
    }
}
