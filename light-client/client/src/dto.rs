//! What leaves the client for a user interface: plain JSON, camelCase, below 64 kB each. `pkg/src/types.ts` has the same names.
//!
//! Words are those of the design: a *level* says how a value was checked, never more. Heights, times, gas and sizes are JSON numbers; wei amounts and storage
//! words are `0x` quantities, hashes and bytes `0x` data, so that nothing loses precision in JavaScript. A field that is not known is `null`, never zero.

mod logs;
mod share;

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};

pub use self::{
    logs::{LogEntry, LogGap, LogRange, LogsView},
    share::Share,
};

/// How a chain value was checked; each level includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrustLevel {
    /// Taken from a peer as it came.
    Unverified,
    /// In a header that the scheduled sequencer signed.
    Signed,
    /// The diff or the proof reproduces the state root of a signed header. Consistent is not valid: execution was not repeated.
    Consistent,
    /// This client re-executed the block from a witness.
    Executed,
    /// A validity proof was checked.
    Proven,
}

/// How final the block under a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finality {
    /// In a frame, before its block.
    Preconfirmed,
    /// In a sealed block.
    Sealed,
    /// Signed by a quorum of attesters.
    Attested,
    /// Settled on another chain.
    Settled,
}

/// What a client downloads and checks of every block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Signed headers only; every read costs a request.
    Headers,
    /// Headers, and the proven diffs of the watched accounts.
    #[default]
    Watch,
    /// Headers, and every state diff against the state root.
    Consistent,
    /// As `consistent`, and blocks are executed here: all of them, or a random share.
    Execute,
}

/// A block, by both of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockRef {
    /// Height.
    pub number: u64,
    /// Header hash.
    pub hash: B256,
}

/// Why a value may be believed, and how far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trust {
    /// How it was checked.
    pub level: TrustLevel,
    /// How final its block is.
    pub finality: Finality,
    /// The block that it was checked against; `null` for an unverified value.
    pub block: Option<BlockRef>,
    /// That block's state root; `null` for an unverified value.
    pub state_root: Option<B256>,
    /// What was checked, in words, in order.
    pub checks: Vec<String>,
    /// The nodes on the way from the root, if the value came with a proof.
    pub proof: Option<ProofView>,
    /// Bytes of proof or diff behind the value.
    pub proof_bytes: u64,
    /// Milliseconds that checking took, without the network.
    pub ms: f64,
    /// The peer, file or store that it came from.
    pub source: String,
    /// Milliseconds between the block's timestamp and now.
    pub age_ms: u64,
    /// The block is older than this client accepts for "latest".
    pub stale: bool,
}

/// A proof, drawn path by path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProofView {
    /// `account`, `storage`, `diff`, `body`, `receipts` or `code`.
    pub kind: String,
    /// Encoded bytes of all its nodes.
    pub bytes: u64,
    /// One path per proven key, root first.
    pub paths: Vec<ProofPath>,
}

/// The nodes from a root to one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProofPath {
    /// What stands at its end: `account 0x…` or `slot 0x…`.
    pub label: String,
    /// Root first.
    pub nodes: Vec<ProofNode>,
}

/// One trie node of a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProofNode {
    /// `branch`, `extension` or `leaf`.
    pub kind: NodeKind,
    /// Keccak-256 of its encoding: what its parent holds.
    pub hash: B256,
    /// Encoded bytes.
    pub bytes: u64,
    /// The part of the key that it consumes, as hex digits; for a branch, the digit taken.
    pub nibbles: String,
    /// Its encoding; leaves only, to keep the object small. A saved proof has them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rlp: Option<Bytes>,
}

/// The three kinds of trie node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// Sixteen children.
    Branch,
    /// A shared piece of path.
    Extension,
    /// A value.
    Leaf,
}

/// A value with its label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Labelled<T> {
    /// The value.
    pub value: T,
    /// Why it may be believed.
    pub trust: Trust,
}

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

/// A reorganisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReorgEvent {
    /// Blocks taken back.
    pub depth: u64,
    /// Head before.
    pub old_head: BlockRef,
    /// Head after.
    pub new_head: BlockRef,
}

/// A peer, or stored data, caught in a lie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultView {
    /// Stable machine word, e.g. `bad_signature`.
    pub kind: String,
    /// Height, if it concerns a block.
    pub block: Option<u64>,
    /// The peer that sent it, or `store`.
    pub peer: String,
    /// The field that is wrong.
    pub field: String,
    /// What it should have been.
    pub expected: String,
    /// What came.
    pub got: String,
    /// One sentence.
    pub message: String,
    /// Unix milliseconds.
    pub at: u64,
}

/// A block in which the sequencer contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConflictView {
    /// Stable machine word, e.g. `invalid_execution`.
    pub kind: String,
    /// Its height.
    pub number: u64,
    /// Whether there is a file that shows it to others: `sidelight_evidence`.
    pub has_evidence: bool,
}

