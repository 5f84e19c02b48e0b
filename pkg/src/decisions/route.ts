/**
 * Where a model runs: hard gates first, and the first that decides says why.
 *
 * ```text
 *   asked   "device": the input must not leave it; "node": it was asked for
 *   worker  nothing else can end a run
 *   memory  what the model needs, against what an engine and this device have
 * ```
 * Operators are known when the engine has read the model: {@link toNode} then changes the way.
 * @module
 */
import { SidelightError, codes } from "../errors.js";
import { nodeBuiltin } from "../wasm.js";
import type { Gate, Manifest, Route } from "./types.js";

/** Where a run may be. `auto`: on this device, unless a gate forbids. */
export type Place = "auto" | "device" | "node";

/** Memory of the engine's module, in bytes. */
const ENGINE_BYTES = 1 << 30;

/** What a device has. */
export interface Device {
  hasWorkers: boolean;
  /** Bytes that one run may take. */
  memory: number;
}

/** This device, as far as it tells. */
export function thisDevice(): Device {
  const { deviceMemory } = (globalThis.navigator ?? {}) as { deviceMemory?: number };
  // Browsers tell at most 8 GiB, in steps; a tab gets a quarter of it for a model.
  const memory = deviceMemory ? Math.min(ENGINE_BYTES, (deviceMemory * 2 ** 30) / 4) : ENGINE_BYTES;
  return { hasWorkers: typeof Worker !== "undefined" || nodeBuiltin("node:worker_threads") !== undefined, memory };
}

/** Asks the gates. A device that may not run it, where no node is known, is an error and not a silent other way. */
export function route(manifest: Manifest, place: Place, hasNodes: boolean, device: Device = thisDevice()): Route {
  const gates: Gate[] = [];
  const ask = (name: Gate["name"], passes: boolean, text: string) => {
    gates.push({ name, passes, text });
    return passes;
  };
  // Weights, and what the engine makes of them while it reads them.
  const needed = manifest.peakBytes + 3 * manifest.bytes;
  const local = place === "device" ? "the input must not leave this device" : "a device is asked first";
  if (!ask("asked", place !== "node", place === "node" ? "a node was asked for" : local)) return toNode(gates, hasNodes);
  const workers = device.hasWorkers ? "a worker can be ended at any time" : "there are no workers, and nothing else can end a run";
  const fits = `the model needs about ${needed} bytes, a run here may take ${device.memory}`;
  if (ask("worker", device.hasWorkers, workers) && ask("memory", needed <= device.memory, fits)) {
    const reason = place === "device" ? local : "the pinned engine runs it, and its limits allow it";
    return { place: "device", reason, gates };
  }
  return toNode(gates, hasNodes && place !== "device");
}

/** The other way, because of the last gate. */
export function toNode(gates: Gate[], hasNodes: boolean): Route {
  const reason = gates.at(-1)?.text ?? "";
  if (!hasNodes) {
    const message = `${reason}; and there is no node that may be asked`;
    throw new SidelightError(codes.unsupportedMethod, message, { data: { gates } });
  }
  return { place: "node", reason, gates };
}
