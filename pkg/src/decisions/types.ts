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
  detClass: 0;
  engine: string;
  engineSha256: Hex;
  optimise: boolean;
}

/** A run on this device. */
export interface Inference {
  model: Model;
  inputs: Tensor[];
  outputs: Tensor[];
  runtime: RuntimeUsed;
  /** Where it ran, and why there. */
  where: { place: "device"; reason: string };
  /** Milliseconds from the call to a loaded model; 0 where it was loaded already. */
  loadMs: number;
  /** Milliseconds of the run itself, by the worker's clock. */
  runMs: number;
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
  name: "parts" | "signature" | "batch" | "storage" | "anchor" | "model" | "rerun";
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
