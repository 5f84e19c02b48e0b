/**
 * The entry point of a worker that runs a model. It is started by `engine.ts` only, and hears nobody else.
 * @module
 */
import { nodeBuiltin } from "../wasm.js";
import { serveEngine, type EngineRequest } from "./serve-engine.js";

interface NodePort {
  on(event: "message", listener: (data: EngineRequest) => void): void;
  postMessage(message: unknown): void;
}

const port = nodeBuiltin<{ parentPort: NodePort | null }>("node:worker_threads")?.parentPort;
if (port) {
  port.on("message", serveEngine((answer) => port.postMessage(answer)));
} else {
  const serve = serveEngine((answer) => postMessage(answer));
  addEventListener("message", (event) => serve((event as MessageEvent<EngineRequest>).data));
}
