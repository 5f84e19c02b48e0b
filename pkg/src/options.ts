/**
 * The options of a client, checked before anything is started.
 * @module
 */
import { SidelightError, codes } from "./errors.js";
import { show } from "./hex.js";
import type { WasmSource } from "./wasm.js";
import type { ChainSpec, Hex, Mode, WatchEntry } from "./types.js";

/** Options of `createLightClient`. */
export interface LightClientOptions {
  /** `"dev"` for a local development chain, or the rules of another. */
  chain: "dev" | ChainSpec;
  /** Addresses of nodes: `http(s)` or `ws(s)`. More than one lets the client notice an old head. */
  nodes: readonly string[];
  /** A block hash that you trust, to start from instead of genesis. */
  checkpoint?: Hex;
  /** What to check of every block; `"watch"` when not given. */
  mode?: Mode;
  /** In mode `"execute"`: how many blocks of a hundred are executed, chosen at random; all when not given. */
  share?: number;
  /** In mode `"execute"`: workers that execute blocks; one less than the machine has cores, at most 4, when not given. */
  workers?: number;
  /** Accounts to follow. */
  watch?: readonly WatchEntry[];
  /** Where verified headers are kept; `"auto"` when not given: IndexedDB where there is one, else memory. */
  storage?: "auto" | "indexeddb" | "memory";
  /** `"auto"`: a worker of its own. `false`: this thread. Or a worker or port that runs `sidelight/worker`. */
  worker?: "auto" | false | Worker | MessagePort;
  /** The verifier module, for bundlers and pages that cannot find it beside the code. */
  wasm?: WasmSource;
  /** The EVM module, likewise; it is loaded with the first `eth_call`, and in mode `"execute"` at once. */
  evmWasm?: WasmSource;
  /** Methods that are passed to a node and answered as `unverified`. */
  allowUnverified?: readonly string[];
  /** Gives up the start. */
  signal?: AbortSignal;
}

const KNOWN: ReadonlySet<string> = new Set<keyof LightClientOptions>([
  "chain",
  "nodes",
  "checkpoint",
  "mode",
  "share",
  "workers",
  "watch",
  "storage",
  "worker",
  "wasm",
  "evmWasm",
  "allowUnverified",
  "signal",
]);

/** Refuses what cannot work, with a message that says what was expected. */
export function checkOptions(options: LightClientOptions): void {
  if (typeof options !== "object" || options === null) throw invalid("options", "an object", options);
  for (const key of Object.keys(options)) {
    if (!KNOWN.has(key)) throw invalid("options", `one of ${[...KNOWN].join(", ")}`, key);
  }
  const { chain, nodes, mode, storage, worker, allowUnverified } = options;
  if (chain !== "dev" && (typeof chain !== "object" || chain === null)) {
    throw invalid("chain", `"dev" or the rules of a chain`, chain);
  }
  if (!Array.isArray(nodes) || nodes.length === 0) throw invalid("nodes", "at least one address", nodes);
  for (const node of nodes as unknown[]) checkNode(node);
  oneOf("mode", mode, ["headers", "watch", "consistent", "execute"]);
  const { share, workers } = options;
  wholeNumber("share", share, 100, mode);
  wholeNumber("workers", workers, 64, mode);
  oneOf("storage", storage, ["auto", "indexeddb", "memory"]);
  if (worker !== undefined && worker !== "auto" && worker !== false && typeof worker !== "object") {
    throw invalid("worker", `"auto", false, a Worker or a MessagePort`, worker);
  }
  if (allowUnverified !== undefined && !Array.isArray(allowUnverified)) {
    throw invalid("allowUnverified", "a list of method names", allowUnverified);
  }
}

/** The options of the worker's `sidelight_start`. */
export function toStartOptions(options: LightClientOptions): Record<string, unknown> {
  const { chain, nodes, checkpoint, mode, share, watch, storage } = options;
  return {
    chain,
    nodes,
    mode: mode ?? "watch",
    watch: watch ?? [],
    storage: storage === "memory" ? "memory" : "auto",
    ...(checkpoint === undefined ? {} : { checkpoint }),
    ...(share === undefined ? {} : { share }),
  };
}

function checkNode(node: unknown): void {
  let protocol: string | undefined;
  try {
    protocol = new URL(node as string).protocol;
  } catch {
    // Not a URL: falls through to the message below.
  }
  if (!protocol || !["http:", "https:", "ws:", "wss:"].includes(protocol)) {
    throw invalid("nodes", "http, https, ws or wss addresses", node);
  }
}

function oneOf(name: string, value: unknown, allowed: readonly string[]): void {
  if (value !== undefined && !allowed.includes(value as string)) {
    throw invalid(name, allowed.map((word) => `"${word}"`).join(" or "), value);
  }
}

/** An option of mode `execute`, from 1 to `most`. */
function wholeNumber(name: string, value: unknown, most: number, mode: Mode | undefined): void {
  if (value === undefined) return;
  if (mode !== "execute") throw invalid(name, `mode "execute" beside it`, mode);
  const isFine = Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
  if (!isFine) throw invalid(name, `a whole number between 1 and ${most}`, value);
}

function invalid(name: string, expected: string, got: unknown): SidelightError {
  return new SidelightError(codes.invalidParams, `${name}: expected ${expected}, got ${show(got)}`);
}
