/**
 * Where decisions are anchored.
 * @module
 */
import type { Hex } from "../types.js";

/** The registry of the development chain. */
export const REGISTRY: Hex = "0x5161000000000000000000000000000000000002";
