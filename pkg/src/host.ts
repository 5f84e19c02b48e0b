/**
 * The worker's side: owns the verifier module and the executor, answers requests, passes events on.
 *
 * ```text
 *   request --> eth_call, eth_estimateGas --> Executor --+
 *           \                                            v
 *            +-> everything else ------------> verifier (sidelight-wasm) --blocks to execute--> BlockPool
 * ```
 * @module
 */
import { BlockPool, defaultWorkers } from "./blocks.js";
import type { HostMessage, RequestMessage } from "./channel.js";
import { SidelightError, codes, toErrorObject, type ErrorObject } from "./errors.js";
import { Executor } from "./evm.js";
import { compile, type PostableWasm } from "./wasm.js";
import type { Labelled } from "./types.js";
import type { Client } from "./wasm/sidelight_wasm.js";

/** The second parameter of `sidelight_start`: where the modules are, if not beside this file, and what executes blocks. */
export interface WasmSources {
  verifier?: PostableWasm;
  evm?: PostableWasm;
  /** Workers that execute blocks, in mode `execute`. */
  workers?: number;
}

const EXECUTED = new Set(["eth_call", "eth_estimateGas"]);

export class Host {
  readonly #post: (message: HostMessage) => void;
  readonly #open = new Set<number>();
  #client: Client | undefined;
  #executor: Executor | undefined;
  #pool: BlockPool | undefined;
  #isStarted = false;
  #crashed: SidelightError | undefined;

  constructor(post: (message: HostMessage) => void) {
    this.#post = post;
  }

  /** Answers one request, with exactly one message. */
  async handle({ id, method, params }: RequestMessage): Promise<void> {
    this.#open.add(id);
    let message: HostMessage;
    try {
      message = { id, result: await this.#answer(method, params) };
    } catch (error) {
      message = { id, error: toErrorObject(error) };
    }
    // A crash has answered already.
    if (this.#open.delete(id)) this.#post(message);
  }

  async #answer(method: string, params: readonly unknown[]): Promise<unknown> {
    if (this.#crashed) throw this.#crashed;
    switch (method) {
      case "sidelight_start":
        return this.#start(params[0], (params[1] ?? {}) as WasmSources);
      case "sidelight_close":
        this.#close();
        return null;
      case "sidelight_request": {
        const [inner, innerParams] = params as [string, readonly unknown[]];
        return EXECUTED.has(inner) ? this.#execute(inner, innerParams) : this.#verifier(method, params);
      }
      default:
        if (EXECUTED.has(method)) return (await this.#execute(method, params)).value;
        return this.#verifier(method, params);
    }
  }

  async #start(options: unknown, sources: WasmSources): Promise<unknown> {
    if (this.#isStarted) throw new SidelightError(codes.invalidParams, "already started");
    this.#isStarted = true;
    try {
      const module = await import("./wasm/sidelight_wasm.js");
      const file = new URL("./wasm/sidelight_wasm_bg.wasm", import.meta.url);
      await module.default({ module_or_path: await compile(sources.verifier, file) });
      const onEvent = (json: string) => this.#event(json);
      const text = JSON.stringify(options ?? null);
      const workers = sources.workers ?? defaultWorkers();
      // Nothing is loaded before there is a block to execute: in mode `execute`, or for a file that accuses one.
      const pool = new BlockPool(workers, sources.evm);
      this.#pool = pool;
      const execute = (...block: Parameters<BlockPool["execute"]>) => pool.execute(...block);
      this.#client = await rethrow(module.Client.start(text, onEvent, execute, workers));
    } catch (error) {
      this.#isStarted = false;
      this.#endPool();
      throw error;
    }
    this.#executor = new Executor(
      <T>(method: string, params: readonly unknown[]) => this.#verifier(method, params) as Promise<T>,
      sources.evm,
    );
    return this.#verifier("sidelight_status", []);
  }

  async #verifier(method: string, params: readonly unknown[]): Promise<unknown> {
    const client = this.#client;
    if (!client) throw new SidelightError(codes.disconnected, "not started, or closed");
    return JSON.parse(await rethrow(client.request(method, JSON.stringify(params))));
  }

  #execute(method: string, params: readonly unknown[] = []): Promise<Labelled<string>> {
    if (!this.#executor) throw new SidelightError(codes.disconnected, "not started, or closed");
    return this.#executor.run(method, params);
  }

  #event(json: string): void {
    const message = JSON.parse(json) as { event: string; data: unknown };
    if (message.event === "crashed") this.#crash((message.data as { message: string }).message);
    this.#post(message);
  }

  /** A trap leaves the module's memory in an unknown state: nothing may be asked of it again. */
  #crash(reason: string): void {
    this.#crashed = new SidelightError(codes.disconnected, `the client crashed: ${reason}`);
    const error = toErrorObject(this.#crashed);
    this.#client = undefined;
    this.#executor = undefined;
    this.#endPool();
    for (const id of this.#open) this.#post({ id, error });
    this.#open.clear();
  }

  #close(): void {
    const client = this.#client;
    this.#client = undefined;
    this.#executor = undefined;
    this.#endPool();
    client?.close();
  }

  #endPool(): void {
    this.#pool?.close();
    this.#pool = undefined;
  }
}

/** The module throws an error object as JSON text. */
async function rethrow<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (thrown) {
    if (typeof thrown !== "string") throw thrown;
    const { code, message, data } = JSON.parse(thrown) as ErrorObject;
    throw new SidelightError(code, message, { data });
  }
}
