/**
 * A run on a node: the signed request goes there by the Open Inference Protocol, and what the node signed comes back.
 *
 * ```text
 *   inputs --salt, commitment, key--> task --POST /v2/models/{m}/infer--> decision: parts and signature checked here
 * ```
 * The outputs are the node's word. What they are worth is for `verifyDecision` to say, once the decision is anchored.
 * @module
 */
import { SidelightError, abortError, codes } from "../errors.js";
import { httpUrl } from "../forward.js";
import { bytesToHex, hexToBytes } from "../hex.js";
import type { Hex } from "../types.js";
import type { RunOptions } from "./session.js";
import { readLimited } from "./files.js";
import { OpenFile, Refusal, decisionsModule, guard } from "./module.js";
import { encodeMessage } from "./tensors.js";
import type { DecisionRecord, Inference, Model, Route, Tensor, VerifiedReader } from "./types.js";

/** What a request to a node takes. */
export interface RemoteOptions extends RunOptions {
  /** Nodes that serve models; the first that answers is taken. */
  nodes?: readonly string[];
  /** Tells the chain that the request is signed for: a light client. */
  client?: VerifiedReader;
  /** The requester's key, 32 bytes. Default: one that is made for this page, and forgotten with it. */
  requesterKey?: Hex;
  /** The registry that the decision is signed for. */
  registry?: Hex;
  /** The weakest determinism class that is accepted. Default: 0, which every device can repeat. */
  detClass?: number;
}

/** A response is a decision with its tensors as text. */
const MAX_RESPONSE = 64 << 20;
const TIMEOUT_MS = 60_000;
const JSON_LENGTH = "inference-header-content-length";

interface Task {
  task: string;
  signature: Hex;
  taskHash: Hex;
  requester: Hex;
  inputCommit: Hex;
  modelHash: Hex;
}

let ownKey: Hex | undefined;
let lastNonce = 0;

/** Runs a model on the first node that answers, and checks that what comes back is what was asked for. */
export async function inferOnNode(model: Model, inputs: Tensor[], where: Route, registry: Hex, options: RemoteOptions): Promise<Inference> {
  const { client, nodes = [] } = options;
  if (!client) throw new SidelightError(codes.invalidParams, "client: a run on a node is signed for a chain, which a light client tells");
  const began = performance.now();
  const chainId = (await client.verified({ method: "eth_chainId" })).value as Hex;
  const salt = bytesToHex(crypto.getRandomValues(new Uint8Array(32)));
  // Rises by itself, also over restarts.
  lastNonce = Math.max(lastNonce + 1, Date.now());
  const { detClass = 0, timeoutMs = TIMEOUT_MS } = options;
  const deadline = Math.ceil((Date.now() + timeoutMs) / 1000);
  const draft = { chainId: Number(chainId), registry, minLevel: 1, detClass, deadline, nonce: lastNonce, inputSalt: salt };
  const module = await decisionsModule();
  ownKey ??= bytesToHex(crypto.getRandomValues(new Uint8Array(32)));
  const key = hexToBytes(options.requesterKey ?? ownKey, "requesterKey", 32);
  const task = JSON.parse(guard(() => module.makeTask(JSON.stringify(draft), model.manifestText, encodeMessage(inputs), key))) as Task;
  const ready = performance.now();
  const { node, parameters } = await ask(nodes, model, inputs, { task: task.task, task_sig: task.signature, input_salt: salt }, options, timeoutMs);
  const text = parameters["decision"];
  if (typeof text !== "string") throw wrong(node, "parameters.decision", "a decision", typeof text);
  const { hash, record } = await read(text, BigInt(chainId), registry, task, node);
  const { runtime, output } = record;
  if (!output) throw wrong(node, "output", "the opened outputs", "none");
  if (runtime.detClass > detClass) throw wrong(node, "detClass", `at most ${detClass}`, String(runtime.detClass));
  const { elapsed_ns: elapsed, why } = parameters;
  return {
    model,
    inputs,
    outputs: output.tensors.map(({ bytes, ...tensor }) => ({ ...tensor, bytes: hexToBytes(bytes, tensor.name) })),
    runtime: {
      detClass: runtime.detClass, engine: runtime.engine, engineSha256: runtime.engineSha256, optimise: null,
      atolE9: Number(runtime.atolE9), rtolE9: Number(runtime.rtolE9),
    },
    where: { ...where, node, reason: typeof why === "string" ? `${where.reason}; there: ${why}` : where.reason },
    loadMs: ready - began,
    runMs: typeof elapsed === "number" ? elapsed / 1e6 : 0,
    trace: null,
    decision: { hash, taskHash: task.taskHash, text },
  };
}