/// Two signed blocks at one height.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceView {
    /// Height.
    pub number: u64,
    /// Who signed both.
    pub signer: Address,
    /// Hash of the first.
    pub first: B256,
    /// Hash of the second.
    pub second: B256,
    /// The text of a `sidelight/evidence@1` file.
    pub file: String,
}

/// An account, each value with its label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    /// Address.
    pub address: Address,
    /// False: proven absent.
    pub exists: Labelled<bool>,
    /// Wei.
    pub balance: Labelled<U256>,
    /// Transactions sent, or contracts created.
    pub nonce: Labelled<u64>,
    /// Keccak-256 of the code.
    pub code_hash: Labelled<B256>,
    /// The code, if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Labelled<Bytes>>,
    /// Root of the storage trie.
    pub storage_root: Labelled<B256>,
    /// The slots asked for.
    pub storage: Vec<SlotView>,
}

/// One storage slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlotView {
    /// Its key.
    pub slot: U256,
    /// Its value; zero is a proven zero.
    #[serde(flatten)]
    pub labelled: Labelled<U256>,
}

/// A block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockView {
    /// Height.
    pub number: u64,
    /// Header hash.
    pub hash: B256,
    /// Parent's header hash.
    pub parent_hash: B256,
    /// Unix seconds.
    pub timestamp: u64,
    /// Gas used.
    pub gas_used: u64,
    /// Gas limit.
    pub gas_limit: u64,
    /// Base fee in wei.
    pub base_fee: U256,
    /// Who gets the priority fees.
    pub beneficiary: Address,
    /// State after the block.
    pub state_root: B256,
    /// Ordered root of the transactions.
    pub transactions_root: B256,
    /// Ordered root of the receipts.
    pub receipts_root: B256,
    /// Keccak-256 of the block access list (EIP-7928).
    pub block_access_list_hash: Option<B256>,
    /// PREVRANDAO.
    pub mix_hash: B256,
    /// Keccak-256 of the extension record.
    pub extra_data: Bytes,
    /// Merkle root over the block access list's entries; `null` for genesis.
    pub accounts_root: Option<B256>,
    /// Who signed it; `null` for genesis, which the rules pin.
    pub signer: Option<Address>,
    /// Who must sign the next block.
    pub next_signer: Address,
    /// Bytes of the body.
    pub size: u64,
    /// The body, checked against `transactions_root`.
    pub transactions: Vec<TransactionSummary>,
    /// Why it may be believed.
    pub trust: Trust,
}

/// A line of a block's body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransactionSummary {
    /// Transaction hash.
    pub hash: B256,
    /// Position in the block.
    pub index: u64,
    /// Recovered by this client; `null` where the type is unknown.
    pub from: Option<Address>,
    /// `null` for a contract creation, or undecoded.
    pub to: Option<Address>,
    /// Wei; `null` if undecoded.
    pub value: Option<U256>,
    /// Nonce; `null` if undecoded.
    pub nonce: Option<u64>,
    /// EIP-2718 type byte.
    #[serde(rename = "type")]
    pub kind: u8,
}

/// A transaction and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransactionView {
    /// As in the block's body.
    #[serde(flatten)]
    pub summary: TransactionSummary,
    /// The block that holds it.
    pub block: BlockRef,
    /// Gas limit; `null` if undecoded.
    pub gas: Option<u64>,
    /// Highest price per gas in wei; `null` if undecoded.
    pub max_fee_per_gas: Option<U256>,
    /// Highest tip per gas in wei; `null` if undecoded or none.
    pub max_priority_fee_per_gas: Option<U256>,
    /// Call data or init code; `null` if undecoded.
    pub input: Option<Bytes>,
    /// Its EIP-2718 encoding.
    pub raw: Bytes,
    /// Its receipt, checked against `receipts_root`.
    pub receipt: Option<ReceiptView>,
    /// Why it may be believed.
    pub trust: Trust,
}

/// A receipt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptView {
    /// Succeeded.
    pub status: bool,
    /// Gas used by this transaction alone.
    pub gas_used: u64,
    /// Gas used in the block up to and including it.
    pub cumulative_gas_used: u64,
    /// Its logs.
    pub logs: Vec<LogView>,
}

/// A log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogView {
    /// Emitter.
    pub address: Address,
    /// Up to four.
    pub topics: Vec<B256>,
    /// Data.
    pub data: Bytes,
    /// Position in the block.
    pub log_index: u64,
}

/// What judging a file came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FileOutcome {
    /// What the file says of a chain is so, under the signer and the rules that the facts name.
    Holds,
    /// It does not hold, or cannot be read.
    Refused,
    /// The signer that the facts name did what the file accuses it of.
    Proven,
    /// The file does not show what it accuses a signer of.
    NotProven,
    /// It could not be judged here: that takes the execution of a block.
    Undecided,
}

