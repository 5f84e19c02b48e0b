/**
 * What the verifier says: the same names and fields as `light-client/client/src/dto.rs`.
 *
 * Heights, times, gas and sizes are numbers; wei amounts and storage words are `0x` quantities, hashes and bytes `0x` data.
 * A field that is not known is `null`, never zero.
 * @module
 */

/** `0x` and hexadecimal digits. */
export type Hex = `0x${string}`;

/** How a chain value was checked; each level includes the ones before it. */
export type TrustLevel = "unverified" | "signed" | "consistent" | "executed" | "proven";

/** How final the block under a value is. */
export type Finality = "preconfirmed" | "sealed" | "attested" | "settled";

/** What a client downloads and checks of every block. */
export type Mode = "headers" | "watch" | "consistent" | "execute";

/** A block, by both of its names. */
export interface BlockRef {
  number: number;
  hash: Hex;
}

/** Why a value may be believed, and how far. */
export interface Trust {
  level: TrustLevel;
  finality: Finality;
  /** The block that it was checked against; `null` for an unverified value. */
  block: BlockRef | null;
  stateRoot: Hex | null;
  /** What was checked, in words, in order. */
  checks: string[];
  proof: ProofView | null;
  /** Bytes of proof or diff behind the value. */
  proofBytes: number;
  /** Milliseconds that checking took, without the network. */
  ms: number;
  /** The peer, file or store that it came from. */
  source: string;
  /** Milliseconds between the block's timestamp and now. */
  ageMs: number;
  /** The block is older than this client accepts for "latest". */
  stale: boolean;
}

/** A proof, drawn path by path. */
export interface ProofView {
  kind: "account" | "storage" | "diff" | "body" | "receipts" | "code";
  bytes: number;
  paths: ProofPath[];
}

/** The nodes from a root to one key, root first. */
export interface ProofPath {
  label: string;
  nodes: ProofNode[];
}

/** One trie node of a path. */
export interface ProofNode {
  kind: "branch" | "extension" | "leaf";
  hash: Hex;
  bytes: number;
  nibbles: string;
  /** Its encoding; leaves only. */
  rlp?: Hex;
}

/** A value with its label. */
export interface Labelled<T> {
  value: T;
  trust: Trust;
}

/** What the client is doing. `crashed` is terminal: the module trapped and must be loaded anew. */
export type ClientState =
  | "starting"
  | "syncing"
  | "live"
  | "stale"
  | "offline"
  | "halted"
  | "conflict"
  | "crashed";

/** The state of the whole client. */
export interface Status {
  chainId: number;
  mode: Mode;
  state: ClientState;
  head: HeadView | null;
  peers: PeerView[];
  storage: StorageView;
  /** Bytes received since the start. */
  bytes: number;
  verified: VerifiedCounts;
  /** The newest faults, newest last, at most 32. */
  faults: FaultView[];
  /** Set in state `conflict`. */
  halted: EvidenceView | null;
  /** Set in state `conflict`: the block in which the sequencer contradicts itself. */
  conflict: ConflictView | null;
  watching: number;
  /** What it starts from. */
  anchor: "genesis" | "checkpoint" | "store";
  /** What was executed here; `null` unless the mode is `execute`. */
  executed: ExecutedView | null;
}

/** A block in which the sequencer contradicts itself. */
export interface ConflictView {
  /** For example `equivocation`, `state_root_mismatch` or `invalid_execution`. */
  kind: string;
  number: number;
  /** Whether `client.evidence()` gives a file that shows it to others. */
  hasEvidence: boolean;
}

/** What a client in mode `execute` has executed since it started. */
export interface ExecutedView {
  /**
   * The executed head: the newest executed block below which no chosen block waits for its verdict.
   * It says nothing of blocks below it that were not chosen, or were skipped.
   */
  head: BlockRef | null;
  /** The first block of the run up to the head in which every chosen block was executed and none was skipped. */
  since: number | null;
  count: number;
  /** Chosen blocks that were not executed: the client could not keep up, or nobody had what it takes. */
  skipped: number;
  /** Why these were not. */
  skippedFor: SkippedFor;
  /** Chosen blocks that wait, or are being executed. */
  waiting: number;
  /** Blocks of a hundred that are chosen. */
  share: number;
}

