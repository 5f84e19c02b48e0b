import assert from "node:assert/strict";
import { test } from "node:test";
import { SidelightError, codes, isVerificationError, methods } from "sidelight";
import { fromErrorObject, toErrorObject } from "../dist/errors.js";

// viem's list: errors that are asked for again.
const retried = [-1, -32005, -32007, -32603, 429];

test("no code of ours makes a wallet library ask again", () => {
  for (const code of Object.values(codes)) assert.ok(!retried.includes(code), String(code));
});

test("an error that comes with such a code loses it", () => {
  for (const code of retried) assert.equal(new SidelightError(code, "").code, codes.executionFailed);
});

test("an error crosses the worker's boundary with code, message and data", () => {
  const data = { kind: "bad_account", peer: "http://a", field: "balance", expected: "1", got: "2" };
  const sent = new SidelightError(codes.verificationFailed, "verification failed", { data });
  const received = fromErrorObject(structuredClone(toErrorObject(sent)));
  assert.deepEqual([received.code, received.message, received.data], [-32090, sent.message, data]);
  assert.ok(isVerificationError(received));
  assert.ok(received instanceof Error);
});

test("anything thrown gets a code", () => {
  assert.equal(toErrorObject(new TypeError("no")).code, codes.executionFailed);
  assert.equal(toErrorObject("text").message, "text");
});

test("a cause is kept", () => {
  const cause = new Error("deep");
  assert.equal(new SidelightError(4900, "", { cause }).cause, cause);
  assert.ok(!isVerificationError(cause));
});

test("every method that the package claims is a read", () => {
  const names = Object.keys(methods);
  assert.ok(names.length >= 12);
  for (const name of names) assert.match(name, /^(eth_(chainId|blockNumber|get\w+|call|estimateGas)|net_version)$/);
});
