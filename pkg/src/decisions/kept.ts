/**
 * Files that this browser keeps by their SHA-256, in the Cache API where there is one. What comes out is compared again.
 * @module
 */
import { SidelightError, codes } from "../errors.js";
import type { Hex } from "../types.js";
import { sha256 } from "./files.js";

const CACHE = "sidelight-models-1";

/** Where files are kept: not in Node, nor where the browser forbids storage. */
export async function openKept(): Promise<Cache | undefined> {
  try {
    return await globalThis.caches?.open(CACHE);
  } catch {
    return undefined;
  }
}

/** A cache's keys are addresses: one that only the hash decides about, so that a file is kept once. */
const keyOf = (hash: Hex) => `https://models.invalid/${hash.slice(2)}`;

/** The file with this hash, if it is there. */
export async function takeKept(cache: Cache | undefined, hash: Hex): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const kept = await cache?.match(keyOf(hash));
  if (!kept) return undefined;
  const file = new Uint8Array(await kept.arrayBuffer());
  if ((await sha256(file)) === hash) return file;
  // Poisoned or damaged: as if it were not there.
  await cache?.delete(keyOf(hash));
  return undefined;
}

/** Keeps a file whose hash was compared. A store that is full is an error, which says how full. */
export async function keep(cache: Cache | undefined, hash: Hex, file: Uint8Array<ArrayBuffer>, name: string): Promise<void> {
  try {
    await cache?.put(keyOf(hash), new Response(file, { headers: { "content-type": "application/octet-stream" } }));
  } catch (error) {
    // Nothing half-stored: a put that failed leaves nothing.
    await cache?.delete(keyOf(hash)).catch(() => false);
    const { quota, usage } = (await navigator.storage?.estimate?.()) ?? {};
    const room = quota === undefined ? "" : ` (${usage ?? 0} of ${quota} bytes are used)`;
    const message = `${name}: the browser's storage does not take ${file.length} bytes more${room}`;
    throw new SidelightError(codes.limitReached, message, { data: { kind: "quota", bytes: file.length, quota, usage }, cause: error });
  }
}
