/**
 * Requests and events over a worker, a port, or a host in the same thread.
 *
 * ```text
 *   { id, method, params }  ---->
 *                           <----  { id, result } | { id, error: { code, message, data } }
 *                           <----  { event, data }
 * ```
 * @module
 */
import { SidelightError, abortError, codes, fromErrorObject, type ErrorObject } from "./errors.js";

/** A request to the worker. */
export interface RequestMessage {
  id: number;
  method: string;
  params: readonly unknown[];
}

/** What the worker posts. */
export type HostMessage =
  | { id: number; result: unknown }
  | { id: number; error: ErrorObject }
  | { event: string; data: unknown };

/** The far end, whatever it is. */
export interface Endpoint {
  post(message: RequestMessage): void;
  /** Called once, before the first `post`. */
  listen(onMessage: (message: HostMessage) => void, onCrash: (error: unknown) => void): void;
  close(): void;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export class Channel {
  readonly #endpoint: Endpoint;
  readonly #pending = new Map<number, Pending>();
  #next = 1;
  #ended: SidelightError | undefined;

  constructor(
    endpoint: Endpoint,
    onEvent: (event: string, data: unknown) => void,
    onCrash: (message: string) => void,
  ) {
    this.#endpoint = endpoint;
    endpoint.listen(
      (message) => {
        if ("event" in message) return onEvent(message.event, message.data);
        const pending = this.#pending.get(message.id);
        this.#pending.delete(message.id);
        if ("error" in message) pending?.reject(fromErrorObject(message.error));
        else pending?.resolve(message.result);
      },
      (error) => {
        const message = error instanceof Error ? error.message : String(error);
        this.end(`the worker failed: ${message}`);
        onCrash(message);
      },
    );
  }

  /** Sends a request. An abort stops waiting for it; the far end finishes what it has begun. */
  request(method: string, params: readonly unknown[], signal?: AbortSignal): Promise<unknown> {
    if (this.#ended) return Promise.reject(this.#ended);
    if (signal?.aborted) return Promise.reject(abortError(signal));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#pending.delete(id);
        reject(abortError(signal as AbortSignal));
      };
      const done =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener("abort", onAbort);
          settle(value);
        };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#pending.set(id, { resolve: done(resolve), reject: done(reject) });
      try {
        this.#endpoint.post({ id, method, params });
      } catch (error) {
        this.#pending.delete(id);
        const message = "the parameters cannot be sent to the worker";
        done(reject)(new SidelightError(codes.invalidParams, message, { cause: error }));
      }
    });
  }

  /** Ends everything: what waits, and what comes later, fails with `reason`. */
  end(reason: string): void {
    if (this.#ended) return;
    this.#ended = new SidelightError(codes.disconnected, reason);
    for (const pending of this.#pending.values()) pending.reject(this.#ended);
    this.#pending.clear();
    this.#endpoint.close();
  }
}
