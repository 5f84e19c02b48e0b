/**
 * Models on this device and the decisions that they make: run, commit, verify.
 * @module
 */
export { addressOf, commitDecision, commitDecisions, type CommitOptions } from "./commit.js";
export { ENGINE, ENGINE_SHA256 } from "./engine.js";
export { closeEngines, infer, type InferOptions, type Inputs } from "./infer.js";
export { findModel, listModels, loadModel, openModel, type LoadOptions } from "./models.js";
export { Recorder, type Recorded, type RecorderOptions, type Replay } from "./recorder.js";
export { REGISTRY } from "./registry.js";
export type { RemoteOptions } from "./remote.js";
export { route, type Device, type Place } from "./route.js";
export { tensorOf, valuesOf } from "./tensors.js";
export { verifyDecision, type VerifyOptions } from "./verify.js";
export type * from "./types.js";
