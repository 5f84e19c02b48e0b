/**
 * Runs a model on this device, in the pinned engine.
 * @module
 */
import { SidelightError, codes } from "../errors.js";
import { ENGINE, ENGINE_SHA256, EngineSession, type RunOptions } from "./engine.js";
import { loadModel, type LoadOptions } from "./models.js";
import { decodeMessage, encodeMessage, tensorOf } from "./tensors.js";
import type { Inference, Manifest, Model, Tensor } from "./types.js";

export interface InferOptions extends RunOptions, LoadOptions {
  /** Fuse operators; the choice is part of what a decision commits to. Default: true. */
  optimise?: boolean;
}

/** Inputs: tensors, or plain numbers for each input by its name. */
export type Inputs = readonly Tensor[] | Record<string, readonly number[]>;

/** Loaded models, the last ones used: loading costs more than a run. */
const sessions = new Map<string, Promise<EngineSession>>();
const MAX_SESSIONS = 2;
let turn: Promise<unknown> = Promise.resolve();

/** Runs a model: one that is loaded, the address of a manifest, or the id of one that comes with the package. */
export async function infer(model: Model | URL | string, inputs: Inputs, options: InferOptions = {}): Promise<Inference> {
  const began = performance.now();
  const loaded = typeof model === "string" || model instanceof URL ? await loadModel(model, options) : model;
  const tensors = toTensors(loaded.manifest, inputs);
  const optimise = options.optimise ?? true;
  // One after another: an instance has one buffer, and a device few cores.
  const run = turn.then(() => runLoaded(loaded, tensors, optimise, options, began));
  turn = run.catch(() => undefined);
  return run;
}

/** Ends the workers that hold models. */
export async function closeEngines(): Promise<void> {
  const open = [...sessions.values()];
  sessions.clear();
  for (const session of await Promise.allSettled(open)) {
    if (session.status === "fulfilled") session.value.close();
  }
}

async function runLoaded(model: Model, inputs: Tensor[], optimise: boolean, options: InferOptions, began: number): Promise<Inference> {
  const key = `${model.manifest.sha256} ${optimise}`;
  let isNew = false;
  let session = await sessions.get(key)?.catch(() => undefined);
  if (!session || session.isOver) {
    isNew = true;
    const loading = EngineSession.load(model.file, { ...options, optimise });
    sessions.delete(key);
    sessions.set(key, loading);
    loading.catch(() => sessions.delete(key));
    session = await loading;
    await evict();
  }
  const ready = performance.now();
  const { outputs, ms: runMs } = await session.run(encodeMessage(inputs), options);
  return {
    model,
    inputs,
    outputs: decodeMessage(outputs),
    runtime: { detClass: 0, engine: ENGINE, engineSha256: ENGINE_SHA256, optimise },
    where: { place: "device", reason: "the pinned engine runs it, and its limits allow it" },
    loadMs: isNew ? ready - began : 0,
    runMs,
  };
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
