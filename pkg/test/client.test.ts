// The real modules, in every place where they can run, with a node that nobody can reach.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { SidelightError, createLightClient, type LightClient, type LightClientOptions } from "sidelight";
import { serve, type PortLike } from "../dist/worker.js";

// The rules of a chain that no node serves: the client must start, and stay without a head.
const chain = {
  chainId: 31337,
  genesisHash: `0x${"11".repeat(32)}`,
  genesisSigner: `0x${"22".repeat(20)}`,
} as const;
const nodes = ["http://127.0.0.1:9"];

type Place = Partial<LightClientOptions>;

async function withClient(options: Place, use: (client: LightClient) => Promise<void>): Promise<void> {
  const client = await createLightClient({ chain, nodes, ...options });
  try {
    await use(client);
  } finally {
    await client.close();
    // A port of ours would keep the process alive.
    if (options.worker instanceof MessagePort) options.worker.close();
  }
}

const places: [string, () => Promise<Place>][] = [
  ["a worker thread", async () => ({})],
  ["this thread", async () => ({ worker: false })],
  [
    "a port of the caller",
    async () => {
      const { port1, port2 } = new MessageChannel();
      serve(port2 as unknown as PortLike);
      return { worker: port1 as unknown as MessagePort };
    },
  ],
  [
    "a worker thread, with a module compiled by the caller",
    async () => {
      const file = new URL("../dist/wasm/sidelight_wasm_bg.wasm", import.meta.url);
      return { wasm: await WebAssembly.compile(new Uint8Array(await readFile(file))) };
    },
  ],
];

for (const [place, options] of places) {
  test(`the verifier runs in ${place}`, async () => {
    await withClient(await options(), async (client) => {
      const status = await client.status();
      assert.equal(status.chainId, 31337);
      assert.equal(status.head, null);
      assert.equal(status.storage.kind, "memory");
      assert.deepEqual(status.peers.map((peer) => peer.url), nodes);
    });
  });
}

test("the provider knows its chain without a node", async () => {
  await withClient({}, async ({ provider }) => {
    assert.equal(await provider.request({ method: "eth_chainId" }), "0x7a69");
    assert.equal(await provider.request({ method: "net_version" }), "31337");
  });
});

test("a read without a head fails with 4900 and is never empty", async () => {
  await withClient({}, async ({ provider }) => {
    const address = `0x${"aa".repeat(20)}`;
    for (const [method, params] of [
      ["eth_blockNumber", []],
      ["eth_getBalance", [address, "latest"]],
      ["eth_getCode", [address, "latest"]],
      ["eth_call", [{ to: address }, "latest"]],
    ] as const) {
      await assert.rejects(provider.request({ method, params }), { code: 4900 }, method);
    }
  });
});

test("a method that cannot be verified is refused with 4200", async () => {
  await withClient({}, async ({ provider }) => {
    for (const method of ["eth_sendRawTransaction", "eth_gasPrice", "debug_traceCall", "toString"]) {
      await assert.rejects(provider.request({ method, params: [] }), { code: 4200, data: { method } });
    }
  });
});

test("wrong parameters are refused with -32602 and say what was expected", async () => {
  await withClient({}, async ({ provider }) => {
    const wrong: [string, unknown][] = [
      ["eth_getBalance", ["0x12", "latest"]],
      ["eth_getBalance", []],
      ["eth_call", [[], "latest"]],
      ["eth_call", [{ to: "0x12" }, "latest"]],
      ["eth_call", [{ gasPrice: "0x1", maxFeePerGas: "0x1" }, "latest"]],
      ["eth_call", [{ authorizationList: [{}] }, "latest"]],
      ["eth_call", [{}, "latest", { "0x00": { balance: "0x1" } }]],
      ["eth_estimateGas", [{ value: "ten" }]],
      ["eth_chainId", { not: "a list" }],
    ];
    for (const [method, params] of wrong) {
      const request = provider.request({ method, params: params as unknown[] });
      await assert.rejects(request, { code: -32602 }, `${method} ${JSON.stringify(params)}`);
    }
    await assert.rejects(provider.request({} as { method: string }), { code: -32602 });
  });
});

test("the method can be taken off the provider", async () => {
  await withClient({}, async ({ provider: { request } }) => {
    assert.equal(await request({ method: "eth_chainId" }), "0x7a69");
  });
});

test("waiting can be given up", async () => {
  await withClient({}, async (client) => {
    const controller = new AbortController();
    const waiting = client.waitSynced({ signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 10);
    await assert.rejects(waiting, { code: 4001, cause: new Error("enough") });
    await assert.rejects(client.waitSynced({ signal: AbortSignal.abort() }), { code: 4001 });
  });
});

test("closing ends what waits, twice is once, and nothing is answered afterwards", async () => {
  const client = await createLightClient({ chain, nodes });
  const states: string[] = [];
  client.on("status", ({ state }) => states.push(state));
  const waiting = assert.rejects(client.waitSynced(), { code: 4900 });
  await Promise.all([client.close(), client.close()]);
  await waiting;
  await client.close();
  assert.equal(states.at(-1), "halted");
  assert.equal((await client.status()).state, "halted");
  await assert.rejects(client.provider.request({ method: "eth_chainId" }), { code: 4900 });
});

test("a client is disposed of at the end of its block", async () => {
  const client = await createLightClient({ chain, nodes });
  await client[Symbol.asyncDispose]();
  await assert.rejects(client.provider.request({ method: "eth_chainId" }), SidelightError);
});

test("a storage that was asked for by name and is not there is an error", async () => {
  const start = createLightClient({ chain, nodes, storage: "indexeddb" });
  await assert.rejects(start, { name: "SidelightError", message: /IndexedDB is not available/ });
});

test("bytes that are no module are refused", async () => {
  const start = createLightClient({ chain, nodes, wasm: new Uint8Array([1, 2, 3]) });
  await assert.rejects(start, { name: "SidelightError", message: /cannot compile WebAssembly/ });
});

test("a false file gets a verdict, not an error", async () => {
  await withClient({}, async (client) => {
    const verdict = await client.verifyFile("{}");
    assert.equal(verdict.ok, false);
  });
});

test("an allowed method that no node answers fails with 4900", async () => {
  await withClient({ allowUnverified: ["eth_gasPrice"] }, async ({ provider }) => {
    await assert.rejects(provider.request({ method: "eth_gasPrice" }), { code: 4900 });
  });
});
