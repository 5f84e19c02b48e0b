/**
 * Hexadecimal, as JSON-RPC writes it, to bytes and numbers and back. Everything here throws -32602 on input that is not.
 * @module
 */
import { SidelightError, codes } from "./errors.js";
import type { Hex } from "./types.js";

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function bytesToHex(bytes: Uint8Array): Hex {
  let text = "0x";
  for (const byte of bytes) text += DIGITS[byte];
  return text as Hex;
}

/** Data of any length, or of exactly `length` bytes. */
export function hexToBytes(text: unknown, what: string, length?: number): Uint8Array {
  if (typeof text !== "string" || !/^0x([0-9a-fA-F]{2})*$/.test(text)) {
    throw new SidelightError(codes.invalidParams, `${what}: expected 0x data, got ${show(text)}`);
  }
  const bytes = new Uint8Array((text.length - 2) / 2);
  if (length !== undefined && bytes.length !== length) {
    const got = `${bytes.length} bytes`;
    throw new SidelightError(codes.invalidParams, `${what}: expected ${length} bytes, got ${got}`);
  }
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.slice(2 + 2 * i, 4 + 2 * i), 16);
  return bytes;
}

/** A quantity of at most `bits` bits. */
export function quantity(text: unknown, what: string, bits: number): bigint {
  if (typeof text !== "string" || !/^0x[0-9a-fA-F]+$/.test(text)) {
    throw new SidelightError(codes.invalidParams, `${what}: expected a 0x quantity, got ${show(text)}`);
  }
  const value = BigInt(text);
  if (value >> BigInt(bits)) {
    throw new SidelightError(codes.invalidParams, `${what}: expected at most ${bits} bits, got ${show(text)}`);
  }
  return value;
}

/** Thirty-two bytes, big-endian. */
export function word(value: bigint): Uint8Array {
  return hexToBytes(`0x${value.toString(16).padStart(64, "0")}`, "integer", 32);
}

/** A value for a message, short enough to read. */
export function show(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
