// What old blocks cost a client that starts at a checkpoint: bytes and milliseconds in the package's own modules, from the package: node history.mjs
import { createWalletClient, defineChain, http } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { createLightClient } from "../../pkg/dist/index.js";
import { rpc, startNode } from "./node.mjs";

const BACK = 10_000;
/** Blocks that have a log: one of so many. */
const EVERY = 500;
const SEAL = 500;
/** Deploys a contract that emits a log with one topic whenever it is called. */
const LOGGER = "0x65602a5f5fa1005f526006601af3";
const words = "test test test test test test test test test test test junk";
const hex = (number) => `0x${number.toString(16)}`;

const node = await startNode("--no-mining");
const result = { back: BACK, blocksWithLogs: 0, reads: {} };
try {
  const chain = defineChain({
    id: 31337,
    name: "dev",
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [node.url] } },
  });
  const wallet = createWalletClient({ account: mnemonicToAccount(words), chain, transport: http(node.url) });
  const fees = { maxFeePerGas: 50_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n, gas: 200_000n };
  let nonce = 0;
  const deployment = await wallet.sendTransaction({ data: LOGGER, nonce: nonce++, ...fees });
  await rpc(node.url, "dev_seal");
  const { contractAddress: logger } = await rpc(node.url, "eth_getTransactionReceipt", [deployment]);
  let call;
  for (let sealed = 0; sealed < BACK; sealed += SEAL) {
    for (let some = 0; some < SEAL; some += EVERY) {
      const hash = await wallet.sendTransaction({ to: logger, nonce: nonce++, ...fees });
      call ??= hash;
      await rpc(node.url, "dev_seal", [hex(EVERY)]);
      result.blocksWithLogs += 1;
    }
  }
  await rpc(node.url, "dev_seal");
  const head = Number(await rpc(node.url, "eth_blockNumber"));
  const { hash: checkpoint } = await rpc(node.url, "eth_getBlockByNumber", [hex(head - 1), false]);

  const measure = async (name, read) => {
    // A client each, so that none profits from the one before.
    const client = await createLightClient({ chain: "dev", nodes: [node.url], checkpoint, mode: "headers", storage: "memory" });
    await client.waitSynced({ signal: AbortSignal.timeout(30_000) });
    const { bytes } = await client.status();
    const began = performance.now();
    await read(client);
    const ms = performance.now() - began;
    result.reads[name] = { bytes: (await client.status()).bytes - bytes, ms };
    await client.close();
  };
  const old = hex(head - BACK);
  await measure("a block, 10,000 back", (client) => client.provider.request({ method: "eth_getBlockByNumber", params: [old, false] }));
  await measure("a block, 8,000 back", (client) => client.provider.request({ method: "eth_getBlockByNumber", params: [hex(head - 8_000), false] }));
  await measure("a block, 10 back", (client) => client.provider.request({ method: "eth_getBlockByNumber", params: [hex(head - 10), false] }));
  await measure("a receipt, 10,000 back", (client) => client.provider.request({ method: "eth_getTransactionReceipt", params: [call] }));
  await measure("the logs of a contract over 10,000 blocks", async (client) => {
    const { complete, logs } = await client.logs({ fromBlock: old, address: logger });
    if (!complete || logs.length !== result.blocksWithLogs) throw new Error(`${logs.length} logs, complete: ${complete}`);
  });
  await measure("no log in 10,000 blocks, proven", async (client) => {
    const { complete, logs } = await client.logs({ fromBlock: old, address: `0x${"77".repeat(20)}` });
    if (!complete || logs.length !== 0) throw new Error(`${logs.length} logs, complete: ${complete}`);
  });
} finally {
  await node.stop();
}
console.log(JSON.stringify(result, null, 2));
