// Where a model runs: every gate, and what it says.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SidelightError } from "sidelight";
import { route, type Manifest } from "sidelight/decisions";

const small = { id: "small", bytes: 1_000, peakBytes: 10_000 } as Manifest;
const large = { id: "large", bytes: 2e8, peakBytes: 9e8 } as Manifest;
const device = { hasWorkers: true, memory: 1 << 30 };

const names = (manifest: Manifest, ...rest: [Parameters<typeof route>[1], boolean, Parameters<typeof route>[3]?]) =>
  route(manifest, ...rest).gates.map(({ name, passes }) => `${name} ${passes}`);

test("a device that can does, and says which gates it passed", () => {
  const way = route(small, "auto", true, device);
  assert.equal(way.place, "device");
  assert.match(way.reason, /limits allow it/);
  assert.deepEqual(names(small, "auto", true, device), ["asked true", "worker true", "memory true"]);
});

test("what is too large goes to a node, and the reason has both numbers", () => {
  const way = route(large, "auto", true, device);
  assert.equal(way.place, "node");
  assert.match(way.reason, /needs about 1500000000 bytes, a run here may take 1073741824/);
  assert.deepEqual(names(large, "auto", true, device), ["asked true", "worker true", "memory false"]);
  assert.equal(route(small, "auto", true, { hasWorkers: false, memory: 1 << 30 }).place, "node");
});

test("an input that must stay here stays here, whatever that costs", () => {
  assert.equal(route(small, "device", true, device).place, "device");
  for (const other of [{ ...device, memory: 1 }, { ...device, hasWorkers: false }]) {
    assert.throws(() => route(small, "device", true, other), (error) => error instanceof SidelightError && error.code === 4200);
  }
});

test("a node that is asked for must be known", () => {
  assert.deepEqual(names(small, "node", true, device), ["asked false"]);
  assert.throws(() => route(small, "node", false, device), /no node that may be asked/);
  assert.throws(() => route(large, "auto", false, device), /no node that may be asked/);
});
