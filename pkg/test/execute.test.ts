// Mode `execute` with the real modules: a node of our own, whose blocks are executed in worker threads.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createLightClient, type ExecutedEvent } from "sidelight";
import { BlockPool } from "../dist/blocks.js";

/** What `e2e/consumers/support/node-lite.mjs` starts. */
interface Node {
  url: string;
  rpc(method: string, params?: readonly unknown[]): Promise<unknown>;
  stop(): Promise<void>;
}

/** Alice, the first account of the usual test mnemonic, sends Bob one wei: her first transaction. */
const TRANSFER =
  "0x02f86d827a6980843b9aca00850ba43b74008252089470997970c51812dc3a010c7d01b50e0d17dc79c80180c080a007aeec0c2097305e14fc8d5f9afd122e5b5acbf1aff1dc03236dc3cfa459a9efa02398b1275999467a914d8939e95d3131d612c493578ef749c95c7d8b611ef0a5";
const BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const PATIENCE_MS = 60_000;

let node: Node;

before(async () => {
  const support = new URL("../../e2e/consumers/support/node-lite.mjs", import.meta.url);
  const { startNode } = (await import(support.href)) as { startNode(): Promise<Node> };
  node = await startNode();
});

after(() => node?.stop());

test("blocks are executed in workers, and what is read under them says so", { timeout: PATIENCE_MS }, async () => {
  await using client = await createLightClient({ chain: "dev", nodes: [node.url], mode: "execute", workers: 2 });
  const executed = new Map<number, ExecutedEvent>();
  client.on("executed", (block) => executed.set(block.number, block));
  const faults: unknown[] = [];
  client.on("fault", (fault) => faults.push(fault));
  await client.waitSynced();
  await node.rpc("eth_sendRawTransaction", [TRANSFER]);

  while (![...executed.values()].some(({ transactions }) => transactions > 0)) await pause(50);
  const block = [...executed.values()].find(({ transactions }) => transactions > 0);
  assert.ok(block);
  assert.equal(block.gasUsed, 21_000);
  const theirs = (await node.rpc("eth_getBlockByNumber", [`0x${block.number.toString(16)}`, false])) as { hash: string };
  assert.equal(block.hash, theirs.hash);

  const params = [BOB, { blockHash: block.hash }];
  const { trust } = await client.verified({ method: "eth_getBalance", params });
  assert.equal(trust.level, "executed");
  const status = await client.status();
  assert.equal(status.mode, "execute");
  assert.equal(status.executed?.share, 100);
  assert.equal(status.executed?.skipped, 0);
  assert.ok((status.executed?.head?.number ?? 0) >= block.number);
  assert.deepEqual(faults, []);
});

test("in this thread too, with the pool's workers beside it", { timeout: PATIENCE_MS }, async () => {
  const options = { chain: "dev", nodes: [node.url], mode: "execute", share: 100, worker: false } as const;
  await using client = await createLightClient(options);
  await new Promise<void>((resolve) => client.on("executed", () => resolve()));
});

test("a worker judges what is no block, and one without a module gives no verdict", { timeout: PATIENCE_MS }, async () => {
  const nothing = () => new Uint8Array();
  const pool = new BlockPool(2, undefined);
  try {
    const verdicts = await Promise.all([1, 2, 3].map(() => pool.execute(1n, nothing(), nothing(), nothing(), PATIENCE_MS)));
    for (const text of verdicts) {
      const verdict = JSON.parse(text) as { ok: boolean; blockInvalid: boolean; kind: string };
      assert.deepEqual([verdict.ok, verdict.blockInvalid, verdict.kind], [false, false, "wrong_response"]);
    }
  } finally {
    pool.close();
  }
  await assert.rejects(pool.execute(1n, nothing(), nothing(), nothing(), PATIENCE_MS), { code: 4900 });

  const broken = new BlockPool(1, new Uint8Array([1, 2, 3]));
  await assert.rejects(broken.execute(1n, nothing(), nothing(), nothing(), PATIENCE_MS), /cannot compile WebAssembly/);
  broken.close();
});

test("a worker that takes too long is ended, and another takes its place", { timeout: PATIENCE_MS }, async () => {
  const pool = new BlockPool(1, undefined);
  try {
    const nothing = () => new Uint8Array();
    // No time at all: the worker has not even loaded its module.
    const verdict = await pool.execute(1n, nothing(), nothing(), nothing(), 0);
    assert.deepEqual(JSON.parse(verdict), { timedOut: 0 });
    const next = JSON.parse(await pool.execute(1n, nothing(), nothing(), nothing(), PATIENCE_MS)) as { ok: boolean };
    assert.equal(next.ok, false, "judged by a new worker");
  } finally {
    pool.close();
  }
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
