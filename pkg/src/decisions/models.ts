/**
 * Models by the SHA-256 of their file: fetched once, checked on every load, kept in the Cache API where there is one.
 * @module
 */
import { SidelightError, codes } from "../errors.js";
import type { Hex } from "../types.js";
import { readBytes, sha256, type OnProgress } from "./files.js";
import { keep, openKept, takeKept } from "./kept.js";
import { decisionsModule, judge } from "./module.js";
import type { Manifest, Model } from "./types.js";

const MAX_MANIFEST = 64 << 10;
const MAX_MODEL = 256 << 20;

export interface LoadOptions {
  onProgress?: OnProgress;
  signal?: AbortSignal;
  /** Keep the file for later; a store that is full is an error. Default: where there is a Cache API. */
  cache?: boolean;
}

/** Where the models that come with this package are. */
export const MODELS = new URL("../models/", import.meta.url);

/** The manifests of a folder with an `index.json`; that of this package, if none is named. */
export async function listModels(folder: URL = MODELS): Promise<Manifest[]> {
  const ids = parse(await readBytes(new URL("index.json", folder), MAX_MANIFEST), "index.json");
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === "string" && /^[a-z0-9-]{1,64}$/.test(id))) {
    throw new SidelightError(codes.invalidParams, "index.json: expected a list of names");
  }
  return Promise.all(ids.map(async (id: string) => (await readManifest(new URL(`${id}.json`, folder))).manifest));
}

/** Loads a model by the address of its manifest; the file lies beside it. */
export async function loadModel(manifest: URL | string, options: LoadOptions = {}): Promise<Model> {
  const url = typeof manifest === "string" ? new URL(`${manifest}.json`, MODELS) : manifest;
  // Three things that do not wait for each other.
  const cache = options.cache === false ? undefined : openKept();
  void decisionsModule().catch(() => undefined);
  const read = await readManifest(url);
  return loadFile(read, new URL(read.manifest.file, url), await cache, options);
}

/** The model of a folder whose file has this SHA-256 (64 digits); `null` where there is none. */
export async function findModel(fileSha256: string, folder: URL = MODELS, options: LoadOptions = {}): Promise<Model | null> {
  const found = (await listModels(folder)).find((manifest) => manifest.sha256 === fileSha256);
  return found ? loadModel(new URL(`${found.id}.json`, folder), options) : null;
}

/** A model that the caller holds. */
export async function openModel(manifestText: string, file: Uint8Array<ArrayBuffer>): Promise<Model> {
  const manifest = await checkManifest(manifestText);
  await checkFile(manifest, file);
  await judge("verifyGraph", manifestText, file);
  return { manifest, manifestText, file, from: "caller" };
}

async function loadFile(read: { manifest: Manifest; text: string }, url: URL, cache: Cache | undefined, options: LoadOptions): Promise<Model> {
  const { manifest, text: manifestText } = read;
  const hash: Hex = `0x${manifest.sha256}`;
  const kept = await takeKept(cache, hash);
  if (kept?.length === manifest.bytes) {
    // The hash says that it is this file, not that this manifest describes it.
    await judge("verifyGraph", manifestText, kept);
    return { manifest, manifestText, file: kept, from: "cache" };
  }
  const file = await readBytes(url, Math.min(manifest.bytes, MAX_MODEL), options);
  await checkFile(manifest, file);
  await judge("verifyGraph", manifestText, file);
  await keep(cache, hash, file, manifest.id);
  return { manifest, manifestText, file, from: "network" };
}

async function readManifest(url: URL): Promise<{ manifest: Manifest; text: string }> {
  const text = new TextDecoder().decode(await readBytes(url, MAX_MANIFEST));
  return { manifest: await checkManifest(text), text };
}

async function checkManifest(text: string): Promise<Manifest> {
  await judge("readManifest", text);
  return JSON.parse(text) as Manifest;
}

async function checkFile(manifest: Manifest, file: Uint8Array<ArrayBuffer>): Promise<void> {
  if (file.length !== manifest.bytes) {
    throw new SidelightError(codes.invalidParams, `${manifest.id}: bytes: expected ${manifest.bytes}, got ${file.length}`, { data: { field: "bytes" } });
  }
  const got = await sha256(file);
  if (got !== `0x${manifest.sha256}`) {
    throw new SidelightError(codes.invalidParams, `${manifest.id}: sha256: expected 0x${manifest.sha256}, got ${got}`, { data: { field: "sha256" } });
  }
}

function parse(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new SidelightError(codes.invalidParams, `${what}: not JSON`, { cause: error });
  }
}
