/**
 * Files by address, with a limit on their size, and their SHA-256.
 * @module
 */
import { SidelightError, abortError, codes } from "../errors.js";
import { bytesToHex } from "../hex.js";
import type { Hex } from "../types.js";
import { nodeBuiltin } from "../wasm.js";

/** Bytes that have come, of those that are expected; `null` where nobody says. */
export type OnProgress = (loaded: number, total: number | null) => void;

interface Files {
  readFile(path: URL): Promise<Uint8Array<ArrayBuffer>>;
  stat(path: URL): Promise<{ size: number }>;
}

/** Reads a file over HTTP, or from the disk in Node. */
export async function readBytes(
  url: URL,
  limit: number,
  { onProgress, signal }: { onProgress?: OnProgress | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const files = url.protocol === "file:" ? nodeBuiltin<Files>("node:fs/promises") : undefined;
  try {
    if (files) {
      const { size } = await files.stat(url);
      if (size > limit) throw tooLarge(url.href, limit, size);
      return new Uint8Array(await files.readFile(url));
    }
    const response = await fetch(url, signal ? { signal } : {});
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    return await readLimited(response, limit, onProgress);
  } catch (error) {
    if (signal?.aborted) throw abortError(signal);
    if (error instanceof SidelightError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SidelightError(codes.disconnected, `cannot load ${url.href}: ${reason}`, { cause: error });
  }
}

/** The body of a response, and no more of it than the limit. */
export async function readLimited(response: Response, limit: number, onProgress?: OnProgress): Promise<Uint8Array<ArrayBuffer>> {
  const announced = response.headers.get("content-length");
  const total = announced === null ? null : Number(announced);
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let loaded = 0;
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    loaded += value.byteLength;
    if (loaded > limit) {
      await reader.cancel();
      throw tooLarge(response.url, limit, loaded);
    }
    chunks.push(value);
    onProgress?.(loaded, total);
  }
  const bytes = new Uint8Array(loaded);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

function tooLarge(what: string, limit: number, got: number): SidelightError {
  return new SidelightError(codes.limitReached, `${what}: expected at most ${limit} bytes, got ${got}`);
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Hex> {
  if (!globalThis.crypto?.subtle) {
    throw new SidelightError(codes.unsupportedMethod, "SHA-256 takes a secure context: https, or localhost");
  }
  return bytesToHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}