/** Chosen blocks that were not executed, by reason. */
export interface SkippedFor {
  /** More blocks came than could be executed. */
  behind: number;
  /** No node had what executing takes, or none sent it in time. */
  unavailable: number;
  /** Every node that had it sent something false. */
  refused: number;
  /** Executing took longer than it may. */
  timeLimit: number;
  /** The machine gave up. */
  failed: number;
  /** The head went past with the block's header alone, or the block is gone, or stands on an invalid one. */
  notConsistent: number;
}

/** The newest verified block. */
export interface HeadView {
  number: number;
  hash: Hex;
  level: TrustLevel;
  /** Unix seconds. */
  timestamp: number;
  ageMs: number;
}

/** One configured node. */
export interface PeerView {
  url: string;
  state: "connecting" | "streaming" | "polling" | "waiting" | "banned";
  /** 0 to 100; faults lower it, verified answers raise it. */
  score: number;
  /** Height that it claims; not verified. */
  height: number | null;
  faults: number;
  latencyMs: number | null;
}

/** Where data is kept. */
export interface StorageView {
  kind: "indexeddb" | "file" | "memory";
  /** Why it is not the one asked for; empty if it is. */
  why: string;
}

/** Counters of verified things. */
export interface VerifiedCounts {
  headers: number;
  diffs: number;
  proofs: number;
  bodies: number;
}

/** One verified block, as it arrives. */
export interface BlockEvent {
  number: number;
  hash: Hex;
  parentHash: Hex;
  timestamp: number;
  level: TrustLevel;
  txCount: number | null;
  gasUsed: number;
  gasLimit: number;
  baseFee: Hex;
  bytes: number;
  ms: number;
  peer: string;
  changedAccounts: number | null;
}

/** A block that this client executed: its level is `executed` from now on. */
export interface ExecutedEvent {
  number: number;
  hash: Hex;
  /** Milliseconds that executing and checking took, without the network. */
  ms: number;
  gasUsed: number;
  transactions: number;
  /** Bytes of the answer with what executing needs. */
  bytes: number;
  peer: string;
}

/** A reorganisation. */
export interface ReorgEvent {
  depth: number;
  oldHead: BlockRef;
  newHead: BlockRef;
}

/** A peer, or stored data, caught in a lie. */
export interface FaultView {
  /** Stable machine word, for example `bad_signature`. */
  kind: string;
  block: number | null;
  peer: string;
  field: string;
  expected: string;
  got: string;
  message: string;
  /** Unix milliseconds. */
  at: number;
}

/** Two signed blocks at one height. */
export interface EvidenceView {
  number: number;
  signer: Hex;
  first: Hex;
  second: Hex;
  /** The text of a `sidelight/evidence@1` file. */
  file: string;
}

/** An account, each value with its label. */
export interface AccountView {
  address: Hex;
  exists: Labelled<boolean>;
  balance: Labelled<Hex>;
  nonce: Labelled<number>;
  codeHash: Labelled<Hex>;
  code?: Labelled<Hex>;
  storageRoot: Labelled<Hex>;
  storage: SlotView[];
}

/** One storage slot; a zero is a proven zero. */
export interface SlotView extends Labelled<Hex> {
  slot: Hex;
}

/** A block. */
export interface BlockView {
  number: number;
  hash: Hex;
  parentHash: Hex;
  timestamp: number;
  gasUsed: number;
  gasLimit: number;
  baseFee: Hex;
  beneficiary: Hex;
  stateRoot: Hex;
  transactionsRoot: Hex;
  receiptsRoot: Hex;
  blockAccessListHash: Hex | null;
  mixHash: Hex;
  extraData: Hex;
  accountsRoot: Hex | null;
  signer: Hex | null;
  nextSigner: Hex;
  size: number;
  transactions: TransactionSummary[];
  trust: Trust;
}

