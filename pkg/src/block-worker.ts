/**
 * The entry point of a worker that executes blocks. It is started by the pool of `blocks.ts` only, and hears nobody else.
 * @module
 */
import { serveBlocks } from "./serve-blocks.js";
import { nodeBuiltin } from "./wasm.js";

interface NodePort {
  on(event: "message", listener: (data: unknown) => void): void;
  postMessage(message: unknown): void;
}

const port = nodeBuiltin<{ parentPort: NodePort | null }>("node:worker_threads")?.parentPort;
if (port) {
  const serve = serveBlocks((message) => port.postMessage(message));
  port.on("message", serve);
} else {
  const serve = serveBlocks((message) => postMessage(message));
  addEventListener("message", (event) => serve((event as MessageEvent).data));
}
