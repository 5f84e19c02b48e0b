/**
 * Passes a method that the caller has allowed to a node. Nothing about the answer is checked.
 * @module
 */
import { SidelightError, abortError, codes } from "./errors.js";
import type { Labelled, Trust } from "./types.js";

/** Longest answer that is read, in bytes. */
const MAX_BYTES = 32 * 1024 * 1024;

interface JsonRpcAnswer {
  result?: unknown;
  error?: { code?: number; message?: string; data?: unknown };
}

/** Asks the nodes in turn until one answers. */
export async function forward(
  nodes: readonly string[],
  method: string,
  params: readonly unknown[],
  signal?: AbortSignal,
): Promise<Labelled<unknown>> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  let last: unknown;
  for (const node of nodes) {
    const began = performance.now();
    let answer: JsonRpcAnswer;
    try {
      answer = await post(httpUrl(node), body, signal);
    } catch (error) {
      if (signal?.aborted) throw abortError(signal);
      last = error;
      continue;
    }
    if (answer.error) {
      const { code = codes.executionFailed, message = "error without a message", data } = answer.error;
      throw new SidelightError(code, message, { data });
    }
    return { value: answer.result ?? null, trust: unverified(node, performance.now() - began) };
  }
  throw new SidelightError(codes.disconnected, "no node answers", { cause: last });
}

async function post(url: string, body: string, signal?: AbortSignal): Promise<JsonRpcAnswer> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
    ...(signal ? { signal } : {}),
  });
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  const text = await readText(response);
  return JSON.parse(text) as JsonRpcAnswer;
}

async function readText(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > MAX_BYTES) {
      await reader.cancel();
      throw new Error(`answer above ${MAX_BYTES} bytes`);
    }
    text += decoder.decode(value, { stream: true });
  }
}

/** The address of a node's JSON-RPC over HTTP; nodes serve HTTP and WebSocket on one port. */
export function httpUrl(node: string): string {
  return node.replace(/^ws/, "http");
}

function unverified(source: string, ms: number): Trust {
  return {
    level: "unverified",
    finality: "preconfirmed",
    block: null,
    stateRoot: null,
    checks: [],
    proof: null,
    proofBytes: 0,
    ms,
    source,
    ageMs: 0,
    stale: false,
  };
}
