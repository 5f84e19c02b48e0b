// A node of one's own, and steady traffic on it.
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { createPublicClient, createWalletClient, defineChain, http } from "viem";
import { mnemonicToAccount } from "viem/accounts";

const words = "test test test test test test test test test test test junk";

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function rpc(url, method, params = []) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const { result, error } = await response.json();
  if (error) throw new Error(`${method}: ${error.message}`);
  return result;
}

export async function startNode(...flags) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(process.env.SIDELIGHT_NODE_LITE, ["--dev", "--port", String(port), ...flags], { stdio: "ignore" });
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await gone;
  };
  for (let tries = 0; tries < 150; tries += 1) {
    try {
      await rpc(url, "eth_blockNumber");
      return { url, stop };
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  await stop();
  throw new Error("node-lite does not answer");
}

/** Keeps so many transfers between the test accounts in every block. */
export async function startTraffic(url, perBlock) {
  const chain = defineChain({
    id: 31337,
    name: "dev",
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });
  const account = mnemonicToAccount(words, { addressIndex: 3 });
  const wallet = createWalletClient({ account, chain, transport: http(url) });
  const reader = createPublicClient({ chain, transport: http(url) });
  let nonce = await reader.getTransactionCount({ address: account.address });
  let stopped = false;
  const running = (async () => {
    let seen = await reader.getBlockNumber({ cacheTime: 0 });
    while (!stopped) {
      const sends = Array.from({ length: perBlock }, (_, index) => {
        const to = `0x${(0x10000 + index).toString(16).padStart(40, "0")}`;
        return wallet.sendTransaction({ to, value: 1n, gas: 21_000n, nonce: nonce++ });
      });
      await Promise.all(sends);
      for (let now = seen; now === seen && !stopped; now = await reader.getBlockNumber({ cacheTime: 0 })) {
        await new Promise((resolve) => setTimeout(resolve, 25));
        seen = now;
      }
      seen = await reader.getBlockNumber({ cacheTime: 0 });
    }
  })();
  running.catch(() => {});
  return {
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}
