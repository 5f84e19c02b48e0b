/**
 * Judges a decision, level by level.
 *
 * ```text
 *   hash --a node, or the caller--> file
 *   L0 committed    parts, signature (a contract is asked), path | registry slot, anchor block: verified reads
 *   L1 reproduced   model by its SHA-256, run again here, compared
 * ```
 * A level that this device cannot judge is not reached, and says so; an error of the network is thrown, never a verdict.
 * @module
 */
import { SidelightError, codes } from "../errors.js";
import { forward } from "../forward.js";
import { show } from "../hex.js";
import { isBelow } from "../levels.js";
import type { Hex, Labelled } from "../types.js";
import { openFile, type Opened } from "./account.js";
import { ENGINE_SHA256 } from "./engine.js";
import { infer, type InferOptions } from "./infer.js";
import { findModel, MODELS } from "./models.js";
import { Refusal, judge, type OpenFile } from "./module.js";
import { fileFromMaker } from "./publish.js";
import { REGISTRY } from "./registry.js";
import { decodeMessage, encodeMessage } from "./tensors.js";
import type { DecisionCheck, DecisionFailure, DecisionLevel, DecisionRecord, DecisionVerdict, Model, VerifiedReader } from "./types.js";

export interface VerifyOptions extends Omit<InferOptions, "where" | "trace" | "backend" | "onnxruntime" | "provider" | "detClass" | "requesterKey"> {
  /** Reads the chain: a light client. */
  client: VerifiedReader;
  /** How far to go. Default: `reproduced`. */
  level?: DecisionLevel;
  /** Nodes that are asked for a file by its hash. */
  nodes?: readonly string[];
  /** Where the model is looked for: a folder with an index, or the model. Default: those of this package. */
  models?: URL | Model;
}

/** Judges a decision by its hash, its file's text, or the record itself. */
export async function verifyDecision(decision: Hex | string | DecisionRecord, options: VerifyOptions): Promise<DecisionVerdict> {
  const { level = "reproduced", registry = REGISTRY } = options;
  if (level !== "committed" && level !== "reproduced") {
    throw new SidelightError(codes.unsupportedMethod, `level: expected committed or reproduced, got ${show(level)}`);
  }
  const began = performance.now();
  const { text, wanted } = await fileOf(decision, options);
  const verdict: DecisionVerdict = {
    hash: null, level: null, ok: false, failure: null, checks: [], record: parse(text), anchored: null, trust: null, rerun: null,
    ms: { committed: 0, reproduced: null },
  };
  const chainId = BigInt((await options.client.verified({ method: "eth_chainId" })).value as Hex);
  const opened = await attempt(verdict, () => openFile(text, chainId, registry, options.client));
  const file = opened?.file;
  try {
    const isCommitted = opened && (await attempt(verdict, () => verifyCommitted(verdict, opened, wanted, registry, options.client)));
    verdict.ms.committed = performance.now() - began;
    if (isCommitted) verdict.level = "committed";
    if (isCommitted && level === "reproduced") {
      const middle = performance.now();
      if (await attempt(verdict, () => verifyReproduced(verdict, opened.file, options))) verdict.level = "reproduced";
      verdict.ms.reproduced = performance.now() - middle;
    }
  } finally {
    file?.close();
  }
  verdict.ok = verdict.level === level;
  return verdict;
}

async function verifyCommitted(
  verdict: DecisionVerdict, { file, account }: Opened, wanted: Hex | null, registry: Hex, client: VerifiedReader,
): Promise<true> {
  const { reading } = file;
  if (wanted && reading.hash !== wanted) {
    throw new Refusal({ level: "committed", field: "hash", kind: "false", message: `hash: expected ${wanted}, got ${reading.hash}`, expected: wanted, got: reading.hash });
  }
  verdict.hash = reading.hash;
  const { executor } = (verdict.record as DecisionRecord).decision;
  const hold = (name: DecisionCheck["name"], words: string) => verdict.checks.push({ level: "committed", name, state: "holds", text: words });
  hold("parts", "model, runtime, inputs and outputs are those that the decision names");
  const asked = account && `the executor ${executor}, a contract, accepts its signature in block ${account.block?.number}`;
  hold("signature", asked ?? `the executor ${executor} signed it for this chain and registry`);
  if (!reading.slot) {
    throw new Refusal({ level: "committed", field: "batch", kind: "missing", message: "batch: the file does not say where it is anchored" });
  }
  hold("batch", `its path leads to the batch ${reading.batchRoot}`);
  const slot = (await client.verified({ method: "eth_getStorageAt", params: [registry, reading.slot, "latest"] })) as Labelled<Hex>;
  // The worse of the two, where a contract was asked as well.
  verdict.trust = account && isBelow(account.level, slot.trust.level) ? account : slot.trust;
  const head = slot.trust.block;
  if (!head) throw new SidelightError(codes.verificationFailed, "the registry's slot was not verified");
  const anchorHash = await blockHash(client, reading.anchorBlock);
  verdict.anchored = file.verifyAnchor({ head: head.number, batch: slot.value, anchorHash });
  const { poster, block } = verdict.anchored;
  hold("storage", `${poster} anchored the batch in block ${block}; proven against the state of block ${head.number}`);
  hold("anchor", `block ${reading.anchorBlock}, which the executor had seen, is on the followed chain`);
  return true;
}

