/**
 * The entry point of a worker: a module worker in a browser, a worker thread in Node, or any page that has been given a port.
 *
 * The messages are those of {@link Channel}; the methods are the provider's and `sidelight_*`.
 * @module
 */
import type { RequestMessage } from "./channel.js";
import { Host } from "./host.js";
import { nodeBuiltin } from "./wasm.js";

/** A port of a worker or of a message channel. */
export interface PortLike {
  postMessage(message: unknown): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  start?(): void;
}

/** Serves the requests that come over a port. One port, one client. */
export function serve(port: PortLike): void {
  const host = new Host((message) => port.postMessage(message));
  port.addEventListener("message", ({ data }) => {
    if (isRequest(data)) void host.handle(data);
  });
  port.start?.();
}

function isRequest(data: unknown): data is RequestMessage {
  const { id, method, params } = (data ?? {}) as Partial<RequestMessage>;
  return typeof id === "number" && typeof method === "string" && Array.isArray(params);
}

interface NodeThreads {
  isMainThread: boolean;
  parentPort: { on(event: "message", listener: (data: unknown) => void): void; postMessage(message: unknown): void } | null;
}

/** Serves this worker's own port, if this is a worker. */
function serveSelf(): void {
  const threads = nodeBuiltin<NodeThreads>("node:worker_threads");
  if (threads?.parentPort) {
    const port = threads.parentPort;
    return serve({
      postMessage: (message) => port.postMessage(message),
      addEventListener: (_, listener) => port.on("message", (data) => listener({ data })),
    });
  }
  const scope = globalThis as { WorkerGlobalScope?: unknown };
  if (scope.WorkerGlobalScope) serve(globalThis as unknown as PortLike);
}

serveSelf();