/** A line of a block's body. */
export interface TransactionSummary {
  hash: Hex;
  index: number;
  from: Hex | null;
  to: Hex | null;
  value: Hex | null;
  nonce: number | null;
  type: number;
}

/** A transaction and what came of it. */
export interface TransactionView extends TransactionSummary {
  block: BlockRef;
  gas: number | null;
  maxFeePerGas: Hex | null;
  maxPriorityFeePerGas: Hex | null;
  input: Hex | null;
  raw: Hex;
  receipt: ReceiptView | null;
  trust: Trust;
}

/** A receipt, checked against `receipts_root`. */
export interface ReceiptView {
  status: boolean;
  gasUsed: number;
  cumulativeGasUsed: number;
  logs: LogView[];
}

/** A log. */
export interface LogView {
  address: Hex;
  topics: Hex[];
  data: Hex;
  logIndex: number;
}

/** Which logs, as in `eth_getLogs`. */
export interface LogFilter {
  fromBlock?: Hex | "latest" | "earliest";
  toBlock?: Hex | "latest" | "earliest";
  /** Instead of a range. */
  blockHash?: Hex;
  /** Any, if it is not given. */
  address?: Hex | readonly Hex[];
  /** For each place one, several, or null for any. */
  topics?: readonly (Hex | readonly Hex[] | null)[];
}

/** A log at its place in the chain. */
export interface LogEntry extends LogView {
  block: BlockRef;
  /** Unix seconds. */
  timestamp: number;
  transactionHash: Hex;
  transactionIndex: number;
}

/** Blocks over which a list of logs is not proven to be complete. */
export interface LogGap {
  from: number;
  to: number;
  reason: string;
}

/** Logs over a range, and over which part of it nothing is left out. */
export interface LogsView {
  from: number;
  to: number;
  complete: boolean;
  /** The logs are complete over the rest of the range. */
  missing: LogGap[];
  /** Oldest first. */
  logs: LogEntry[];
  trust: Trust;
}

/** The verdict over a file. */
export interface FileVerdict {
  kind: "proof" | "transition" | "evidence" | "invalid_block" | "checkpoint" | "eip1186" | "unknown";
  /** It holds, or is proven. */
  ok: boolean;
  /** `proven`: the signer that the facts name did what the file accuses it of. `undecided`: that takes the execution of a block, which was not possible here. */
  outcome: "holds" | "refused" | "proven" | "not_proven" | "undecided";
  title: string;
  facts: { label: string; value: string }[];
  /** Why it does not hold. */
  reason?: string;
}

/** An account, and the slots of it, to watch. */
export interface WatchEntry {
  address: Hex;
  slots?: Hex[];
}

/** A chain's rules; a client of another chain, or of other rules, refuses every header. */
export interface ChainSpec {
  chainId: number;
  genesisHash: Hex;
  genesisSigner: Hex;
  baseFeeChangeDenominator?: number;
  baseFeeElasticity?: number;
  gasLimitBoundDivisor?: number;
  minGasLimit?: number;
  maxClockDriftS?: number;
}

/** The `data` of error -32090. */
export interface VerificationFailure {
  /** Stable machine word. */
  kind: string;
  method: string;
  block: number | null;
  peer: string;
  field: string;
  expected: string;
  got: string;
  /** Of a query for logs: over which part nothing is proven. */
  logs?: { from: number; to: number; missing: LogGap[] };
}

/** What a client emits. */
export interface ClientEvents {
  /** State, peers or counters changed; at most four times a second. */
  status: Status;
  /** A block was verified. */
  block: BlockEvent;
  /** A block was executed here. */
  executed: ExecutedEvent;
  /** Somebody lied. */
  fault: FaultView;
  /** The head moved to another branch. */
  reorg: ReorgEvent;
  /** The sequencer signed two blocks at one height; the client has stopped. */
  halted: EvidenceView;
  /** The module trapped; the client is of no use any more. */
  crashed: { message: string };
}
