// Filters and subscriptions over a chain that the test moves: nothing is reported twice, left out, or kept after a reorganisation.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Feeds } from "../dist/feeds.js";

class Chain {
  head = 5;
  branch = "a";
  fails = false;
  readonly asked: string[] = [];
  readonly delivered: unknown[] = [];
  readonly feeds = new Feeds((method, params) => this.#answer(method, params), (_, result) => this.delivered.push(result));

  async #answer(method: string, params: readonly unknown[]): Promise<unknown> {
    if (method === "eth_blockNumber") return `0x${this.head.toString(16)}`;
    if (this.fails) throw new Error("a part is missing");
    if (method === "eth_getBlockByNumber") return { number: params[0], hash: `${this.branch}${Number(params[0])}`, transactions: [] };
    const [{ fromBlock, toBlock }] = params as [{ fromBlock: string; toBlock: string }];
    this.asked.push(`${fromBlock}-${toBlock}`);
    if (fromBlock === "latest") return [];
    const logs = [];
    for (let n = Number(fromBlock); n <= Number(toBlock); n++) {
      logs.push({ blockNumber: `0x${n.toString(16)}`, blockHash: `${this.branch}${n}`, removed: false });
    }
    return logs;
  }

  async changes(id: unknown): Promise<string[]> {
    const found = (await this.feeds.request("eth_getFilterChanges", [id])) as { blockHash: string; removed: boolean }[];
    return found.map((log) => (log.removed ? `-${log.blockHash}` : log.blockHash));
  }
}

test("a filter reports each block once, and after a failure all that it missed", async () => {
  const chain = new Chain();
  const id = await chain.feeds.request("eth_newFilter", [{}]);
  assert.deepEqual(await chain.changes(id), []);
  chain.head = 7;
  assert.deepEqual(await chain.changes(id), ["a6", "a7"]);
  chain.head = 9;
  chain.fails = true;
  await assert.rejects(chain.changes(id));
  chain.fails = false;
  assert.deepEqual(await chain.changes(id), ["a8", "a9"]);
  const both = await Promise.all([(chain.head = 10, chain.changes(id)), chain.changes(id)]);
  assert.deepEqual(both, [["a10"], []]);
});

test("a reorganisation takes logs back and reports the new ones", async () => {
  const chain = new Chain();
  const id = await chain.feeds.request("eth_newFilter", [{ toBlock: "0x8" }]);
  chain.head = 8;
  assert.deepEqual(await chain.changes(id), ["a6", "a7", "a8"]);
  chain.branch = "b";
  chain.head = 9;
  const head = { number: 6, hash: "0x" } as const;
  chain.feeds.onReorg({ depth: 2, oldHead: { number: 8, hash: "0x" }, newHead: head });
  assert.deepEqual(await chain.changes(id), ["-a7", "-a8", "b7", "b8"]);
});

test("subscriptions deliver with each verified block until they end", async () => {
  const chain = new Chain();
  const id = await chain.feeds.request("eth_subscribe", ["newHeads"]);
  chain.head = 6;
  chain.feeds.onBlock();
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(chain.delivered, [{ number: "0x6", hash: "a6" }]);
  assert.equal(await chain.feeds.request("eth_unsubscribe", [id]), true);
  chain.head = 7;
  chain.feeds.onBlock();
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(chain.delivered.length, 1);
});

test("filters are bounded, and one that is not there is an error", async () => {
  const chain = new Chain();
  await assert.rejects(chain.feeds.request("eth_newFilter", [{ blockHash: "0x00" }]), { code: -32602 });
  await assert.rejects(chain.feeds.request("eth_getFilterChanges", ["0x9"]), { code: -32001 });
  await assert.rejects(chain.feeds.request("eth_subscribe", ["syncing"]), { code: 4200 });
  const id = await chain.feeds.request("eth_newBlockFilter", []);
  await assert.rejects(chain.feeds.request("eth_getFilterLogs", [id]), { code: -32001 });
  for (let n = 1; n < 64; n++) await chain.feeds.request("eth_newBlockFilter", []);
  await assert.rejects(chain.feeds.request("eth_newBlockFilter", []), { code: -32002 });
  assert.equal(await chain.feeds.request("eth_uninstallFilter", [id]), true);
  assert.equal(await chain.feeds.request("eth_uninstallFilter", [id]), false);
});
