/**
 * Where the verifier runs: a worker of its own, one that the caller has brought, or this thread.
 * @module
 */
import type { Endpoint, HostMessage, RequestMessage } from "./channel.js";
import { nodeBuiltin } from "./wasm.js";

type WorkerOption = "auto" | false | Worker | MessagePort;

/** Opens the far end. */
export async function openEndpoint(worker: WorkerOption = "auto"): Promise<Endpoint> {
  if (worker === false) return inThisThread();
  if (worker !== "auto") return overPort(worker, () => {});
  if (typeof Worker !== "undefined") {
    const own = new Worker(new URL("./worker.js", import.meta.url), {
      type: "module",
      name: "sidelight",
    });
    return overPort(own, () => own.terminate());
  }
  return overNodeThread() ?? inThisThread();
}

function overPort(port: Worker | MessagePort, close: () => void): Endpoint {
  const events = port as EventTarget & { start?(): void };
  return {
    post: (message) => port.postMessage(message),
    listen(onMessage, onCrash) {
      events.addEventListener("message", (event) => {
        onMessage((event as MessageEvent<HostMessage>).data);
      });
      events.addEventListener("error", (event) => {
        onCrash((event as ErrorEvent).message ?? "it could not be loaded");
      });
      events.addEventListener("messageerror", () => onCrash("a message could not be read"));
      events.start?.();
    },
    close,
  };
}

interface NodeWorker {
  postMessage(message: unknown): void;
  on(event: string, listener: (value: never) => void): void;
  terminate(): Promise<number>;
}

interface NodeThreads {
  Worker: new (file: URL, options: { name: string }) => NodeWorker;
}

/** A worker thread of Node: a trap ends the thread and not the program. */
function overNodeThread(): Endpoint | undefined {
  const threads = nodeBuiltin<NodeThreads>("node:worker_threads");
  if (!threads) return undefined;
  const worker = new threads.Worker(new URL("./worker.js", import.meta.url), { name: "sidelight" });
  let isClosed = false;
  return {
    post: (message) => worker.postMessage(message),
    listen(onMessage, onCrash) {
      worker.on("message", (message: HostMessage) => onMessage(message));
      worker.on("error", (error: Error) => onCrash(error));
      worker.on("exit", (code: number) => {
        if (!isClosed) onCrash(`the thread ended with code ${code}`);
      });
    },
    close() {
      isClosed = true;
      void worker.terminate();
    },
  };
}

/** No worker at all: the host is loaded into this thread. */
async function inThisThread(): Promise<Endpoint> {
  const { Host } = await import("./host.js");
  let deliver: (message: HostMessage) => void = () => {};
  const host = new Host((message) => queueMicrotask(() => deliver(message)));
  return {
    post(message: RequestMessage) {
      // What crosses a worker's boundary is copied; here too, so that both behave alike.
      void host.handle(structuredClone(message));
    },
    listen(onMessage) {
      deliver = onMessage;
    },
    close() {
      deliver = () => {};
      void host.handle({ id: 0, method: "sidelight_close", params: [] });
    },
  };
}
