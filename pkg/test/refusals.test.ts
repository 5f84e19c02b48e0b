import assert from "node:assert/strict";
import { test } from "node:test";
import { SidelightError, codes } from "sidelight";
import { Refusals } from "../dist/refusals.js";

test("a lie is not asked for again until it fits", async () => {
  const refusals = new Refusals();
  let asked = 0;
  const ask = async () => {
    asked++;
    throw new SidelightError(codes.verificationFailed, "verification failed");
  };
  const errors = new Set<unknown>();
  for (let i = 0; i < 4; i++) await refusals.guard("eth_getBalance", ["0x1"], ask).catch((e) => errors.add(e));
  assert.equal(asked, 1);
  assert.equal(errors.size, 1);
  assert.equal(await refusals.guard("eth_getBalance", ["0x2"], async () => 5), 5);
});

test("other failures, and answers, are not remembered", async () => {
  const refusals = new Refusals();
  const offline = () => Promise.reject(new SidelightError(codes.disconnected, "no node answers"));
  await assert.rejects(refusals.guard("eth_call", [], offline), { code: 4900 });
  assert.equal(await refusals.guard("eth_call", [], async () => 1), 1);
  assert.equal(await refusals.guard("eth_call", [], async () => 2), 2);
});
