/**
 * Makes decisions of runs, signs them, and anchors them on the chain.
 *
 * ```text
 *   runs --salts, commitments, key--> records --one batch--> transaction --receipt, verified--> anchored
 *                                                                                                   |
 *                                                            lite_putDecision: found by its hash <--+
 * ```
 * @module
 */
import { SidelightError, codes } from "../errors.js";
import { forward } from "../forward.js";
import { bytesToHex, hexToBytes } from "../hex.js";
import type { Hex } from "../types.js";
import { openFile } from "./account.js";
import { Refusal, decisionsModule, guard, judge } from "./module.js";
import { REGISTRY } from "./registry.js";
import { encodeMessage } from "./tensors.js";
import { publishDecision, store } from "./publish.js";
import type { Committed, DecisionRecord, Inference, VerifiedReader } from "./types.js";

/** Anchoring takes about 60,000 gas. */
const ANCHOR_GAS = 150_000;
/** Wei per gas for the sequencer. */
const TIP = 1_000_000n;
/** Most decisions of a batch. Their files are made one after the other, each of them signed. */
const MAX_BATCH = 1_024;
/** Most transactions of the payer that may wait in a pool. */
const MAX_PENDING = 64;

/** Of the newest block. */
interface Head {
  number: Hex;
  hash: Hex;
  baseFeePerGas: Hex;
}

