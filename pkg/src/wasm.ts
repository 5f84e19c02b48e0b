/**
 * Finds and compiles a WebAssembly module: what the caller gave, else the file beside this one.
 * @module
 */
import { SidelightError, codes } from "./errors.js";

/** Anything that a module can be made of. */
export type WasmSource = WebAssembly.Module | BufferSource | Response | URL;

/** What can be posted to a worker. */
export type PostableWasm = WebAssembly.Module | BufferSource | string;

/** Prepares a source for `postMessage`: a response is compiled here, a URL becomes text. */
export async function toPostable(source: WasmSource): Promise<PostableWasm> {
  if (source instanceof URL) return source.href;
  if (typeof Response !== "undefined" && source instanceof Response) return compileResponse(source);
  return source as WebAssembly.Module | BufferSource;
}

/** Compiles a posted source, or the file at `fallback`. */
export async function compile(
  source: PostableWasm | undefined,
  fallback: URL,
): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  try {
    if (source !== undefined && typeof source !== "string") return await WebAssembly.compile(source);
    const url = typeof source === "string" ? new URL(source) : fallback;
    const file = url.protocol === "file:" ? nodeFiles() : undefined;
    if (file) return await WebAssembly.compile(await file.readFile(url));
    return await compileResponse(await fetch(url));
  } catch (error) {
    if (error instanceof SidelightError) throw error;
    const from = typeof source === "string" ? source : (source ? "the given bytes" : fallback.href);
    const reason = error instanceof Error ? error.message : String(error);
    throw failure(`cannot compile WebAssembly from ${from}: ${reason}`, error);
  }
}

async function compileResponse(response: Response): Promise<WebAssembly.Module> {
  if (!response.ok) throw failure(`cannot load ${response.url}: HTTP status ${response.status}`);
  const isWasm = response.headers.get("content-type")?.startsWith("application/wasm");
  // Streaming needs the right content type, which not every server sends.
  if (isWasm) return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}

function failure(message: string, cause?: unknown): SidelightError {
  return new SidelightError(codes.executionFailed, message, { cause });
}

interface NodeProcess {
  getBuiltinModule?(name: string): unknown;
}

/** A built-in module of Node, without an import that bundlers for browsers would trip over. */
export function nodeBuiltin<T>(name: string): T | undefined {
  const { process } = globalThis as { process?: NodeProcess };
  return process?.getBuiltinModule?.(name) as T | undefined;
}

function nodeFiles(): { readFile(path: URL): Promise<Uint8Array<ArrayBuffer>> } | undefined {
  return nodeBuiltin("node:fs/promises");
}
