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
import { keep, openKept, takeKept } from "./kept.js";
import { Session, type RunOptions, type WorkerFile } from "./session.js";

/** Name and version of the engine that this package runs. */
export const ENGINE = "sidelight-engine/1.0.0";
/** Its identity: other bytes are another engine, and are not run. */
export const ENGINE_SHA256: Hex = "0x46268ea4dac6d8ceb54e66a9becac78cd525d8f8028d46910df5de191787a79a";
/** Largest engine that is read, in bytes. */
const MAX_ENGINE = 8 << 20;
let compiled: Promise<WebAssembly.Module> | undefined;

/** A worker without a model yet. */
let spare: Session | undefined;

/** Begins to load the engine and to start its worker, so that they come while the model does. */
export function prepareEngine(): void {
  void engineModule().catch(() => undefined);
  // Node's threads start faster than they are missed, and would keep the program from ending.
  if (typeof Worker !== "undefined" && (!spare || spare.isOver)) spare = Session.open(WORKER);
}

/** Ends what was prepared for a run that did not come. */
export function closeSpare(): void {
  spare?.close();
  spare = undefined;
}

/** The engine's module, its bytes checked. Compiled once. */
function engineModule(): Promise<WebAssembly.Module> {
  compiled ??= (async () => {
    const cache = await openKept();
    // Out of the Cache API two megabytes come four times as fast as out of the browser's HTTP cache.
    const kept = await takeKept(cache, ENGINE_SHA256);
    if (kept) return WebAssembly.compile(kept);
    const file = await readBytes(new URL("../engine/sidelight-engine.wasm", import.meta.url), MAX_ENGINE);
    const got = await sha256(file);
    if (got !== ENGINE_SHA256) {
      throw new SidelightError(codes.executionFailed, `engine: expected SHA-256 ${ENGINE_SHA256}, got ${got}`);
    }
    // A store that is full costs time the next time, and nothing else.
    void keep(cache, ENGINE_SHA256, file, "engine").catch(() => undefined);
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
  prepareEngine();
  const session = spare ?? Session.open(WORKER);
  spare = undefined;
  await session.load(async () => ({ module: await engineModule(), model, flags: options.optimise ? 0 : 1 }), options);
  return session;
}
