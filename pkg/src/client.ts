/**
 * The light client as a program sees it.
 * @module
 */
import { Channel } from "./channel.js";
import { Emitter, type Listener } from "./emitter.js";
import { openEndpoint } from "./endpoint.js";
import { SidelightError, abortError, codes } from "./errors.js";
import { Feeds } from "./feeds.js";
import { forward } from "./forward.js";
import { isVerified } from "./methods.js";
import { checkOptions, toStartOptions, type LightClientOptions } from "./options.js";
import { LightProvider, checkRequest, type Provider, type ProviderEvents, type RequestArguments } from "./provider.js";
import { Refusals } from "./refusals.js";
import { toPostable } from "./wasm.js";
import type { WasmSources } from "./host.js";
import type {
  ClientEvents,
  ClientState,
  FileVerdict,
  Hex,
  Labelled,
  LogFilter,
  LogsView,
  ReorgEvent,
  Status,
  WatchEntry,
} from "./types.js";

/** States that a client does not leave. */
const ENDED: ReadonlySet<ClientState> = new Set(["halted", "conflict", "crashed"]);
/** States in which it answers. */
const CONNECTED: ReadonlySet<ClientState> = new Set(["syncing", "live", "stale"]);

/**
 * Starts a light client. It resolves when the verifier runs, before it has synced: see {@link LightClient.waitSynced}.
 */
export async function createLightClient(options: LightClientOptions): Promise<LightClient> {
  checkOptions(options);
  const { signal } = options;
  if (signal?.aborted) throw abortError(signal);
  const sources: WasmSources = {};
  if (options.wasm) sources.verifier = await toPostable(options.wasm);
  if (options.evmWasm) sources.evm = await toPostable(options.evmWasm);
  if (options.workers !== undefined) sources.workers = options.workers;
  return LightClient.start(options, sources);
}

export class LightClient implements AsyncDisposable {
  /** The EIP-1193 provider. */
  readonly provider: Provider;

  readonly #events = new Emitter<ClientEvents>();
  readonly #providerEvents = new Emitter<ProviderEvents>();
  readonly #channel: Channel;
  readonly #nodes: readonly string[];
  readonly #allowed: ReadonlySet<string>;
  readonly #refusals = new Refusals();
  readonly #feeds: Feeds;
  #status: Status | undefined;
  #isConnected = false;
  #isClosed = false;

