//! Runs the core's follower: connects it to nodes, a clock and a store, and says what happens.
//!
//! ```text
//!   node ---- session ----+                                     +---- subscribers
//!   node ---- session ----+--> State { Follower, archive, ... } +---- status()
//!   store --- persist ----+        behind one lock              +---- reads (crate::reads)
//! ```
//!
//! The lock is never held while something is awaited. Sessions hand in messages; after each input [`Inner::pump`] takes the follower's wishes and asks for them.

mod archive;
mod ask;
mod audit;
mod establish;
mod inner;
mod persist;
mod session;
mod state;
mod watch;

use std::sync::Arc;

use alloy_primitives::B256;
use futures::channel::mpsc;
use sidelight_core::wire::Filter;

pub(crate) use self::{
    ask::{Asking, misfit},
    inner::Inner,
    state::{State, age_ms, view_level},
    watch::WatchedValue,
};
use crate::{
    chains,
    dto::{
        ClientState, Event, FileOutcome, FileVerdict, StartOptions, Status, StorageOption,
        WatchEntry,
    },
    error::ClientError,
    files,
    platform::Platform,
    reads::BlockId,
    store,
    transport::Endpoint,
};

/// Most nodes that one client talks to.
const MAX_NODES: usize = 16;
/// Events that may wait for a subscriber; a slower one is dropped.
const MAX_WAITING_EVENTS: usize = 4_096;

/// A running client. Clones are handles to the same one.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("chain_id", &self.inner.trust.rules.chain_id)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Opens the store, verifies what is in it, and begins to follow the chain. Returns before anything came from the network.
    pub async fn start(
        options: StartOptions,
        platform: Arc<dyn Platform>,
    ) -> Result<Self, ClientError> {
        let nodes = read_nodes(&options.nodes)?;
        let rules = chains::resolve(&options.chain)?;
        let filter = read_filter(&options.watch)?;
        let trust = store::snapshot::TrustRoot {
            rules,
            checkpoint: options.checkpoint,
        };
        let audit = audit::open(&options, platform.as_ref())?;
        let in_memory = options.storage == StorageOption::Memory;
        let (backend, why) =
            store::open_or_memory(platform.as_ref(), in_memory, options.store_name).await;
        let inner = Arc::new(Inner::new(
            platform,
            trust,
            options.mode,
            nodes,
            filter,
            backend,
            why,
        ));
        inner.state().audit = audit;
        inner.restore().await;
        inner.run();
        Ok(Self { inner })
    }

    /// Events from now on. The first subscriber also hears the faults that were found while the client started.
    pub fn subscribe(&self) -> mpsc::Receiver<Event> {
        let (sender, receiver) = mpsc::channel(MAX_WAITING_EVENTS);
        self.inner.state().subscribe(sender);
        receiver
    }

    /// The state of the client now.
    pub fn status(&self) -> Status {
        let now_ms = self.inner.platform.now_ms();
        self.inner.state().status(now_ms)
    }

    /// Waits until the head of a node has been reached. Fails when the client is closed or halted.
    pub async fn wait_synced(&self) -> Result<(), ClientError> {
        loop {
            match self.status().state {
                ClientState::Live | ClientState::Stale => return Ok(()),
                ClientState::Halted => return Err(ClientError::Closed),
                ClientState::Conflict => {
                    return Err(self
                        .inner
                        .state()
                        .conflict_error()
                        .unwrap_or(ClientError::Closed));
                }
                ClientState::Starting | ClientState::Syncing | ClientState::Offline => {
                    self.inner.platform.sleep(20).await
                }
            }
        }
    }

    /// Watches these accounts instead of the ones before.
    pub async fn watch(&self, entries: &[WatchEntry]) -> Result<Status, ClientError> {
        let filter = read_filter(entries)?;
        self.inner.set_filter(filter);
        self.inner.flush().await;
        Ok(self.status())
    }

    /// Writes what is not written yet and stops. Calls after it fail.
    pub async fn close(&self) {
        self.inner.flush().await;
        self.inner.close();
    }

    /// The text of a checkpoint file of the verified head.
    pub fn checkpoint(&self) -> Result<String, ClientError> {
        let known = self.inner.resolve(BlockId::Latest)?;
        let time_s = self.inner.platform.now_ms() / 1_000;
        let text = files::write::write_checkpoint(&self.inner.trust.rules, &known.header, time_s);
        let text = text.ok_or_else(|| {
            ClientError::NotSupported(
                "a checkpoint of the genesis block, which the rules name already".into(),
            )
        })?;
        let verdict = files::verify_file(&text, None);
        match verdict.reason {
            None => Ok(text),
            Some(reason) => Err(ClientError::NotSupported(format!(
                "a checkpoint of this block: {reason}"
            ))),
        }
    }

    /// The text of a file that shows to anyone in what the sequencer contradicts itself; none while nothing does.
    pub fn evidence(&self) -> Result<Option<String>, ClientError> {
        let state = self.inner.state();
        if let Some(evidence) = &state.halted {
            return Ok(Some(evidence.file.clone()));
        }
        let Some((found, input)) = state.contradiction.clone() else {
            return Ok(None);
        };
        drop(state);
        let cannot = |reason: &str| {
            ClientError::NotSupported(format!("evidence against this block: {reason}"))
        };
        let text = files::write_invalid_block(&self.inner.trust.rules, &found, input.as_ref());
        let text = text.ok_or_else(|| cannot("nobody has signed it"))?;
        // A header inside of a run may carry no signature of its own. That executing gives what was found is not checked once more.
        let verdict = files::verify_file(&text, None);
        match verdict.outcome {
            FileOutcome::Proven | FileOutcome::Undecided => Ok(Some(text)),
            _ => Err(cannot(&verdict.reason.unwrap_or_default())),
        }
    }

    /// Judges a file, with this client's platform for what takes the execution of a block.
    pub async fn verify_file(&self, text: &str, state_root: Option<B256>) -> FileVerdict {
        files::verify_file_on(self.inner.platform.as_ref(), text, state_root).await
    }

    /// Drops everything that is stored. A client that is started after it begins at its trust root.
    pub async fn forget(&self) -> Result<(), ClientError> {
        self.inner.forget().await
    }
}

fn read_nodes(urls: &[String]) -> Result<Vec<Endpoint>, ClientError> {
    let mut nodes: Vec<Endpoint> = Vec::new();
    for url in urls {
        let node = Endpoint::parse(url).map_err(|error| ClientError::Params(error.to_string()))?;
        if !nodes.iter().any(|known| known.lite == node.lite) {
            nodes.push(node);
        }
    }
    match nodes.len() {
        0 => Err(ClientError::Params(
            "nodes: expected at least one address".into(),
        )),
        1..=MAX_NODES => Ok(nodes),
        got => Err(ClientError::Params(format!(
            "nodes: expected at most {MAX_NODES}, got {got}"
        ))),
    }
}

fn read_filter(entries: &[WatchEntry]) -> Result<Filter, ClientError> {
    let accounts = entries
        .iter()
        .map(|entry| (entry.address, entry.slots.clone()));
    Filter::new(accounts).map_err(|error| ClientError::Params(format!("watch: {error}")))
}
