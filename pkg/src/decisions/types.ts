/**
 * Models, tensors, decisions and verdicts, as `docs/decision-format.md` defines them.
 * @module
 */
import type { Hex, Labelled, Trust } from "../types.js";

/** Names of element types in the Open Inference Protocol. */
export type DType =
  | "BOOL" | "UINT8" | "UINT16" | "UINT32" | "UINT64" | "INT8" | "INT16" | "INT32" | "INT64"
  | "FP16" | "BF16" | "FP32" | "FP64" | "BYTES";

/** A tensor; its bytes are little-endian, row by row. */
export interface Tensor {
  name: string;
  dtype: DType;
  shape: number[];
  bytes: Uint8Array;
}

/** An input or output of a model; -1 is a free size. */
export interface Port {
  name: string;
  dtype: DType;
  shape: number[];
}

/** `sidelight-model/1`. */
export interface Manifest {
  schema: "sidelight-model/1";
  id: string;
  title: string;
  file: string;
  /** 64 digits in lower case. */
  sha256: string;
  bytes: number;
  format: string;
  opset: number;
  /** Over operators and weights; checked with every file. */
  graphRoot: Hex;
  inputs: Port[];
  outputs: Port[];
  operators: string[];
  macs: number;
  parameters: number;
  peakBytes: number;
  labels: string[];
  preprocess: string;
  postprocess: string;
  licence: string;
  data: string;
  metrics: Record<string, number>;
}

/** A model whose file has the manifest's size and SHA-256. */
export interface Model {
  manifest: Manifest;
  /** The manifest's text, which `modelHash` is computed from. */
  manifestText: string;
  file: Uint8Array<ArrayBuffer>;
  /** Where the file came from. */
  from: "network" | "cache" | "caller";
}

/** What ran a model. */
export interface RuntimeUsed {
  /** Determinism class; 0 is the pinned engine. */
  detClass: number;
  engine: string;
  engineSha256: Hex;
  /** Whether operators were fused; `null` where a node did not say. */
  optimise: boolean | null;
  /** Of ONNX Runtime: what computed. */
  provider?: string;
  /** What a second run may differ by, in 1e-9. */
  atolE9: number;
  rtolE9: number;
}

/** One of the router's questions, in the order in which they are asked. The first that decides is the last one that was asked. */
export interface Gate {
  name: "asked" | "worker" | "memory" | "operators";
  /** Whether this device may go on. */
  passes: boolean;
  text: string;
}

/** Where a model runs, and why there. */
export interface Route {
  place: "device" | "node";
  /** The node that ran it. */
  node?: string;
  reason: string;
  gates: Gate[];
}

/** Every value that a run computed, in the order of the file's operators; `docs/decision-format.md` section 6. */
export interface Trace {
  root: Hex;
  values: { name: string; dtype: number; shape: number[]; byteLength: number; root: Hex }[];
}

/** A run: on this device, or on a node that signed what it says. */
export interface Inference {
  model: Model;
  inputs: Tensor[];
  outputs: Tensor[];
  runtime: RuntimeUsed;
  where: Route;
  /** Milliseconds from the call to a loaded model, or to the request's way; 0 where it was loaded already. */
  loadMs: number;
  /** Milliseconds of the run itself, by the clock of whoever ran it. */
  runMs: number;
  /** Where it was asked for. */
  trace: Trace | null;
  /** What the node signed, where it ran there. Its outputs are the node's word until {@link DecisionVerdict | a verdict} says more. */
  decision: { hash: Hex; taskHash: Hex; text: string } | null;
}

/** What of a decision's file is shown; `docs/decision-format.md` has all of it. */
export interface DecisionRecord {
  type: "sidelight/decision@1";
  chainId: number;
  registry: Hex;
  decision: {
    taskHash: Hex; modelHash: Hex; runtimeHash: Hex; inputCommit: Hex; outputCommit: Hex; traceRoot: Hex; zkInput: Hex; parent: Hex;
    executor: Hex; requester: Hex; agentId: string; nonce: string; anchorBlock: string; anchorHash: Hex; issuedAt: string; maxLevel: number;
  };
  signature: Hex;
  model: {
    fileSha256: Hex; fileBytes: string; format: string; opset: number; graphRoot: Hex; ioSchema: Hex; omsBundle: Hex; macs: string; peakBytes: string;
    parentModel: Hex;
  };
  runtime: { detClass: number; engineSha256: Hex; engine: string; optionsHash: Hex; sampling: Hex; atolE9: string; rtolE9: string };
  input?: Opening;
  output?: Opening;
  batch?: { root: Hex; proof: Hex[] };
}

/** Tensors and the salt of their commitment. */
export interface Opening {
  salt: Hex;
  tensors: { name: string; dtype: DType; shape: number[]; bytes: Hex }[];
}

/** What may be claimed of a decision; each level includes the ones before it. */
export type DecisionLevel = "committed" | "reproduced";

/** Why a level was not reached. */
export interface DecisionFailure {
  level: DecisionLevel;
  /** The field, by its path in the file. */
  field: string;
  /** `false`: the field is not true. `missing`: the file does not have it. `unsupported`: this device cannot tell. */
  kind: "false" | "missing" | "unsupported";
  message: string;
  expected?: string;
  got?: string;
  /** The first tensor that differs, and its first element. */
  tensor?: string;
  index?: number;
}

/** One thing that was checked. */
export interface DecisionCheck {
  level: DecisionLevel;
  name: "parts" | "signature" | "batch" | "storage" | "anchor" | "model" | "rerun" | "trace";
  state: "holds" | "fails" | "unknown";
  text: string;
}

/** What {@link verifyDecision} found. */
export interface DecisionVerdict {
  /** The decision's id; `null` where the file has none that can be believed. */
  hash: Hex | null;
  /** The level that was reached; `null`: none. */
  level: DecisionLevel | null;
  /** Whether that is the level that was asked for. */
  ok: boolean;
  failure: DecisionFailure | null;
  checks: DecisionCheck[];
  /** The file; `null` where it cannot be read. */
  record: DecisionRecord | null;
  /** Who anchored the batch, in which block, with how many decisions. */
  anchored: { poster: Hex; block: number; count: number } | null;
  /** How far the registry's slot was checked. */
  trust: Trust | null;
  /** The second run. */
  rerun: { agreement: "exact" | "within"; runMs: number; outputs: Tensor[] } | null;
  ms: { committed: number; reproduced: number | null };
}

/** Whatever answers verified reads: a light client. */
export interface VerifiedReader {
  verified(args: { method: string; params?: readonly unknown[] }): Promise<Labelled<unknown>>;
}

/** A decision whose anchor was verified. */
export interface Committed {
  hash: Hex;
  record: DecisionRecord;
  /** The file, as it is exported and imported. */
  text: string;
  /** Of the anchor; `null` where a node anchored what it had signed. */
  transaction: Hex | null;
  block: number;
  /** Whether a node keeps the file; the decision stands on the chain either way. */
  stored: { node: string | null; error: string | null };
}
