/**
 * The order of trust levels.
 * @module
 */
import type { TrustLevel } from "./types.js";

const LEVELS: readonly TrustLevel[] = ["unverified", "signed", "consistent", "executed", "proven"];

/** Whether a level claims less than another one. */
export function isBelow(level: TrustLevel, other: TrustLevel): boolean {
  return LEVELS.indexOf(level) < LEVELS.indexOf(other);
}
