/**
 * A model in a worker of its own, whatever runs it, with a limit on time. Ending the worker frees its memory.
 *
 * ```text
 *   worker: load(model) --> run(inputs) --> outputs
 *       a trap or the clock ends it; the next run starts another
 * ```
 * @module
 */
import { SidelightError, abortError, codes } from "../errors.js";
import { nodeBuiltin } from "../wasm.js";

/** Milliseconds that loading a model, or one run, may take if the caller does not say. */
const TIMEOUT_MS = 20_000;

/** One answer to each request of a worker. `isOver`: it cannot be used any more. */
export type WorkerAnswer =
  | { id: number; result: Uint8Array<ArrayBuffer> | null; ms: number }
  | { id: number; status: number; error: string; isOver: boolean };

/** A worker's file. Bundlers find it where `new Worker(new URL(...))` is written out, so each back end does that itself. */
export interface WorkerFile {
  url: URL;
  open(): Worker;
}

/** A worker, whatever it is. */
interface Lane {
  post(request: object): void;
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

/** A model in a back end. */
export class Session {
  readonly #lane: Lane;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #over: SidelightError | undefined;

  private constructor(open: (onAnswer: (answer: WorkerAnswer) => void, onCrash: (reason: string) => void) => Lane) {
    this.#lane = open(
      (answer) => this.#settle(answer),
      (reason) => this.#end(stopped(reason)),
    );
  }

  /** Starts a worker that has no model yet. */
  static open(file: WorkerFile): Session {
    return new Session((onAnswer, onCrash) => openWorker(file, onAnswer, onCrash));
  }

  /** Tells the worker which model it runs. A model that does not load ends it. */
  async load(first: () => Promise<object>, options: RunOptions): Promise<void> {
    try {
      await this.#ask(await first(), options);
    } catch (error) {
      this.close();
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

  /** The root of every value that a run computes, in the engine's form; takes a graph that was loaded as the file has it. */
  async trace(inputs: Uint8Array<ArrayBuffer>, options: RunOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const { result } = await this.#ask({ inputs, isTraced: true }, options);
    return result ?? new Uint8Array();
  }

  /** Ends the worker, and with it the engine's memory. */
  close(): void {
    this.#end(new SidelightError(codes.disconnected, "the engine is closed"));
  }

  #ask(
    request: object,
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
      this.#lane.post({ id, ...request });
    });
  }

  #settle(answer: WorkerAnswer): void {
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

type OnAnswer = (answer: WorkerAnswer) => void;

function openWorker(file: WorkerFile, onAnswer: OnAnswer, onCrash: (reason: string) => void): Lane {
  if (typeof Worker !== "undefined") {
    const worker = file.open();
    worker.addEventListener("message", (event) => onAnswer(event.data as WorkerAnswer));
    worker.addEventListener("error", (event) => onCrash(event.message || "the worker could not be loaded"));
    return { post: (request) => worker.postMessage(request), end: () => worker.terminate() };
  }
  return openNodeThread(file, onAnswer, onCrash);
}

interface NodeWorker {
  postMessage(message: unknown): void;
  on(event: string, listener: (value: never) => void): void;
  terminate(): Promise<number>;
}

function openNodeThread(file: WorkerFile, onAnswer: OnAnswer, onCrash: (reason: string) => void): Lane {
  const threads = nodeBuiltin<{ Worker: new (file: URL, options: { name: string }) => NodeWorker }>("node:worker_threads");
  // Without a worker nothing could end a run.
  if (!threads) throw new SidelightError(codes.unsupportedMethod, "running a model takes workers, which are not here");
  const worker = new threads.Worker(file.url, { name: "sidelight-engine" });
  let isEnded = false;
  worker.on("message", (answer: WorkerAnswer) => onAnswer(answer));
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
