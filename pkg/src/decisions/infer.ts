/**
 * Runs a model: on this device, in the pinned engine or in ONNX Runtime Web, or on a node where a gate forbids it here or the caller asks for it.
 * @module
 */
import { SidelightError, codes } from "../errors.js";
import { ENGINE, ENGINE_SHA256, closeSpare, prepareEngine, startEngine } from "./engine.js";
import { loadModel, type LoadOptions } from "./models.js";
import { judge } from "./module.js";
import { chooseProvider, onnxRuntimeUsed, startOnnxRuntime, type Provider } from "./onnxruntime.js";
import { REGISTRY } from "./registry.js";
import { inferOnNode, type RemoteOptions } from "./remote.js";
import { route, toNode, type Place } from "./route.js";
import { Session, type RunOptions } from "./session.js";
import { decodeMessage, encodeMessage, tensorOf } from "./tensors.js";
import type { Inference, Manifest, Model, Route, RuntimeUsed, Tensor, Trace } from "./types.js";

export interface InferOptions extends RunOptions, LoadOptions, RemoteOptions {
  /** Where it may run. Default: `auto`, on this device unless a gate forbids; `device` never sends the input anywhere. */
  where?: Place;
  /** What runs it on this device. Default: `pinned`, class 0. `onnxruntime` is class 2: faster for large models, and equal within a tolerance only. */
  backend?: "pinned" | "onnxruntime";
  /** The folder with ONNX Runtime Web's files; with {@link backend} `onnxruntime`. */
  onnxruntime?: URL;
  /** What ONNX Runtime computes on. Default: `auto`, WebGPU where there is an adapter. */
  provider?: Provider | "auto";
  /** Fuse operators; the choice is part of what a decision commits to. Default: true, and false with {@link trace}. */
  optimise?: boolean;
  /** Give the root of every value that the model computes, operator by operator; a decision of the run then offers them. Takes the pinned engine on this device, and operators that are not fused. */
  trace?: boolean;
}

/** Inputs: tensors, or plain numbers for each input by its name. */
export type Inputs = readonly Tensor[] | Record<string, readonly number[]>;

/** Loaded models, the last ones used: loading costs more than a run. */
const sessions = new Map<string, Promise<Session>>();
const MAX_SESSIONS = 2;
let turn: Promise<unknown> = Promise.resolve();

/** Runs a model: one that is loaded, the address of a manifest, or the id of one that comes with the package. */
export async function infer(model: Model | URL | string, inputs: Inputs, given: InferOptions = {}): Promise<Inference> {
  const began = performance.now();
  const options = given.trace ? traced(given) : given;
  const { backend: wanted = "pinned", where = "auto", nodes = [], registry = REGISTRY } = options;
  if (sessions.size === 0 && wanted === "pinned" && where !== "node") prepareEngine();
  const loaded = typeof model === "string" || model instanceof URL ? await loadModel(model, options) : model;
  const tensors = toTensors(loaded.manifest, inputs);
  const way = route(loaded.manifest, where, nodes.length > 0);
  if (way.place === "node") {
    closeSpare();
    return inferOnNode(loaded, tensors, way, registry, options);
  }
  // One after another: an instance has one buffer, and a device few cores.
  const run = turn.then(() => runLoaded(loaded, tensors, way, options, began));
  turn = run.catch(() => undefined);
  try {
    return await run;
  } catch (error) {
    // The engine lacks an operator. Another back end is not class 0, and says so.
    if (where !== "auto" || nodes.length === 0 || !isUnsupported(error)) throw error;
    const gates = [...way.gates, { name: "operators", passes: false, text: error.message } as const];
    return inferOnNode(loaded, tensors, toNode(gates, true), registry, { detClass: 2, ...options });
  }
}

/** What a trace takes. */
function traced(options: InferOptions): InferOptions {
  const { backend = "pinned", optimise = false, where = "device" } = options;
  if (backend !== "pinned" || optimise || where === "node") {
    throw new SidelightError(codes.invalidParams, "trace: takes the pinned engine on this device, and optimise: false");
  }
  return { ...options, backend, optimise, where: "device" };
}

function isUnsupported(error: unknown): error is SidelightError {
  return error instanceof SidelightError && error.code === codes.unsupportedMethod;
}

/** Ends the workers that hold models. */
export async function closeEngines(): Promise<void> {
  const open = [...sessions.values()];
  sessions.clear();
  closeSpare();
  for (const session of await Promise.allSettled(open)) {
    if (session.status === "fulfilled") session.value.close();
  }
}

async function runLoaded(model: Model, inputs: Tensor[], where: Route, options: InferOptions, began: number): Promise<Inference> {
  const { used, start } = await backend(model, options);
  const key = `${model.manifest.sha256} ${used.engineSha256} ${used.optimise}`;
  let isNew = false;
  let session = await sessions.get(key)?.catch(() => undefined);
  if (!session || session.isOver) {
    isNew = true;
    const loading = start();
    sessions.delete(key);
    sessions.set(key, loading);
    loading.catch(() => sessions.delete(key));
    session = await loading;
    await evict();
  }
  const ready = performance.now();
  const message = encodeMessage(inputs);
  const { outputs, ms: runMs } = await session.run(message, options);
  const trace = options.trace ? await judge<Trace>("readTrace", await session.trace(message, options)) : null;
  return { model, inputs, outputs: decodeMessage(outputs), runtime: used, where, loadMs: isNew ? ready - began : 0, runMs, trace, decision: null };
}

/** What runs the model, and what its result can be held to. */
async function backend({ file }: Model, options: InferOptions): Promise<{ used: RuntimeUsed; start: () => Promise<Session> }> {
  const { backend: wanted = "pinned", onnxruntime: folder, optimise = true } = options;
  if (wanted === "pinned") {
    const used = { detClass: 0, engine: ENGINE, engineSha256: ENGINE_SHA256, optimise, atolE9: 0, rtolE9: 0 };
    return { used, start: () => startEngine(file, { ...options, optimise }) };
  }
  if (wanted !== "onnxruntime") throw new SidelightError(codes.invalidParams, `backend: expected pinned or onnxruntime, got ${String(wanted)}`);
  if (!folder) throw new SidelightError(codes.invalidParams, "onnxruntime: the folder with ONNX Runtime Web's files is missing");
  const provider = await chooseProvider(options.provider ?? "auto");
  return { used: onnxRuntimeUsed(provider, optimise), start: () => startOnnxRuntime(folder, provider, file, { ...options, optimise }) };
}

async function evict(): Promise<void> {
  for (const [key, session] of sessions) {
    if (sessions.size <= MAX_SESSIONS) return;
    sessions.delete(key);
    (await session.catch(() => undefined))?.close();
  }
}

function toTensors(manifest: Manifest, inputs: Inputs): Tensor[] {
  if (Array.isArray(inputs)) return [...(inputs as readonly Tensor[])];
  const given = inputs as Record<string, readonly number[]>;
  for (const name of Object.keys(given)) {
    if (!manifest.inputs.some((port) => port.name === name)) {
      const expected = manifest.inputs.map((port) => port.name).join(", ");
      throw new SidelightError(codes.invalidParams, `inputs: expected ${expected}, got ${name}`);
    }
  }
  return manifest.inputs.map((port) => {
    const values = given[port.name];
    if (!values) throw new SidelightError(codes.invalidParams, `inputs: ${port.name} is missing`);
    return tensorOf(port, values);
  });
}