/** The node's decision, if its parts and signature hold and it answers this request. */
async function read(text: string, chainId: bigint, registry: Hex, task: Task, node: string): Promise<{ hash: Hex; record: DecisionRecord }> {
  let file: OpenFile;
  try {
    file = await OpenFile.open(text, chainId, registry);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { field, expected = "a decision that holds", got = error.message } = error.failure;
    throw wrong(node, field, expected, got);
  }
  const { hash } = file.reading;
  file.close();
  const record = JSON.parse(text) as DecisionRecord;
  for (const field of ["taskHash", "modelHash", "inputCommit", "requester"] as const) {
    const [expected, got] = [task[field].toLowerCase(), record.decision[field].toLowerCase()];
    if (expected !== got) throw wrong(node, `decision.${field}`, expected, got);
  }
  return { hash, record };
}

async function ask(
  nodes: readonly string[], model: Model, inputs: Tensor[], parameters: Record<string, unknown>, options: RemoteOptions, timeoutMs: number,
): Promise<{ node: string; parameters: Record<string, unknown> }> {
  const json = new TextEncoder().encode(JSON.stringify({
    parameters,
    // The decision has them.
    outputs: [],
    inputs: inputs.map(({ name, dtype, shape, bytes }) => ({ name, datatype: dtype, shape, parameters: { binary_data_size: bytes.length } })),
  }));
  const body = new Blob([json, ...inputs.map(({ bytes }) => bytes as Uint8Array<ArrayBuffer>)]);
  const headers = { "content-type": "application/octet-stream", [JSON_LENGTH]: String(json.length) };
  const clock = AbortSignal.timeout(timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, clock]) : clock;
  let last: SidelightError | undefined;
  for (const node of nodes) {
    const url = new URL(`v2/models/${model.manifest.id}/infer`, `${httpUrl(node).replace(/\/$/, "")}/`);
    try {
      const response = await fetch(url, { method: "POST", headers, body, signal });
      const answer = parse(await readLimited(response, MAX_RESPONSE));
      if (response.ok && answer) return { node, parameters: (answer["parameters"] ?? {}) as Record<string, unknown> };
      // A node that does not serve models, or not this one: another may.
      last = refused(node, response.status, answer?.["error"]);
    } catch (error) {
      if (options.signal?.aborted) throw abortError(options.signal);
      const reason = error instanceof Error ? error.message : String(error);
      last ??= new SidelightError(codes.disconnected, `${node}: ${reason}`, { cause: error });
    }
  }
  throw last ?? new SidelightError(codes.disconnected, "no node answers");
}

/** What a node says of a request that it does not answer, by its HTTP status. */
function refused(node: string, status: number, reason: unknown): SidelightError {
  const other = status === 404 || status === 405 ? "it does not serve models" : `HTTP status ${status}`;
  const message = `${node}: ${typeof reason === "string" ? reason : other}`;
  const data = { status };
  if (status === 404 || status === 405 || status === 501) return new SidelightError(codes.unsupportedMethod, message, { data });
  if (status === 400 || status === 422) return new SidelightError(codes.invalidParams, message, { data });
  if (status === 503 || status === 504) return new SidelightError(codes.limitReached, message, { data });
  return new SidelightError(codes.executionFailed, message, { data });
}

function parse(bytes: Uint8Array): Record<string, unknown> | null {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as unknown;
    return value !== null && typeof value === "object" ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function wrong(node: string, field: string, expected: string, got: string): SidelightError {
  const message = `${node} answered another request: ${field}: expected ${expected}, got ${got}`;
  return new SidelightError(codes.verificationFailed, message, { data: { kind: "bad_decision", peer: node, field, expected, got } });
}
