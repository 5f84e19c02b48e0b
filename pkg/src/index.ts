/**
 * Sidelight: a light client for the browser and Node.
 * @module
 */
export { createLightClient, LightClient } from "./client.js";
export { SidelightError, codes, isVerificationError } from "./errors.js";
export { methods, type Verification } from "./methods.js";
export type { LightClientOptions } from "./options.js";
export type { Provider, ProviderEvents, RequestArguments } from "./provider.js";
export type { WasmSource } from "./wasm.js";
export type * from "./types.js";
