import assert from "node:assert/strict";
import { test } from "node:test";
import { createLightClient, type LightClientOptions } from "sidelight";

const nodes = ["http://127.0.0.1:8545"];

const wrong: [string, unknown, RegExp][] = [
  ["no options", undefined, /options: expected an object/],
  ["an unknown key", { chain: "dev", nodes, nodez: [] }, /nodez/],
  ["an unknown chain", { chain: "mainnet", nodes }, /chain: expected "dev" or the rules/],
  ["no nodes", { chain: "dev", nodes: [] }, /nodes: expected at least one address/],
  ["a node that is no address", { chain: "dev", nodes: ["ftp://x"] }, /got "ftp:\/\/x"/],
  ["an unknown mode", { chain: "dev", nodes, mode: "full" }, /mode: expected "headers" or/],
  ["a share without its mode", { chain: "dev", nodes, share: 10 }, /share: expected mode "execute"/],
  ["workers without their mode", { chain: "dev", nodes, mode: "consistent", workers: 2 }, /workers: expected mode/],
  ["a share of nothing", { chain: "dev", nodes, mode: "execute", share: 0 }, /share: expected a whole number between 1 and 100/],
  ["half a worker", { chain: "dev", nodes, mode: "execute", workers: 0.5 }, /workers: expected a whole number/],
  ["an unknown store", { chain: "dev", nodes, storage: "disk" }, /storage: expected/],
  ["a worker that is a path", { chain: "dev", nodes, worker: "./w.js" }, /worker: expected/],
];

for (const [name, options, message] of wrong) {
  test(`${name} is refused with -32602`, async () => {
    const start = createLightClient(options as LightClientOptions);
    await assert.rejects(start, { name: "SidelightError", code: -32602, message });
  });
}

test("an aborted signal stops the start", async () => {
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  await assert.rejects(createLightClient({ chain: "dev", nodes, signal }), { code: 4001, cause: reason });
});
