//! What the client is doing, and how far it is.

use alloy_primitives::{B256, U256};
use serde::{Deserialize, Serialize};

use super::{BlockRef, ConflictView, EvidenceView, FaultView, Mode, Share, TrustLevel};

/// What the client is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientState {
    /// Opening its store and its connections.
    Starting,
    /// Connected, behind the head.
    Syncing,
    /// At the head.
    Live,
    /// Connected, but the newest verified block is too old.
    Stale,
    /// No peer can be reached.
    Offline,
    /// Stopped for good by its owner.
    Halted,
    /// Stopped: two signed blocks at one height, with the evidence in `halted`; or a signed block that contradicts itself, named by the newest conflict among the faults.
    Conflict,
}

/// The state of the whole client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// EIP-155 id.
    pub chain_id: u64,
    /// What it checks of every block.
    pub mode: Mode,
    /// What it is doing.
    pub state: ClientState,
    /// Newest verified block.
    pub head: Option<HeadView>,
    /// Every configured node.
    pub peers: Vec<PeerView>,
    /// Where it keeps its data.
    pub storage: StorageView,
    /// Bytes received since the start.
    pub bytes: u64,
    /// What was verified since the start.
    pub verified: VerifiedCounts,
    /// The newest faults, newest last, at most 32.
    pub faults: Vec<FaultView>,
    /// Set in state `conflict`.
    pub halted: Option<EvidenceView>,
    /// Set in state `conflict`: the block in which the sequencer contradicts itself.
    #[serde(default)]
    pub conflict: Option<ConflictView>,
    /// Accounts that are watched.
    pub watching: u64,
    /// What it starts from: `genesis`, `checkpoint` or `store`.
    pub anchor: String,
    /// What was executed here; `null` unless the mode is `execute`.
    #[serde(default)]
    pub executed: Option<ExecutedView>,
}

/// What a client in mode `execute` has executed since it started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExecutedView {
    /// The executed head: the newest executed block below which no chosen block waits for its verdict. It says nothing of blocks below it that were not chosen, or were skipped.
    pub head: Option<BlockRef>,
    /// The first block of the run up to the head in which every chosen block was executed and none was skipped.
    pub since: Option<u64>,
    /// Blocks executed.
    pub count: u64,
    /// Chosen blocks that were not executed: the client could not keep up, or nobody had what it takes.
    pub skipped: u64,
    /// Why these were not.
    #[serde(rename = "skippedFor")]
    pub skipped_for: SkippedFor,
    /// Chosen blocks that wait, or are being executed.
    pub waiting: u64,
    /// Blocks of a hundred that are chosen.
    pub share: Share,
}

/// Chosen blocks that were not executed, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkippedFor {
    /// More blocks came than could be executed.
    pub behind: u64,
    /// No node had what executing takes, or none sent it in time.
    pub unavailable: u64,
    /// Every node that had it sent something false.
    pub refused: u64,
    /// Executing took longer than it may.
    pub time_limit: u64,
    /// The machine gave up.
    pub failed: u64,
    /// The head went past with the block's header alone, or the block is gone, or stands on an invalid one.
    pub not_consistent: u64,
}

/// Why a chosen block was not executed; the words of [`SkippedFor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SkipReason {
    Behind,
    Unavailable,
    Refused,
    TimeLimit,
    Failed,
    NotConsistent,
}

impl SkippedFor {
    pub(crate) const fn add(&mut self, reason: SkipReason) {
        let count = match reason {
            SkipReason::Behind => &mut self.behind,
            SkipReason::Unavailable => &mut self.unavailable,
            SkipReason::Refused => &mut self.refused,
            SkipReason::TimeLimit => &mut self.time_limit,
            SkipReason::Failed => &mut self.failed,
            SkipReason::NotConsistent => &mut self.not_consistent,
        };
        *count = count.saturating_add(1);
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        let Self {
            behind,
            unavailable,
            refused,
            time_limit,
            failed,
            not_consistent,
        } = *self;
        [
            behind,
            unavailable,
            refused,
            time_limit,
            failed,
            not_consistent,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }
}

/// The newest verified block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeadView {
    /// Height.
    pub number: u64,
    /// Header hash.
    pub hash: B256,
    /// How it was checked.
    pub level: TrustLevel,
    /// Unix seconds.
    pub timestamp: u64,
    /// Milliseconds since `timestamp`.
    pub age_ms: u64,
}

/// One configured node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerView {
    /// As configured.
    pub url: String,
    /// How it is reached now.
    pub state: PeerState,
    /// 0 to 100; faults lower it, verified answers raise it.
    pub score: u32,
    /// Height that it claims; not verified.
    pub height: Option<u64>,
    /// Faults that it was caught in.
    pub faults: u32,
    /// Smoothed request time.
    pub latency_ms: Option<u32>,
}

/// How a peer is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerState {
    /// Connecting.
    Connecting,
    /// Over a WebSocket.
    Streaming,
    /// Over HTTP, because no WebSocket could be had.
    Polling,
    /// Waiting before the next attempt.
    Waiting,
    /// Not used any more: it was caught in a fault that ends the relation.
    Banned,
}

/// Where data is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageView {
    /// `indexeddb`, `file` or `memory`.
    pub kind: String,
    /// Why it is not the one asked for; empty if it is.
    pub why: String,
}

/// Counters of verified things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedCounts {
    /// Headers.
    pub headers: u64,
    /// State diffs and filtered diffs.
    pub diffs: u64,
    /// Account and storage proofs.
    pub proofs: u64,
    /// Bodies, receipts and codes.
    pub bodies: u64,
}

/// One verified block, as it arrives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockEvent {
    /// Height.
    pub number: u64,
    /// Header hash.
    pub hash: B256,
    /// Parent's header hash.
    pub parent_hash: B256,
    /// Unix seconds.
    pub timestamp: u64,
    /// How it was checked.
    pub level: TrustLevel,
    /// Transactions; `null` because a followed block comes without its body.
    pub tx_count: Option<u64>,
    /// Gas used.
    pub gas_used: u64,
    /// Gas limit.
    pub gas_limit: u64,
    /// Base fee in wei.
    pub base_fee: U256,
    /// Bytes that came for this block.
    pub bytes: u64,
    /// Milliseconds that checking its header and its body took.
    pub ms: f64,
    /// The peer that sent it.
    pub peer: String,
    /// Accounts changed: all of them in `consistent` and `execute`, watched ones in `watch`, `null` in `headers`.
    pub changed_accounts: Option<u64>,
}

/// A block that this client executed: its level is `executed` from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutedEvent {
    /// Height.
    pub number: u64,
    /// Header hash.
    pub hash: B256,
    /// Milliseconds that executing and checking took, without the network.
    pub ms: f64,
    /// Gas used.
    pub gas_used: u64,
    /// Transactions.
    pub transactions: u64,
    /// Bytes of the answer with what executing needs.
    pub bytes: u64,
    /// The peer that sent it.
    pub peer: String,
}
