import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex, hexToBytes, quantity, word } from "../dist/hex.js";

const invalid = { name: "SidelightError", code: -32602 };

test("bytes and hex are each other's inverse", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  assert.deepEqual(hexToBytes(bytesToHex(bytes), "bytes"), bytes);
  assert.equal(bytesToHex(new Uint8Array()), "0x");
});

test("what is not data is refused", () => {
  for (const text of ["", "0x1", "00", "0xzz", "0x00 ", null, 5, {}]) {
    assert.throws(() => hexToBytes(text, "data"), invalid, String(text));
  }
  assert.throws(() => hexToBytes("0x00", "address", 20), /address: expected 20 bytes, got 1 bytes/);
});

test("quantities have a size", () => {
  assert.equal(quantity("0x10", "gas", 64), 16n);
  assert.throws(() => quantity(`0x1${"0".repeat(16)}`, "gas", 64), invalid);
  for (const text of ["0x", "16", -1, "0x-1", null]) assert.throws(() => quantity(text, "gas", 64), invalid);
  assert.deepEqual([...word(258n)].slice(-3), [0, 1, 2]);
});
