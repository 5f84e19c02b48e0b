/**
 * One error class with a numeric code for every failure.
 *
 * viem repeats a request up to three times when its error has no code, one of -1, -32005, -32007, -32603 and 429, or one that
 * it does not know. None of the former is ever used here; for the latter see `refusals.ts`.
 * @module
 */
import type { VerificationFailure } from "./types.js";

/** Every code that a request can fail with. */
export const codes = {
  /** The call reverted; `data` is what it reverted with. */
  reverted: 3,
  /** The execution failed in another way, in Ethereum's words: out of gas, insufficient funds. */
  executionFailed: -32000,
  /** There is no such block here, or nobody has its state any more. */
  unknownBlock: -32001,
  /** The request needs more than this client spends on one. */
  limitReached: -32002,
  /** A parameter makes no sense, or is not supported. */
  invalidParams: -32602,
  /** A peer's answer is false. `data` is a {@link VerificationFailure}. */
  verificationFailed: -32090,
  /** The caller gave up. */
  aborted: 4001,
  /** The method is not supported, and not among those allowed unverified. */
  unsupportedMethod: 4200,
  /** Not synced yet, no node answers, closed or crashed. */
  disconnected: 4900,
} as const;

/** Codes that make wallet libraries ask again. */
const RETRIED = new Set([-1, -32005, -32007, -32603, 429]);

/** A failure with a code. */
export class SidelightError extends Error {
  override readonly name = "SidelightError";
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, details: { data?: unknown; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = RETRIED.has(code) ? codes.executionFailed : code;
    this.data = details.data;
  }
}

/** An error as it crosses the worker's boundary. */
export interface ErrorObject {
  code: number;
  message: string;
  data?: unknown;
}

/** True when a peer's answer was refused; `error.data` then says who said what. */
export function isVerificationError(
  error: unknown,
): error is SidelightError & { data: VerificationFailure } {
  return error instanceof SidelightError && error.code === codes.verificationFailed;
}

/** Turns anything thrown into something with a code that can be posted. */
export function toErrorObject(thrown: unknown): ErrorObject {
  if (thrown instanceof SidelightError) {
    const { code, message, data } = thrown;
    return data === undefined ? { code, message } : { code, message, data };
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: codes.executionFailed, message };
}

/** The other way round. */
export function fromErrorObject({ code, message, data }: ErrorObject): SidelightError {
  return new SidelightError(code, message, { data });
}

/** The error of an aborted signal. */
export function abortError(signal: AbortSignal): SidelightError {
  return new SidelightError(codes.aborted, "aborted by the caller", { cause: signal.reason });
}
