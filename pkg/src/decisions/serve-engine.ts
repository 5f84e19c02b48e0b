/**
 * The engine's side of a worker: one instance, one model; the host's side of `edge-runtime/engine/src/abi.rs`.
 * @module
 */
import type { WorkerAnswer } from "./session.js";

/** What the worker is told: first a model, then inputs. */
export type EngineRequest =
  | { id: number; module: WebAssembly.Module; model: Uint8Array; flags: number }
  | { id: number; inputs: Uint8Array; isTraced?: boolean };

const ABI = 1;
const PANIC_BYTES = 512;

interface Exports {
  memory: WebAssembly.Memory;
  engine_panic: WebAssembly.Global;
  engine_abi(): number;
  engine_alloc(length: number): number;
  engine_free(pointer: number, length: number): void;
  engine_load(pointer: number, length: number, flags: number): number;
  engine_run(pointer: number, length: number): number;
  engine_trace(pointer: number, length: number): number;
  engine_result(): number;
  engine_result_length(): number;
}

/** The listener of a worker. */
export function serveEngine(post: (answer: WorkerAnswer) => void): (request: EngineRequest) => void {
  let engine: Exports | undefined;
  return (request) => {
    const { id } = request;
    const began = performance.now();
    try {
      if ("module" in request) {
        engine = open(request.module);
        load(engine, request.model, request.flags);
        return post({ id, result: null, ms: performance.now() - began });
      }
      if (!engine) throw new EngineFailure(6, "no model is loaded");
      post({ id, result: run(engine, request.inputs, request.isTraced ?? false), ms: performance.now() - began });
    } catch (error) {
      if (error instanceof EngineFailure) return post({ id, status: error.status, error: error.message, isOver: false });
      // A trap: what the engine said before it, if anything.
      const said = engine && panicText(engine);
      engine = undefined;
      post({ id, status: 0, error: said || (error instanceof Error ? error.message : String(error)), isOver: true });
    }
  };
}

class EngineFailure extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

function open(module: WebAssembly.Module): Exports {
  const engine = new WebAssembly.Instance(module).exports as unknown as Exports;
  const abi = engine.engine_abi();
  if (abi !== ABI) throw new EngineFailure(3, `engine_abi: expected ${ABI}, got ${abi}`);
  return engine;
}

function load(engine: Exports, model: Uint8Array, flags: number): void {
  // The engine takes the buffer.
  take(engine, engine.engine_load(copyIn(engine, model), model.length, flags));
}

function run(engine: Exports, inputs: Uint8Array, isTraced: boolean): Uint8Array<ArrayBuffer> {
  const pointer = copyIn(engine, inputs);
  try {
    const call = isTraced ? engine.engine_trace : engine.engine_run;
    return take(engine, call(pointer, inputs.length));
  } finally {
    engine.engine_free(pointer, inputs.length);
  }
}

function copyIn(engine: Exports, bytes: Uint8Array): number {
  const pointer = engine.engine_alloc(bytes.length) >>> 0;
  if (pointer === 0) throw new EngineFailure(5, `the engine has no memory for ${bytes.length} bytes`);
  new Uint8Array(engine.memory.buffer, pointer, bytes.length).set(bytes);
  return pointer;
}

/** The result of the last call, or the error that its text is. */
function take(engine: Exports, status: number): Uint8Array<ArrayBuffer> {
  const pointer = engine.engine_result() >>> 0;
  const result = new Uint8Array(engine.memory.buffer.slice(pointer, pointer + engine.engine_result_length()));
  if (status !== 0) throw new EngineFailure(status, new TextDecoder().decode(result));
  return result;
}

function panicText(engine: Exports): string {
  const start = (engine.engine_panic.value as number) >>> 0;
  const bytes = new Uint8Array(engine.memory.buffer).subarray(start, start + PANIC_BYTES);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.slice(0, end < 0 ? bytes.length : end));
}
