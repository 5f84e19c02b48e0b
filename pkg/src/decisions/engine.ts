/**
 * The pinned engine (class 0): one wasm module without imports, whose bytes are its identity.
 *
 * ```text
 *   engine.wasm --SHA-256--> module --> session
 * ```
 * @module
 */
import { SidelightError, codes } from "../errors.js";
import type { Hex } from "../types.js";
import { readBytes, sha256 } from "./files.js";
import { Session, type RunOptions, type WorkerFile } from "./session.js";

/** Name and version of the engine that this package runs. */
export const ENGINE = "sidelight-engine/1.0.0";
/** Its identity: other bytes are another engine, and are not run. */
export const ENGINE_SHA256: Hex = "0x46268ea4dac6d8ceb54e66a9becac78cd525d8f8028d46910df5de191787a79a";
/** Largest engine that is read, in bytes. */
const MAX_ENGINE = 8 << 20;
let compiled: Promise<WebAssembly.Module> | undefined;

/** The engine's module, its bytes checked. Compiled once. */
function engineModule(): Promise<WebAssembly.Module> {
  compiled ??= (async () => {
    const file = await readBytes(new URL("../engine/sidelight-engine.wasm", import.meta.url), MAX_ENGINE);
    const got = await sha256(file);
    if (got !== ENGINE_SHA256) {
      throw new SidelightError(codes.executionFailed, `engine: expected SHA-256 ${ENGINE_SHA256}, got ${got}`);
    }
    return WebAssembly.compile(file);
  })();
  // A failed download may succeed the next time.
  compiled.catch(() => (compiled = undefined));
  return compiled;
}

const WORKER: WorkerFile = {
  url: new URL("./engine-worker.js", import.meta.url),
  open: () => new Worker(new URL("./engine-worker.js", import.meta.url), { type: "module", name: "sidelight-engine" }),
};

/** Starts the engine with a model. */
export async function startEngine(model: Uint8Array<ArrayBuffer>, options: RunOptions & { optimise: boolean }): Promise<Session> {
  return Session.start(WORKER, { module: await engineModule(), model, flags: options.optimise ? 0 : 1 }, options);
}