  private constructor(options: LightClientOptions, endpoint: ConstructorParameters<typeof Channel>[0]) {
    this.#nodes = [...options.nodes];
    this.#allowed = new Set(options.allowUnverified);
    this.#channel = new Channel(
      endpoint,
      (event, data) => this.#onEvent(event as keyof ClientEvents, data),
      (message) => this.#onEvent("crashed", { message }),
    );
    const answer = async (method: string, params: readonly unknown[]) => this.#answer(method, params);
    this.provider = new LightProvider(answer, this.#providerEvents);
    this.#feeds = new Feeds(answer, (subscription, result) => {
      this.#providerEvents.emit("message", { type: "eth_subscription", data: { subscription, result } });
    });
  }

  /** @internal */
  static async start(options: LightClientOptions, sources: WasmSources): Promise<LightClient> {
    const client = new LightClient(options, await openEndpoint(options.worker));
    try {
      const params = [toStartOptions(options), sources];
      const started = await client.#channel.request("sidelight_start", params, options.signal);
      const status = started as Status;
      const { kind, why } = status.storage;
      if (options.storage === "indexeddb" && kind !== "indexeddb") {
        throw new SidelightError(codes.executionFailed, `IndexedDB is not available: ${why}`);
      }
      client.#onStatus(status);
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /** What the client is doing now. After {@link close} or a crash: what it was doing last. */
  async status(): Promise<Status> {
    if (this.#status && (this.#isClosed || this.#status.state === "crashed")) return this.#status;
    const status = (await this.#channel.request("sidelight_status", [])) as Status;
    this.#onStatus(status);
    return status;
  }

  /** Adds a listener; the returned function removes it. */
  on<K extends keyof ClientEvents>(event: K, listener: Listener<ClientEvents[K]>): () => void {
    return this.#events.on(event, listener);
  }

  /** Removes a listener. */
  off<K extends keyof ClientEvents>(event: K, listener: Listener<ClientEvents[K]>): void {
    this.#events.off(event, listener);
  }

  /** Resolves at the head of the chain; rejects with 4900 when the client can no longer get there. */
  async waitSynced({ signal }: { signal?: AbortSignal } = {}): Promise<Status> {
    if (signal?.aborted) throw abortError(signal);
    const first = await this.status();
    return new Promise<Status>((resolve, reject) => {
      const stops: (() => void)[] = [];
      const settle = (status: Status) => {
        if (status.state !== "live" && !ENDED.has(status.state)) return;
        for (const stop of stops) stop();
        if (status.state === "live") resolve(status);
        else reject(new SidelightError(codes.disconnected, `the client is ${status.state}`, { data: status.halted }));
      };
      stops.push(this.#events.on("status", settle));
      if (signal) {
        const onAbort = () => {
          for (const stop of stops) stop();
          reject(abortError(signal));
        };
        signal.addEventListener("abort", onAbort, { once: true });
        stops.push(() => signal.removeEventListener("abort", onAbort));
      }
      settle(first);
    });
  }

  /** Any method of the provider, with the label that says how far its answer can be trusted. */
  async verified<T = unknown>(args: RequestArguments & { signal?: AbortSignal }): Promise<Labelled<T>> {
    const { method, params } = checkRequest(args);
    const { signal } = args;
    if (isVerified(method)) {
      return (await this.#channel.request("sidelight_request", [method, params], signal)) as Labelled<T>;
    }
    return (await this.#forward(method, params, signal)) as Labelled<T>;
  }

  /** Logs over a range, and over which part of it they are complete. `eth_getLogs` is the same, and fails where a part is missing. */
  async logs(filter: LogFilter): Promise<LogsView> {
    return (await this.#channel.request("sidelight_getLogs", [filter])) as LogsView;
  }

  /** The text of a file that shows to anybody in what the sequencer contradicts itself; `null` while nothing does. */
  async evidence(): Promise<string | null> {
    return (await this.#channel.request("sidelight_evidence", [])) as string | null;
  }

  /**
   * Checks a proof, transition, evidence, invalid block or checkpoint file. Nothing of it leaves this machine. Where that takes the execution of a block, the module of the EVM is
   * loaded.
   */
  async verifyFile(file: string | Blob, { stateRoot }: { stateRoot?: Hex } = {}): Promise<FileVerdict> {
    const text = typeof file === "string" ? file : await file.text();
    const params = stateRoot === undefined ? [text] : [text, stateRoot];
    return (await this.#channel.request("sidelight_verifyFile", params)) as FileVerdict;
  }

  /** The text of a file that proves an account and slots to anybody who knows the chain's rules. */
  async saveProof({ address, slots = [], block }: { address: Hex; slots?: readonly Hex[]; block?: Hex | number | "latest" }): Promise<string> {
    const params = block === undefined ? [address, slots] : [address, slots, block];
    return (await this.#channel.request("sidelight_saveProof", params)) as string;
  }

  /** Replaces the accounts that are followed. */
  async watch(entries: readonly WatchEntry[]): Promise<Status> {
    const status = (await this.#channel.request("sidelight_watch", [entries])) as Status;
    this.#onStatus(status);
    return status;
  }

  /** Stops the client. What still waits fails with 4900. Calling it again does nothing. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // The store is flushed by the far end; a worker that does not answer is ended all the same.
    await within(1_000, this.#channel.request("sidelight_close", []));
    this.#channel.end("the client is closed");
    if (this.#status && this.#status.state !== "crashed") {
      this.#onStatus({ ...this.#status, state: "halted" });
    }
    this.#disconnect("the client is closed");
    this.#feeds.clear();
    this.#events.clear();
    this.#providerEvents.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #answer(method: string, params: readonly unknown[]): Promise<unknown> {
    if (Feeds.has(method)) return this.#feeds.request(method, params);
    if (!isVerified(method)) return (await this.#forward(method, params)).value;
    return this.#refusals.guard(method, params, () => this.#channel.request(method, params));
  }

  #forward(method: string, params: readonly unknown[], signal?: AbortSignal): Promise<Labelled<unknown>> {
    if (!this.#allowed.has(method)) {
      const hint = "name it in allowUnverified to pass it to a node";
      throw new SidelightError(codes.unsupportedMethod, `${method} cannot be verified; ${hint}`, { data: { method } });
    }
    if (this.#isClosed) throw new SidelightError(codes.disconnected, "the client is closed");
    return forward(this.#nodes, method, params, signal);
  }

  #onEvent<K extends keyof ClientEvents>(event: K, data: unknown): void {
    if (event === "status") return this.#onStatus(data as Status);
    if (event === "block") this.#feeds.onBlock();
    if (event === "reorg") this.#feeds.onReorg(data as ReorgEvent);
    this.#events.emit(event, data as ClientEvents[K]);
    if (event !== "crashed") return;
    if (this.#status) this.#onStatus({ ...this.#status, state: "crashed" });
    this.#disconnect((data as { message: string }).message);
  }

  #onStatus(status: Status): void {
    this.#status = status;
    if (CONNECTED.has(status.state)) this.#connect(status.chainId);
    else if (status.state !== "starting") this.#disconnect(`the client is ${status.state}`);
    this.#events.emit("status", status);
  }

  #connect(chainId: number): void {
    if (this.#isConnected) return;
    this.#isConnected = true;
    this.#providerEvents.emit("connect", { chainId: `0x${chainId.toString(16)}` });
  }

  #disconnect(reason: string): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    this.#providerEvents.emit("disconnect", new SidelightError(codes.disconnected, reason));
  }
}

/** Waits for a promise, whatever comes of it, but not for ever. */
function within(ms: number, promise: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    promise.then(done, done);
  });
}
