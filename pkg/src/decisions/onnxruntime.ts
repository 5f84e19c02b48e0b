/**
 * ONNX Runtime Web (class 2): wide operator coverage, WebGPU where a device has it, and results that are equal within a tolerance only.
 *
 * Its files are its makers' own, from a folder that the caller names; each must have the SHA-256 below. Nothing is fetched from anywhere else.
 *
 * ```text
 *   ort.*.bundle.min.mjs, ort-wasm-*.wasm --SHA-256--> worker: import, one thread --> session
 * ```
 * @module
 */
import { SidelightError, codes } from "../errors.js";
import type { Hex } from "../types.js";
import { readBytes, sha256 } from "./files.js";
import { Session, type RunOptions, type WorkerFile } from "./session.js";
import type { RuntimeUsed } from "./types.js";

/** Version of onnxruntime-web. */
export const ONNXRUNTIME = "onnxruntime-web/1.30.0";

/** What computes: the processor, or the graphics processor through WebGPU. */
export type Provider = "wasm" | "webgpu";

interface File {
  name: string;
  bytes: number;
  sha256: Hex;
}

/** The files of each provider: a module of JavaScript and one of wasm. */
const FILES: Record<Provider, { script: File; wasm: File }> = {
  wasm: {
    script: { name: "ort.wasm.bundle.min.mjs", bytes: 73_054, sha256: "0x11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90" },
    wasm: { name: "ort-wasm-simd-threaded.wasm", bytes: 14_239_897, sha256: "0x3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2" },
  },
  webgpu: {
    script: { name: "ort.webgpu.bundle.min.mjs", bytes: 117_732, sha256: "0x0730816731ce2cdfb06f273da065d4a1c7091eb9d1756a83b2916c8a89d015e2" },
    wasm: { name: "ort-wasm-simd-threaded.asyncify.wasm", bytes: 26_781_914, sha256: "0x39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da" },
  },
};

/** What another back end may differ by, in 1e-9: absolute and relative. */
const TOLERANCES: Record<Provider, readonly [number, number]> = { wasm: [10_000, 100_000], webgpu: [100_000, 1_000_000] };

const WORKER: WorkerFile = {
  url: new URL("./onnxruntime-worker.js", import.meta.url),
  open: () => new Worker(new URL("./onnxruntime-worker.js", import.meta.url), { type: "module", name: "sidelight-onnxruntime" }),
};

const loaded = new Map<string, Promise<{ script: Uint8Array<ArrayBuffer>; wasm: Uint8Array<ArrayBuffer> }>>();

/** The provider that this device has: WebGPU with an adapter, the processor otherwise. */
export async function chooseProvider(wanted: Provider | "auto"): Promise<Provider> {
  if (wanted !== "auto") return wanted;
  const { gpu } = (globalThis.navigator ?? {}) as { gpu?: { requestAdapter(): Promise<unknown> } };
  const adapter = await gpu?.requestAdapter().catch(() => null);
  return adapter ? "webgpu" : "wasm";
}

/** What a run with it can be held to. */
export function onnxRuntimeUsed(provider: Provider, optimise: boolean): RuntimeUsed {
  const [atolE9, rtolE9] = TOLERANCES[provider];
  return { detClass: 2, engine: ONNXRUNTIME, engineSha256: FILES[provider].wasm.sha256, optimise, provider, atolE9, rtolE9 };
}

/** Starts it with a model. `folder` has the files. */
export async function startOnnxRuntime(
  folder: URL, provider: Provider, model: Uint8Array<ArrayBuffer>, options: RunOptions & { optimise: boolean },
): Promise<Session> {
  if (typeof Worker === "undefined") {
    throw new SidelightError(codes.unsupportedMethod, "ONNX Runtime Web runs in browsers; outside of them sidelight-edge runs ONNX Runtime itself");
  }
  const key = `${provider} ${folder.href}`;
  const files = loaded.get(key) ?? load(folder, provider, options.signal);
  loaded.set(key, files);
  // A download that failed may succeed the next time.
  files.catch(() => loaded.delete(key));
  const session = Session.open(WORKER);
  await session.load(async () => ({ ...(await files), provider, model, optimise: options.optimise }), options);
  return session;
}

async function load(folder: URL, provider: Provider, signal?: AbortSignal) {
  const read = async ({ name, bytes, sha256: expected }: File) => {
    const file = await readBytes(new URL(name, folder), bytes, signal ? { signal } : {});
    const got = await sha256(file);
    if (got !== expected) throw new SidelightError(codes.executionFailed, `${name}: sha256: expected ${expected}, got ${got}`, { data: { field: "sha256" } });
    return file;
  };
  const { script, wasm } = FILES[provider];
  const [first, second] = await Promise.all([read(script), read(wasm)]);
  return { script: first, wasm: second };
}
