/**
 * ONNX Runtime's side of a worker: one session over one model, on one thread.
 * @module
 */
import type { WorkerAnswer } from "./session.js";
import { decodeMessage, encodeMessage } from "./tensors.js";
import type { DType, Tensor } from "./types.js";

/** What the worker is told: first its files and a model, then inputs. */
export type OrtRequest =
  | { id: number; script: Uint8Array<ArrayBuffer>; wasm: Uint8Array<ArrayBuffer>; model: Uint8Array; provider: "wasm" | "webgpu"; optimise: boolean }
  | { id: number; inputs: Uint8Array };

/** The parts of onnxruntime-web that are used. */
interface Ort {
  env: { wasm: { numThreads: number; proxy: boolean; wasmBinary: Uint8Array } };
  Tensor: new (type: string, data: unknown, dims: readonly number[]) => OrtTensor;
  InferenceSession: { create(model: Uint8Array, options: object): Promise<OrtSession> };
}

interface OrtTensor {
  type: string;
  dims: readonly number[];
  data: ArrayBufferView | readonly string[];
}

interface OrtSession {
  inputNames: readonly string[];
  outputNames: readonly string[];
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
}

/** Element types: its name, and the array that holds them. */
const TYPES: Partial<Record<DType, readonly [string, new (buffer: ArrayBuffer) => ArrayBufferView]>> = {
  FP32: ["float32", Float32Array], FP64: ["float64", Float64Array], UINT8: ["uint8", Uint8Array], INT8: ["int8", Int8Array],
  UINT16: ["uint16", Uint16Array], INT16: ["int16", Int16Array], UINT32: ["uint32", Uint32Array], INT32: ["int32", Int32Array],
  UINT64: ["uint64", BigUint64Array], INT64: ["int64", BigInt64Array], BOOL: ["bool", Uint8Array], FP16: ["float16", Uint16Array],
};
const NAMES = new Map(Object.entries(TYPES).map(([dtype, [name]]) => [name, dtype as DType]));

/** The listener of a worker. Requests are answered one after another, as they are sent. */
export function serveOnnxRuntime(post: (answer: WorkerAnswer) => void): (request: OrtRequest) => Promise<void> {
  let ort: Ort | undefined;
  let session: OrtSession | undefined;
  return async (request) => {
    const { id } = request;
    const began = performance.now();
    try {
      if ("script" in request) {
        ort = await open(request.script, request.wasm);
        session = await ort.InferenceSession.create(request.model, {
          executionProviders: [request.provider],
          graphOptimizationLevel: request.optimise ? "all" : "disabled",
        });
        return post({ id, result: null, ms: performance.now() - began });
      }
      if (!ort || !session) throw new Error("no model is loaded");
      const result = await run(ort, session, decodeMessage(request.inputs));
      post({ id, result, ms: performance.now() - began });
    } catch (error) {
      // It says in words only what is wrong, and its state after that is not known.
      const status = "script" in request ? 2 : 6;
      post({ id, status, error: error instanceof Error ? error.message : String(error), isOver: false });
    }
  };
}

/** Imports the very bytes whose hash was checked, not what an address gives a second time. */
async function open(script: Uint8Array<ArrayBuffer>, wasm: Uint8Array): Promise<Ort> {
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  try {
    const ort = (await import(/* @vite-ignore */ /* webpackIgnore: true */ url)) as Ort;
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.proxy = false;
    ort.env.wasm.wasmBinary = wasm;
    return ort;
  } finally {
    URL.revokeObjectURL(url);
  }
}

async function run(ort: Ort, session: OrtSession, inputs: readonly Tensor[]): Promise<Uint8Array<ArrayBuffer>> {
  const feeds = Object.fromEntries(inputs.map((tensor) => [tensor.name, toOrt(ort, tensor)]));
  const outputs = await session.run(feeds);
  return encodeMessage(session.outputNames.map((name) => fromOrt(name, outputs[name] as OrtTensor)));
}

function toOrt(ort: Ort, { name, dtype, shape, bytes }: Tensor): OrtTensor {
  const type = TYPES[dtype];
  if (!type) throw new Error(`${name}: ${dtype} is not supported`);
  const [word, Elements] = type;
  return new ort.Tensor(word, new Elements(bytes.slice().buffer as ArrayBuffer), shape);
}

function fromOrt(name: string, { type, dims, data }: OrtTensor): Tensor {
  const dtype = NAMES.get(type);
  if (!dtype || !ArrayBuffer.isView(data)) throw new Error(`${name}: ${type} is not supported`);
  return { name, dtype, shape: [...dims], bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice() };
}
