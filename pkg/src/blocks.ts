/**
 * Executes whole blocks, for mode `execute` and for files that accuse one: a small pool of workers, each with the EVM module.
 *
 * ```text
 *   verifier --execute(chainId, parent, header, input)--> queue --> worker 1: executeBlock --> verdict
 *                                                               \-> worker 2 ...
 * ```
 *
 * A worker whose module traps, or that takes too long, is ended and replaced: its block gets no verdict, which blames nobody.
 * @module
 */
import { SidelightError, codes } from "./errors.js";
import { serveBlocks, type BlockMessage, type VerdictMessage } from "./serve-blocks.js";
import { compile, nodeBuiltin, type PostableWasm } from "./wasm.js";

/** One worker, whatever it is. */
interface Lane {
  post(message: BlockMessage | { module: WebAssembly.Module }, transfer: ArrayBuffer[]): void;
  end(): void;
}

interface Waiting {
  message: BlockMessage;
  limitMs: number;
  resolve(verdict: string): void;
  reject(error: Error): void;
}

interface Slot {
  lane: Lane | undefined;
  running: Waiting | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** Workers that are used when the option does not say. */
export function defaultWorkers(): number {
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  const os = nodeBuiltin<{ availableParallelism?(): number }>("node:os");
  const cores = navigator?.hardwareConcurrency ?? os?.availableParallelism?.() ?? 2;
  return Math.max(1, Math.min(4, cores - 1));
}

export class BlockPool {
  readonly #source: PostableWasm | undefined;
  readonly #slots: Slot[];
  readonly #queue: Waiting[] = [];
  #module: Promise<WebAssembly.Module> | undefined;
  #next = 1;
  #isClosed = false;

  constructor(workers: number, source: PostableWasm | undefined) {
    this.#source = source;
    this.#slots = Array.from({ length: workers }, () => ({ lane: undefined, running: undefined, timer: undefined }));
  }

  /** Executes a block, for at most so long; the verdict as JSON text. Rejects where there is none. */
  execute(chainId: bigint, parent: Uint8Array, header: Uint8Array, input: Uint8Array, limitMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(closed());
      this.#queue.push({ message: { id: this.#next++, chainId, parent, header, input }, limitMs, resolve, reject });
      this.#turn();
    });
  }

  /** Ends the workers. What waits fails. */
  close(): void {
    this.#isClosed = true;
    for (const slot of this.#slots) {
      clearTimeout(slot.timer);
      slot.lane?.end();
      slot.running?.reject(closed());
      slot.lane = slot.running = undefined;
    }
    for (const waiting of this.#queue.splice(0)) waiting.reject(closed());
  }

  /** Gives the next block to a worker that has none. */
  #turn(): void {
    const slot = this.#slots.find(({ running }) => running === undefined);
    const waiting = slot && this.#queue.shift();
    if (!slot || !waiting) return;
    slot.running = waiting;
    void this.#run(slot, waiting);
  }

  async #run(slot: Slot, { message, limitMs }: Waiting): Promise<void> {
    try {
      slot.lane ??= await this.#open(slot);
      if (this.#isClosed) return slot.lane.end();
      slot.lane.post(message, [message.input.buffer as ArrayBuffer]);
      // From here on it is the block's time. Loading the module is not.
      slot.timer = setTimeout(() => this.#end(slot, limitMs), limitMs);
    } catch (error) {
      this.#fail(slot, error instanceof Error ? error.message : String(error));
    }
  }

  async #open(slot: Slot): Promise<Lane> {
    this.#module ??= compile(this.#source, new URL("./evm/sidelight_evm_bg.wasm", import.meta.url));
    // A failed download may succeed the next time.
    this.#module.catch(() => (this.#module = undefined));
    const module = await this.#module;
    const onVerdict = (message: VerdictMessage) => this.#settle(slot, message);
    const onCrash = (reason: string) => this.#fail(slot, reason);
    const lane = openWorker(onVerdict, onCrash) ?? openNodeThread(onVerdict, onCrash) ?? openHere(onVerdict);
    lane.post({ module }, []);
    return lane;
  }

  #settle(slot: Slot, message: VerdictMessage): void {
    if (slot.running?.message.id !== message.id) return;
    if ("error" in message) return this.#fail(slot, message.error);
    const { running } = slot;
    clearTimeout(slot.timer);
    slot.running = undefined;
    running.resolve(message.verdict);
    this.#turn();
  }

  /** A worker in a loop hears nobody: it is ended, and a new one takes its place. */
  #end(slot: Slot, limitMs: number): void {
    const { running } = slot;
    slot.lane?.end();
    slot.lane = slot.running = undefined;
    running?.resolve(JSON.stringify({ timedOut: limitMs }));
    if (!this.#isClosed) this.#turn();
  }

  /** A trap leaves the module's memory in an unknown state: the worker is of no use any more. */
  #fail(slot: Slot, reason: string): void {
    const { running } = slot;
    clearTimeout(slot.timer);
    slot.lane?.end();
    slot.lane = slot.running = undefined;
    running?.reject(new SidelightError(codes.executionFailed, reason));
    if (!this.#isClosed) this.#turn();
  }
}

function closed(): SidelightError {
  return new SidelightError(codes.disconnected, "the client is closed");
}

type OnVerdict = (message: VerdictMessage) => void;

function openWorker(onVerdict: OnVerdict, onCrash: (reason: string) => void): Lane | undefined {
  if (typeof Worker === "undefined") return undefined;
  const worker = new Worker(new URL("./block-worker.js", import.meta.url), {
    type: "module",
    name: "sidelight-blocks",
  });
  worker.addEventListener("message", (event) => onVerdict(event.data as VerdictMessage));
  worker.addEventListener("error", (event) => onCrash(event.message || "the worker could not be loaded"));
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    end: () => worker.terminate(),
  };
}

interface NodeWorker {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  on(event: string, listener: (value: never) => void): void;
  terminate(): Promise<number>;
}

function openNodeThread(onVerdict: OnVerdict, onCrash: (reason: string) => void): Lane | undefined {
  const threads = nodeBuiltin<{ Worker: new (file: URL, options: { name: string }) => NodeWorker }>(
    "node:worker_threads",
  );
  if (!threads) return undefined;
  const worker = new threads.Worker(new URL("./block-worker.js", import.meta.url), { name: "sidelight-blocks" });
  let isEnded = false;
  worker.on("message", (message: VerdictMessage) => onVerdict(message));
  worker.on("error", (error: Error) => onCrash(error.message));
  worker.on("exit", (code: number) => {
    if (!isEnded) onCrash(`the thread ended with code ${code}`);
  });
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    end() {
      isEnded = true;
      void worker.terminate();
    },
  };
}

/** No workers at all: blocks run in this thread, one after another. */
function openHere(onVerdict: OnVerdict): Lane {
  const serve = serveBlocks((message) => queueMicrotask(() => onVerdict(message)));
  return { post: (message) => serve(message), end: () => {} };
}
