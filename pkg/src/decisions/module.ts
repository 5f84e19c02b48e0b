/**
 * The module that judges and makes decisions (`edge-runtime/wasm`), loaded with the first of them.
 * @module
 */
import { SidelightError, codes } from "../errors.js";
import { hexToBytes } from "../hex.js";
import { compile } from "../wasm.js";
import type * as Decisions from "./sidelight_decisions.js";
import type { Hex } from "../types.js";
import type { DecisionFailure, DecisionVerdict } from "./types.js";

type Module = typeof Decisions;
/** Functions that answer with JSON. */
type Answering = "askAccount" | "readManifest" | "verifyGraph" | "readTrace" | "makeTask" | "makeBatch" | "signAnchor" | "anchorCall" | "makeEntry" | "checkEntry" | "compareEntry";

let loaded: Promise<Module> | undefined;

/** The module, loaded once. */
export function decisionsModule(): Promise<Module> {
  loaded ??= (async () => {
    const module = await import("./sidelight_decisions.js");
    const file = new URL("./sidelight_decisions_bg.wasm", import.meta.url);
    await module.default({ module_or_path: await compile(undefined, file) });
    return module;
  })();
  loaded.catch(() => (loaded = undefined));
  return loaded;
}

/** A refusal that is a statement about a decision, not a mistake of the caller. */
export class Refusal extends Error {
  constructor(readonly failure: DecisionFailure) {
    super(failure.message);
  }
}

/** What a decision's file says of itself. */
export interface Reading {
  hash: Hex;
  class: number;
  /** Slot of the registry; `null` where the file names no batch. */
  slot: Hex | null;
  batchRoot: Hex | null;
  anchorBlock: string;
  /** Of the model's file, without `0x`, as manifests have it. */
  modelSha256: string;
  /** Whether the pinned engine ran with fused operators; `null` where the options are not its own. */
  optimise: boolean | null;
  hasTrace: boolean;
}

/** A decision's file, opened once. Every call throws a {@link Refusal} for what does not hold. */
export class OpenFile {
  readonly reading: Reading;

  private constructor(private readonly file: Decisions.DecisionFile) {
    this.reading = JSON.parse(guard(() => file.reading())) as Reading;
  }

  /** Checks all of a file that needs no chain: its parts, its signature, its path to the batch. `answer` is what an executor said that is a contract. */
  static async open(text: string, chainId: bigint, registry: Hex, answer?: Hex): Promise<OpenFile> {
    const { DecisionFile } = await decisionsModule();
    const said = answer === undefined ? undefined : hexToBytes(answer, "answer");
    return new OpenFile(guard(() => new DecisionFile(text, chainId, registry, said)));
  }

  /** L0, by what was read from the chain. */
  verifyAnchor(facts: { head: number; batch: Hex; anchorHash: Hex | null }): NonNullable<DecisionVerdict["anchored"]> {
    return JSON.parse(guard(() => this.file.verifyAnchor(JSON.stringify(facts)))) as NonNullable<DecisionVerdict["anchored"]>;
  }

  /** L1, by the outputs of a run here, as the engine's message. */
  verifyReproduction(rerun: { engineSha256: Hex; optimise: boolean }, outputs: Uint8Array): { agreement: "exact" | "within" } {
    const engine = hexToBytes(rerun.engineSha256, "engineSha256", 32);
    return JSON.parse(guard(() => this.file.verifyReproduction(engine, rerun.optimise, outputs))) as { agreement: "exact" | "within" };
  }

  /** L1, where a trace is offered. */
  verifyTrace(root: Hex): void {
    guard(() => this.file.verifyTrace(root));
  }

  /** The opened inputs, as the engine's message. */
  inputMessage(): Uint8Array {
    return guard(() => this.file.inputMessage());
  }

  close(): void {
    this.file.free();
  }
}

/** Calls a function that answers with JSON. Throws a {@link Refusal}, or -32602 where an argument makes no sense. */
export async function judge<T>(name: Answering, ...args: never[] | unknown[]): Promise<T> {
  const module = await decisionsModule();
  const call = module[name] as unknown as (...args: unknown[]) => string;
  return JSON.parse(guard(() => call(...args))) as T;
}

/** Turns what the module throws into an error of this package. */
export function guard<T>(call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    if (typeof thrown !== "string") throw thrown;
    const { kind, ...failure } = JSON.parse(thrown) as DecisionFailure & { kind: string; level: string | null };
    const { level, field, message, expected, got } = failure;
    if (level === null) throw new SidelightError(codes.invalidParams, message, { data: { field, expected, got } });
    throw new Refusal({ ...failure, kind } as DecisionFailure);
  }
}