async function verifyReproduced(verdict: DecisionVerdict, file: OpenFile, options: VerifyOptions): Promise<true> {
  const record = verdict.record as DecisionRecord;
  const level = "reproduced";
  const inputs = file.inputMessage();
  const sha = record.model.fileSha256.slice(2);
  const { models = MODELS } = options;
  const model = models instanceof URL ? await findModel(sha, models, options) : models;
  if (!model || model.manifest.sha256 !== sha) {
    const message = `model.fileSha256: no model here has the SHA-256 ${sha}`;
    throw new Refusal({ level, field: "model.fileSha256", kind: "unsupported", message });
  }
  const { modelHash } = await judge<{ modelHash: Hex }>("readManifest", model.manifestText);
  if (modelHash !== record.decision.modelHash) {
    const message = `modelHash: the manifest here gives ${modelHash}, the decision names ${record.decision.modelHash}`;
    throw new Refusal({ level, field: "modelHash", kind: "false", message, expected: record.decision.modelHash, got: modelHash });
  }
  verdict.checks.push({ level, name: "model", state: "holds", text: `the file of ${model.manifest.id} has the SHA-256 ${sha}` });
  // As it ran there; another choice says nothing about class 0.
  const optimise = options.optimise ?? file.reading.optimise ?? true;
  const trace = file.reading.hasTrace && !optimise;
  // Here and nowhere else: another device's word reproduces nothing.
  const run = await infer(model, decodeMessage(inputs), { ...options, optimise, trace, where: "device", backend: "pinned" });
  const { agreement } = file.verifyReproduction({ engineSha256: ENGINE_SHA256, optimise }, encodeMessage(run.outputs));
  verdict.rerun = { agreement, runMs: run.runMs, outputs: run.outputs };
  const words = agreement === "exact" ? "the same output, bit for bit" : "the same output within the tolerance that the runtime states";
  verdict.checks.push({ level, name: "rerun", state: "holds", text: `run again on this device: ${words}` });
  if (file.reading.class === 0 && run.trace) {
    file.verifyTrace(run.trace.root);
    verdict.checks.push({ level, name: "trace", state: "holds", text: `the ${run.trace.values.length} values on the way are those of its trace` });
  } else if (file.reading.hasTrace) {
    verdict.checks.push({ level, name: "trace", state: "unknown", text: "its trace is not checked: that takes class 0 and operators that are not fused" });
  }
  return true;
}

/** Runs a step; what it refuses becomes part of the verdict and gives `null`, what fails otherwise is thrown. */
async function attempt<T>(verdict: DecisionVerdict, step: () => Promise<T>): Promise<T | null> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { failure } = error;
    verdict.failure = failure;
    const state = failure.kind === "false" ? "fails" : "unknown";
    verdict.checks.push({ level: failure.level, name: nameOf(failure), state, text: failure.message });
    return null;
  }
}

function nameOf({ level, field }: DecisionFailure): DecisionCheck["name"] {
  if (field === "traceRoot") return "trace";
  if (level === "reproduced") return field.startsWith("model") ? "model" : "rerun";
  if (field === "signature") return "signature";
  if (field === "batch.root") return "storage";
  if (field.startsWith("batch")) return "batch";
  return field.startsWith("anchor") ? "anchor" : "parts";
}

/** Hash of a block of the followed chain; `null` for one that it does not have yet. */
async function blockHash(client: VerifiedReader, number: string): Promise<Hex | null> {
  const tag = `0x${BigInt(number).toString(16)}`;
  try {
    const { value } = await client.verified({ method: "eth_getBlockByNumber", params: [tag, false] });
    return (value as { hash: Hex } | null)?.hash ?? null;
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === codes.unknownBlock) return null;
    throw error;
  }
}

async function fileOf(decision: Hex | string | DecisionRecord, { nodes, signal }: VerifyOptions): Promise<{ text: string; wanted: Hex | null }> {
  if (typeof decision !== "string") return { text: JSON.stringify(decision), wanted: null };
  if (!/^0x[0-9a-fA-F]{64}$/.test(decision)) return { text: decision, wanted: null };
  if (!nodes?.length) throw new SidelightError(codes.invalidParams, "nodes: a decision by its hash takes nodes to ask for the file");
  const wanted = decision.toLowerCase() as Hex;
  return { text: await askFor(wanted, nodes, signal), wanted };
}

/** A file from the shelf of a node, else from a node that made the decision itself. Whose it is shows when it is judged. */
async function askFor(hash: Hex, nodes: readonly string[], signal?: AbortSignal): Promise<string> {
  try {
    return JSON.stringify((await forward(nodes, "lite_getDecision", [hash], signal)).value);
  } catch (missing) {
    if (signal?.aborted) throw missing;
    const made = await fileFromMaker(hash, nodes, signal);
    if (made === null) throw missing;
    return made;
  }
}

/** The record for showing; what it says is judged elsewhere. */
function parse(text: string): DecisionRecord | null {
  try {
    const value = JSON.parse(text) as DecisionRecord | null;
    return value?.decision && value.model && value.runtime ? value : null;
  } catch {
    return null;
  }
}

