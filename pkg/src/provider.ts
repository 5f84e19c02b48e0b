/**
 * The EIP-1193 provider. viem's `custom()` and ethers' `BrowserProvider` take it as it is.
 * @module
 */
import { Emitter, type Listener } from "./emitter.js";
import { SidelightError, codes } from "./errors.js";
import { show } from "./hex.js";

/** A request as EIP-1193 writes it. */
export interface RequestArguments {
  readonly method: string;
  readonly params?: readonly unknown[] | object | undefined;
}

/** Events of EIP-1193. `message` carries what `eth_subscribe` has asked for. A client has one chain and holds no accounts: `chainChanged` is never emitted. */
export interface ProviderEvents {
  connect: { chainId: string };
  disconnect: SidelightError;
  chainChanged: string;
  message: { type: string; data: unknown };
}

/** The provider's surface. */
export interface Provider {
  request(args: RequestArguments): Promise<unknown>;
  on<K extends keyof ProviderEvents>(event: K, listener: Listener<ProviderEvents[K]>): this;
  removeListener<K extends keyof ProviderEvents>(event: K, listener: Listener<ProviderEvents[K]>): this;
}

/** The params as a list; an object is refused, for no method here takes one. */
export function checkRequest(args: RequestArguments): { method: string; params: readonly unknown[] } {
  const { method, params = [] } = args ?? {};
  if (typeof method !== "string" || method === "") {
    throw new SidelightError(codes.invalidParams, `method: expected a name, got ${show(method)}`);
  }
  if (!Array.isArray(params)) {
    throw new SidelightError(codes.invalidParams, `params: expected a list, got ${show(params)}`);
  }
  return { method, params };
}

/** A provider over a function that answers, with its events. */
export class LightProvider implements Provider {
  readonly #answer: (method: string, params: readonly unknown[]) => Promise<unknown>;
  readonly #events: Emitter<ProviderEvents>;

  constructor(
    answer: (method: string, params: readonly unknown[]) => Promise<unknown>,
    events: Emitter<ProviderEvents>,
  ) {
    this.#answer = answer;
    this.#events = events;
    // Libraries take the method off its object.
    this.request = this.request.bind(this);
  }

  async request(args: RequestArguments): Promise<unknown> {
    const { method, params } = checkRequest(args);
    return this.#answer(method, params);
  }

  on<K extends keyof ProviderEvents>(event: K, listener: Listener<ProviderEvents[K]>): this {
    this.#events.on(event, listener);
    return this;
  }

  removeListener<K extends keyof ProviderEvents>(event: K, listener: Listener<ProviderEvents[K]>): this {
    this.#events.off(event, listener);
    return this;
  }
}