/// The verdict over a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileVerdict {
    /// `proof`, `transition`, `evidence`, `invalid_block`, `checkpoint`, `eip1186` or `unknown`.
    pub kind: String,
    /// It holds, or is proven.
    pub ok: bool,
    /// What the judgement came to.
    pub outcome: FileOutcome,
    /// One line.
    pub title: String,
    /// What it establishes, in order.
    pub facts: Vec<Fact>,
    /// Why it does not hold; with `expected` and `got` in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A line of a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What.
    pub label: String,
    /// Value.
    pub value: String,
}

/// An account, and the slots of it, to watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchEntry {
    /// Address.
    pub address: Address,
    /// Its slots.
    #[serde(default)]
    pub slots: Vec<U256>,
}

/// The options of `sidelight_start`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartOptions {
    /// Node addresses: `http(s)` or `ws(s)`.
    pub nodes: Vec<String>,
    /// `"dev"`, or the rules of another chain.
    #[serde(default)]
    pub chain: ChainOption,
    /// What to check of every block.
    #[serde(default)]
    pub mode: Mode,
    /// In mode `execute`: how many blocks of a hundred; all when not given.
    #[serde(default)]
    pub share: Option<Share>,
    /// Accounts to watch.
    #[serde(default)]
    pub watch: Vec<WatchEntry>,
    /// A block hash that the caller trusts, to start from instead of genesis.
    #[serde(default)]
    pub checkpoint: Option<B256>,
    /// `auto` (IndexedDB or files) or `memory`.
    #[serde(default)]
    pub storage: StorageOption,
    /// Name of the IndexedDB database, or the folder of the file store.
    #[serde(default)]
    pub store_name: Option<String>,
}

/// Which chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ChainOption {
    /// A built-in chain: `dev`.
    Named(String),
    /// The rules of another.
    Rules(RulesView),
}

impl Default for ChainOption {
    fn default() -> Self {
        Self::Named("dev".into())
    }
}

/// A chain's rules; `docs/wire-format.md` section 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RulesView {
    /// EIP-155 id.
    pub chain_id: u64,
    /// Hash of the genesis header.
    pub genesis_hash: B256,
    /// Who signs block 1.
    pub genesis_signer: Address,
    /// EIP-1559's 8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_fee_change_denominator: Option<u64>,
    /// EIP-1559's 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_fee_elasticity: Option<u64>,
    /// 1024.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gas_limit_bound_divisor: Option<u64>,
    /// 5000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_gas_limit: Option<u64>,
    /// Seconds that a timestamp may be ahead of this clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_clock_drift_s: Option<u64>,
}

/// Where to keep data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageOption {
    /// The platform's own: IndexedDB, or files if a folder is named.
    #[default]
    Auto,
    /// Nothing survives.
    Memory,
}

/// An error as it leaves the worker: `{ code, message, data }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorView {
    /// -32090 verification failed, -32602 bad parameter, -32001 unknown block, 4200 not supported, 4900 not synced or no peer.
    pub code: i32,
    /// One sentence.
    pub message: String,
    /// Set for -32090.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<VerificationFailure>,
}

/// The `data` of error -32090.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerificationFailure {
    /// Stable machine word.
    pub kind: String,
    /// The method that was asked.
    pub method: String,
    /// Height, if it concerns a block.
    pub block: Option<u64>,
    /// The peer that sent it.
    pub peer: String,
    /// The field that is wrong.
    pub field: String,
    /// What it should have been.
    pub expected: String,
    /// What came.
    pub got: String,
    /// Of a query for logs: over which part nothing is proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<LogRange>,
}

/// What a subscriber hears: `{ event, data }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "lowercase")]
pub enum Event {
    /// State, peers or counters changed; at most four times a second.
    Status(Box<Status>),
    /// A block was verified.
    Block(BlockEvent),
    /// A block was executed here.
    Executed(ExecutedEvent),
    /// Somebody lied.
    Fault(FaultView),
    /// The head moved to another branch.
    Reorg(ReorgEvent),
    /// The sequencer signed two blocks at one height; the client has stopped.
    Halted(EvidenceView),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_the_shape_that_the_worker_posts() {
        let event = Event::Reorg(ReorgEvent {
            depth: 2,
            old_head: BlockRef {
                number: 7,
                hash: B256::ZERO,
            },
            new_head: BlockRef {
                number: 6,
                hash: B256::repeat_byte(1),
            },
        });
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["event"], "reorg");
        assert_eq!(json["data"]["oldHead"]["number"], 7);
        assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
    }

    #[test]
    fn options_accept_the_shortest_form_and_refuse_unknown_keys() {
        let options: StartOptions =
            serde_json::from_str(r#"{"nodes":["http://127.0.0.1:8545"]}"#).unwrap();
        assert_eq!(options.mode, Mode::Watch);
        assert_eq!(options.chain, ChainOption::Named("dev".into()));
        assert!(serde_json::from_str::<StartOptions>(r#"{"nodes":[],"nodez":[]}"#).is_err());
    }

    #[test]
    fn amounts_are_hex_quantities() {
        let watch = WatchEntry {
            address: Address::ZERO,
            slots: vec![U256::from(255)],
        };
        assert_eq!(serde_json::to_value(&watch).unwrap()["slots"][0], "0xff");
    }
}
