//! What leaves the client for a user interface: plain JSON, camelCase, below 64 kB each. `pkg/src/types.ts` has the same names.
//!
//! Words are those of the design: a *level* says how a value was checked, never more. Heights, times, gas and sizes are JSON numbers; wei amounts and storage
//! words are `0x` quantities, hashes and bytes `0x` data, so that nothing loses precision in JavaScript. A field that is not known is `null`, never zero.

mod logs;
mod reads;
mod share;
mod status;

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};

pub use self::{
    logs::{LogEntry, LogGap, LogRange, LogsView},
    reads::{
        AccountView, BlockView, LogView, ReceiptView, SlotView, TransactionSummary, TransactionView,
    },
    share::Share,
    status::{
        BlockEvent, ClientState, ExecutedEvent, ExecutedView, HeadView, PeerState, PeerView,
        SkippedFor, Status, StorageView, VerifiedCounts,
    },
};
pub(crate) use status::SkipReason;

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
