/**
 * The entry point of a worker that runs ONNX Runtime Web. It is started by `onnxruntime.ts` only, which has checked the files, and hears nobody else.
 * @module
 */
import { serveOnnxRuntime, type OrtRequest } from "./serve-onnxruntime.js";

const serve = serveOnnxRuntime((answer) => postMessage(answer));
addEventListener("message", (event) => void serve((event as MessageEvent<OrtRequest>).data));
