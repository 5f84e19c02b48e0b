/**
 * Remembers failed verifications for a moment.
 *
 * viem repeats what fails with a code that it does not know, three times within about a second, and -32090 is one that it
 * does not know. A repetition gets the same error: no node is asked again until an answer fits.
 * @module
 */
import { isVerificationError } from "./errors.js";

/** Longer than viem's three repetitions, 150 + 300 + 600 ms. */
const MEMORY_MS = 2_000;
/** Requests that are remembered at most. */
const MAX_REFUSALS = 256;

export class Refusals {
  readonly #refused = new Map<string, { error: unknown; until: number }>();

  /** Answers with `ask`, unless the same request has failed to verify just now. */
  async guard<T>(method: string, params: readonly unknown[], ask: () => Promise<T>): Promise<T> {
    const key = JSON.stringify([method, params]);
    const known = this.#refused.get(key);
    if (known && performance.now() < known.until) throw known.error;
    this.#refused.delete(key);
    try {
      return await ask();
    } catch (error) {
      if (isVerificationError(error)) this.#remember(key, error);
      throw error;
    }
  }

  #remember(key: string, error: unknown): void {
    if (this.#refused.size >= MAX_REFUSALS) {
      const [oldest] = this.#refused.keys();
      if (oldest !== undefined) this.#refused.delete(oldest);
    }
    this.#refused.set(key, { error, until: performance.now() + MEMORY_MS });
  }
}
