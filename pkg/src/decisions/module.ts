/**
 * The module that judges and makes decisions (`edge-runtime/wasm`), loaded with the first of them.
 * @module
 */
import { SidelightError, codes } from "../errors.js";
import { compile } from "../wasm.js";
import type * as Decisions from "./sidelight_decisions.js";
import type { DecisionFailure } from "./types.js";

type Module = typeof Decisions;
/** Functions that answer with JSON. */
type Answering = "readRecord" | "verifyAnchor" | "verifyReproduction" | "readManifest" | "makeBatch" | "signAnchor" | "anchorCall";

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
    if (failure.level === null) throw new SidelightError(codes.invalidParams, failure.message, { data: { field: failure.field } });
    throw new Refusal({ ...failure, kind } as DecisionFailure);
  }
}