export interface CommitOptions {
  /** Reads the chain: a light client. */
  client: VerifiedReader;
  /** Nodes that take the transaction and keep the file. */
  nodes: readonly string[];
  /** The executor's key, 32 bytes: a device's key, not a wallet's. */
  key: Hex;
  /** A contract account (ERC-1271) that decides in the executor's place and accepts the key's signatures; it is asked before anything is paid. */
  account?: Hex;
  /** The key that pays for anchoring; the executor's, if there is none. */
  payer?: Hex;
  registry?: Hex;
  /** The decision that this one follows. */
  parent?: Hex;
  requester?: Hex;
  /** The values are public: nothing hides them. Default: false, so that commitments are salted. */
  isPublic?: boolean;
  /** Milliseconds to wait for the receipt. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** The address of a key. */
export async function addressOf(key: Hex): Promise<Hex> {
  const module = await decisionsModule();
  return guard(() => module.addressOf(hexToBytes(key, "key", 32))) as Hex;
}

/** Commits to a run of this device. Resolves when the receipt of the anchor is verified. A node that ran it has signed already: then its anchor is waited for, and checked. */
export async function commitDecision(inference: Inference, options: CommitOptions): Promise<Committed> {
  const { client, nodes, registry = REGISTRY } = options;
  if (inference.decision) return publishDecision(inference.decision.hash, inference.decision.text, { ...options, client, nodes, registry });
  const [committed] = await commitDecisions([inference], options);
  return committed as Committed;
}

/** Commits to several runs of this device as one batch: one transaction, and for each its path to the root. In the order of the runs. */
export async function commitDecisions(inferences: readonly Inference[], options: CommitOptions): Promise<Committed[]> {
  const { client, nodes, key, payer = key, registry = REGISTRY, signal } = options;
  if (inferences.length === 0 || inferences.length > MAX_BATCH) {
    throw new SidelightError(codes.invalidParams, `inferences: expected 1 to ${MAX_BATCH}, got ${inferences.length}`);
  }
  if (inferences.some(({ decision }) => decision)) {
    throw new SidelightError(codes.invalidParams, "inferences: a run of a node is committed by that node; commitDecision waits for it");
  }
  const chainId = Number((await client.verified({ method: "eth_chainId" })).value as Hex);
  const head = (await read(client, "eth_getBlockByNumber", ["latest", false])) as Head;
  const made: { hash: Hex; record: DecisionRecord }[] = [];
  for (const inference of inferences) made.push(await makeRecord(inference, chainId, head, registry, options));
  const batch = await judge<{ root: Hex; proofs: Hex[][] }>("makeBatch", JSON.stringify(made.map(({ hash }) => hash)));

  const from = await addressOf(payer);
  const nonce = await nextNonce(client, nodes, from, signal);
  const request = {
    chainId,
    registry,
    nonce,
    gas: ANCHOR_GAS,
    maxFeePerGas: `0x${(BigInt(head.baseFeePerGas) * 2n + TIP).toString(16)}`,
    maxPriorityFeePerGas: `0x${TIP.toString(16)}`,
    call: { root: batch.root, count: made.length },
  };
  const signed = await judge<{ raw: Hex; hash: Hex }>("signAnchor", JSON.stringify(request), hexToBytes(payer, "payer", 32));
  await forward(nodes, "eth_sendRawTransaction", [signed.raw], signal);
  const block = await receiptOf(client, signed.hash, options);
  const committed: Committed[] = [];
  for (const [at, { hash, record: unanchored }] of made.entries()) {
    const record = { ...unanchored, batch: { root: batch.root, proof: batch.proofs[at] ?? [] } };
    const text = JSON.stringify(record, null, 2);
    committed.push({ hash, record, text, transaction: signed.hash, block, stored: await store(nodes, record, signal) });
  }
  return committed;
}

/** A signed record without a place on the chain, read as whoever gets it will read it, before anything is paid for. */
async function makeRecord(
  { runtime, model, inputs, outputs, trace }: Inference, chainId: number, head: Head, registry: Hex, options: CommitOptions,
): Promise<{ hash: Hex; record: DecisionRecord }> {
  const salt = () => (options.isPublic ? `0x${"00".repeat(32)}` : bytesToHex(crypto.getRandomValues(new Uint8Array(32))));
  const draft = {
    chainId,
    registry,
    runtime,
    inputSalt: salt(),
    outputSalt: salt(),
    ...(options.account ? { executor: options.account } : {}),
    ...(trace ? { traceRoot: trace.root } : {}),
    ...(options.parent ? { parent: options.parent } : {}),
    ...(options.requester ? { requester: options.requester } : {}),
    nonce: nextDecisionNonce(),
    anchorBlock: Number(head.number),
    anchorHash: head.hash,
    issuedAt: Math.floor(Date.now() / 1000),
  };
  const module = await decisionsModule();
  const text = guard(() =>
    module.makeRecord(JSON.stringify(draft), model.manifestText, encodeMessage(inputs), encodeMessage(outputs), hexToBytes(options.key, "key", 32)),
  );
  const { file } = await openFile(text, BigInt(chainId), registry, options.client).catch(asError);
  const { hash } = file.reading;
  file.close();
  return { hash, record: JSON.parse(text) as DecisionRecord };
}

let lastNonce = 0;

/** Rises by itself, also over restarts: the time, or one more than the last one. */
function nextDecisionNonce(): number {
  lastNonce = Math.max(Date.now(), lastNonce + 1);
  return lastNonce;
}

/** What a verdict would say is a mistake here. */
function asError(error: unknown): never {
  if (!(error instanceof Refusal)) throw error;
  throw new SidelightError(codes.invalidParams, error.message, { data: error.failure, cause: error });
}

/**
 * The payer's next nonce. The verified one says what the chain has; a node says what waits in its pool, and is believed a little: what it makes up costs a transaction that never
 * comes on chain, which is noticed.
 */
async function nextNonce(client: VerifiedReader, nodes: readonly string[], from: Hex, signal?: AbortSignal): Promise<number> {
  const proven = Number((await read(client, "eth_getTransactionCount", [from, "latest"])) as Hex);
  const { value } = await forward(nodes, "eth_getTransactionCount", [from, "pending"], signal);
  const pending = Number(value);
  return pending > proven && pending <= proven + MAX_PENDING ? pending : proven;
}

/** Waits for a receipt that the client has verified, of a transaction that succeeded. */
async function receiptOf(client: VerifiedReader, hash: Hex, { timeoutMs = 30_000, signal }: CommitOptions): Promise<number> {
  const until = performance.now() + timeoutMs;
  while (performance.now() < until) {
    if (signal?.aborted) throw new SidelightError(codes.aborted, "aborted by the caller");
    const receipt = (await read(client, "eth_getTransactionReceipt", [hash]).catch(notYet)) as { status: Hex; blockNumber: Hex } | null;
    if (receipt && BigInt(receipt.status) !== 1n) {
      throw new SidelightError(codes.executionFailed, `the registry refused the batch in transaction ${hash}`, { data: { hash } });
    }
    if (receipt) return Number(receipt.blockNumber);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new SidelightError(codes.limitReached, `no receipt of ${hash} within ${timeoutMs} ms`, { data: { hash } });
}

/** A node may be a block ahead of the client. */
function notYet(error: unknown): null {
  if (error instanceof Error && (error as { code?: unknown }).code === codes.unknownBlock) return null;
  throw error;
}

async function read(client: VerifiedReader, method: string, params: readonly unknown[]): Promise<unknown> {
  return (await client.verified({ method, params })).value;
}
