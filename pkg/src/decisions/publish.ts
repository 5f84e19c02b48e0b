/**
 * Publishes what a node decided for this caller: waits for its anchor, checks level 0, and gives the opened file to a node that keeps it.
 * @module
 */
import { SidelightError, abortError, codes } from "../errors.js";
import { forward, httpUrl } from "../forward.js";
import type { Hex } from "../types.js";
import { readBytes } from "./files.js";
import type { Committed, DecisionRecord, VerifiedReader } from "./types.js";
import { verifyDecision } from "./verify.js";

/** Largest file of a decision, in bytes. */
const MAX_RECORD = 4 << 20;
const PAUSE_MS = 250;

export interface PublishOptions {
  client: VerifiedReader;
  nodes: readonly string[];
  registry: Hex;
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** Resolves when the batch of the decision is proven to be in the registry. `text` has the openings; the node gives others none of them. */
export async function publishDecision(hash: Hex, text: string, options: PublishOptions): Promise<Committed> {
  const { client, nodes, registry, timeoutMs = 30_000, signal } = options;
  const opened = JSON.parse(text) as DecisionRecord;
  const until = performance.now() + timeoutMs;
  for (;;) {
    const batch = await batchOf(hash, nodes, signal);
    if (batch) {
      const record: DecisionRecord = { ...opened, batch };
      const verdict = await verifyDecision(record, { client, registry, level: "committed" });
      const { anchored, failure } = verdict;
      // The client may be a block behind the node.
      const isEarly = failure?.field === "batch.root" || failure?.field === "anchorBlock";
      if (failure && !isEarly) {
        throw new SidelightError(codes.verificationFailed, `the node's decision does not hold: ${failure.message}`, { data: failure });
      }
      if (anchored) {
        const stored = await store(nodes, record, signal);
        return { hash, record, text: JSON.stringify(record, null, 2), transaction: null, block: anchored.block, stored };
      }
    }
    if (signal?.aborted) throw abortError(signal);
    if (performance.now() >= until) {
      throw new SidelightError(codes.limitReached, `the node has not anchored ${hash} within ${timeoutMs} ms`, { data: { hash } });
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Gives a file of an anchored decision to a node that keeps it. */
export async function store(nodes: readonly string[], record: DecisionRecord, signal?: AbortSignal): Promise<Committed["stored"]> {
  try {
    const { trust } = await forward(nodes, "lite_putDecision", [record], signal);
    return { node: trust.source, error: null };
  } catch (error) {
    return { node: null, error: error instanceof Error ? error.message : String(error) };
  }
}

/** A decision's file from a node that made it; `null` where there is none, or a page of words that a server gives for every address. */
export async function fileFromMaker(hash: Hex, nodes: readonly string[], signal?: AbortSignal): Promise<string | null> {
  for (const node of nodes) {
    const url = new URL(`v2/decisions/${hash}`, `${httpUrl(node).replace(/\/$/, "")}/`);
    const text = await readBytes(url, MAX_RECORD, signal ? { signal } : {}).then((bytes) => new TextDecoder().decode(bytes), () => null);
    if (text !== null && parse(text)) return text;
  }
  return null;
}

async function batchOf(hash: Hex, nodes: readonly string[], signal?: AbortSignal): Promise<DecisionRecord["batch"]> {
  const text = await fileFromMaker(hash, nodes, signal);
  return text === null ? undefined : parse(text)?.batch;
}

function parse(text: string): DecisionRecord | null {
  try {
    return JSON.parse(text) as DecisionRecord | null;
  } catch {
    return null;
  }
}
