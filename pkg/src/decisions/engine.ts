/**
 * The pinned engine in a worker of its own: one model, with a limit on time. Ending the worker frees its memory.
 *
 * ```text
 *   engine.wasm --SHA-256--> module --+--> worker: load(model) --> run(inputs) --> outputs
 *                                     |       a trap or the clock ends it; the next run starts another
 * ```
 * @module
 */
import { SidelightError, abortError, codes } from "../errors.js";
import type { Hex } from "../types.js";
import { nodeBuiltin } from "../wasm.js";
import { readBytes, sha256 } from "./files.js";
import type { EngineAnswer, EngineRequest } from "./serve-engine.js";

/** Name and version of the engine that this package runs. */
export const ENGINE = "sidelight-engine/1.0.0";
/** Its identity: other bytes are another engine, and are not run. */
export const ENGINE_SHA256: Hex = "0x46268ea4dac6d8ceb54e66a9becac78cd525d8f8028d46910df5de191787a79a";
/** Largest engine that is read, in bytes. */
const MAX_ENGINE = 8 << 20;
/** Milliseconds that loading a model, or one run, may take if the caller does not say. */
const TIMEOUT_MS = 20_000;

/** A worker, whatever it is. */
interface Lane {
  post(request: EngineRequest): void;
  end(): void;
}

interface Waiting {
  resolve(answer: { result: Uint8Array<ArrayBuffer> | null; ms: number }): void;
  reject(error: Error): void;
}

export interface RunOptions {
  /** Milliseconds for loading and for each run. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

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

/** A model in the engine. */
export class EngineSession {
  readonly #lane: Lane;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #over: SidelightError | undefined;

  private constructor(open: (onAnswer: (answer: EngineAnswer) => void, onCrash: (reason: string) => void) => Lane) {
    this.#lane = open(
      (answer) => this.#settle(answer),
      (reason) => this.#end(stopped(reason)),
    );
  }

  /** Starts a worker with a model. */
  static async load(model: Uint8Array<ArrayBuffer>, options: RunOptions & { optimise: boolean }): Promise<EngineSession> {
    const module = await engineModule();
    const session = new EngineSession(openWorker);
    try {
      await session.#ask({ module, model, flags: options.optimise ? 0 : 1 }, options);
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /** Whether it can run again. */
  get isOver(): boolean {
    return this.#over !== undefined;
  }

  /** Runs the model over a message of tensors. */
  async run(inputs: Uint8Array<ArrayBuffer>, options: RunOptions = {}): Promise<{ outputs: Uint8Array<ArrayBuffer>; ms: number }> {
    const { result, ms } = await this.#ask({ inputs }, options);
    return { outputs: result ?? new Uint8Array(), ms };
  }

  /** Ends the worker, and with it the engine's memory. */
  close(): void {
    this.#end(new SidelightError(codes.disconnected, "the engine is closed"));
  }

  #ask(
    request: { module: WebAssembly.Module; model: Uint8Array; flags: number } | { inputs: Uint8Array },
    { timeoutMs = TIMEOUT_MS, signal }: RunOptions,
  ): Promise<{ result: Uint8Array<ArrayBuffer> | null; ms: number }> {
    if (this.#over) return Promise.reject(this.#over);
    if (signal?.aborted) return Promise.reject(abortError(signal));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const onAbort = () => this.#end(abortError(signal as AbortSignal));
      const timer = setTimeout(() => {
        this.#end(new SidelightError(codes.limitReached, `the model took longer than ${timeoutMs} ms`));
      }, timeoutMs);
      const done = <T>(settle: (value: T) => void) => (value: T) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        settle(value);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.set(id, { resolve: done(resolve), reject: done(reject) });
      this.#lane.post({ id, ...request } as EngineRequest);
    });
  }

  #settle(answer: EngineAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (!("error" in answer)) return waiting?.resolve(answer);
    const error = answer.isOver ? stopped(answer.error) : failed(answer.status, answer.error);
    waiting?.reject(error);
    // A trap leaves the memory in an unknown state.
    if (answer.isOver) this.#end(error);
  }

  #end(error: SidelightError): void {
    this.#over ??= error;
    this.#lane.end();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** Statuses of the engine: who is to blame. */
function failed(status: number, text: string): SidelightError {
  switch (status) {
    case 1:
    case 4:
      return new SidelightError(codes.invalidParams, `inputs: ${text}`);
    case 2:
      return new SidelightError(codes.invalidParams, `model: ${text}`);
    case 3:
      return new SidelightError(codes.unsupportedMethod, `model: not supported: ${text}`);
    default:
      return new SidelightError(codes.executionFailed, `run: ${text}`);
  }
}

function stopped(reason: string): SidelightError {
  return new SidelightError(codes.executionFailed, `the engine stopped: ${reason}`);
}

type OnAnswer = (answer: EngineAnswer) => void;

function openWorker(onAnswer: OnAnswer, onCrash: (reason: string) => void): Lane {
  if (typeof Worker !== "undefined") {
    const worker = new Worker(new URL("./engine-worker.js", import.meta.url), { type: "module", name: "sidelight-engine" });
    worker.addEventListener("message", (event) => onAnswer(event.data as EngineAnswer));
    worker.addEventListener("error", (event) => onCrash(event.message || "the worker could not be loaded"));
    return { post: (request) => worker.postMessage(request), end: () => worker.terminate() };
  }
  return openNodeThread(onAnswer, onCrash);
}

interface NodeWorker {
  postMessage(message: unknown): void;
  on(event: string, listener: (value: never) => void): void;
  terminate(): Promise<number>;
}

function openNodeThread(onAnswer: OnAnswer, onCrash: (reason: string) => void): Lane {
  const threads = nodeBuiltin<{ Worker: new (file: URL, options: { name: string }) => NodeWorker }>("node:worker_threads");
  // Without a worker nothing could end a run.
  if (!threads) throw new SidelightError(codes.unsupportedMethod, "running a model takes workers, which are not here");
  const worker = new threads.Worker(new URL("./engine-worker.js", import.meta.url), { name: "sidelight-engine" });
  let isEnded = false;
  worker.on("message", (answer: EngineAnswer) => onAnswer(answer));
  worker.on("error", (error: Error) => onCrash(error.message));
  worker.on("exit", (code: number) => {
    if (!isEnded) onCrash(`the thread ended with code ${code}`);
  });
  return {
    post: (request) => worker.postMessage(request),
    end() {
      isEnded = true;
      void worker.terminate();
    },
  };
}
