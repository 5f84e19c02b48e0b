#!/usr/bin/env node
// Steady traffic on a development chain: ether and ERC-20 transfers and Uniswap V2 swaps.
//
//   node e2e/traffic/drive.mjs --rpc http://127.0.0.1:8545 --blocks 120 --rate 5
import { parseArgs } from "node:util";
import { http, createPublicClient, createWalletClient, defineChain, formatEther, parseEther } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { deploy } from "./deploy.mjs";

const { values: options } = parseArgs({
  options: {
    rpc: { type: "string", default: "http://127.0.0.1:8545" },
    blocks: { type: "string", default: "120" },
    rate: { type: "string", default: "5" },
    help: { type: "boolean", default: false },
  },
});
if (options.help) {
  console.log("node drive.mjs [--rpc URL] [--blocks N] [--rate TRANSACTIONS_PER_SECOND]\n\nProgress goes to stderr, a JSON summary to stdout.");
  process.exit(0);
}
const blocks = positive("blocks", options.blocks);
const rate = positive("rate", options.rate);

const words = "test test test test test test test test test test test junk";
const senders = [0, 1, 2, 3].map((addressIndex) => mnemonicToAccount(words, { addressIndex }));
const never = 2n ** 64n;
const say = (text) => console.error(text);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function positive(name, text) {
  const number = Number(text);
  if (!Number.isFinite(number) || number <= 0) {
    console.error(`--${name}: expected a positive number, got ${text}`);
    process.exit(2);
  }
  return number;
}

async function main() {
  const transport = http(options.rpc);
  const probe = createPublicClient({ transport });
  const chain = defineChain({
    id: await probe.getChainId(),
    name: "dev",
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [options.rpc] } },
  });
  const reader = createPublicClient({ chain, transport, pollingInterval: 100 });
  const wallets = senders.map((account) => createWalletClient({ account, chain, transport }));

  const { gold, silver, router, pool } = await deploy({ wallet: wallets[0], reader, say });
  // Everybody who swaps needs gold and an allowance.
  for (const wallet of wallets.slice(1)) {
    await confirm(reader, await wallets[0].writeContract({ ...gold, functionName: "transfer", args: [wallet.account.address, parseEther("100000")] }));
    await confirm(reader, await wallet.writeContract({ ...gold, functionName: "approve", args: [router.address, parseEther("100000")] }));
  }

  const kinds = [
    ["ether", (wallet, to) => ({ to, value: parseEther("0.001"), gas: 21_000n })],
    ["token", (_, to) => ({ ...gold, functionName: "transfer", args: [to, parseEther("1")], gas: 100_000n })],
    ["swap", (wallet) => ({
      ...router,
      functionName: "swapExactTokensForTokens",
      args: [parseEther("10"), 0n, [gold.address, silver.address], wallet.account.address, never],
      gas: 300_000n,
    })],
  ];
  const sent = [];
  const counts = { ether: 0, token: 0, swap: 0 };
  const nonces = await Promise.all(senders.map(({ address }) => reader.getTransactionCount({ address, blockTag: "pending" })));
  const first = Number(await reader.getBlockNumber());
  const started = Date.now();
  let head = first;
  let reported = first;
  for (let round = 0; head - first < blocks; round += 1) {
    const index = round % wallets.length;
    const wallet = wallets[index];
    const to = senders[(index + 1) % senders.length].address;
    const [kind, build] = kinds[round % kinds.length];
    const request = { ...build(wallet, to), nonce: nonces[index] };
    nonces[index] += 1;
    sent.push(request.abi ? await wallet.writeContract(request) : await wallet.sendTransaction(request));
    counts[kind] += 1;
    await sleep(Math.max(0, started + ((round + 1) * 1000) / rate - Date.now()));
    head = Number(await reader.getBlockNumber({ cacheTime: 0 }));
    if (head - reported >= 10) {
      reported = head;
      say(`block ${head}: ${head - first} of ${blocks} blocks, ${sent.length} transactions`);
    }
  }

  let failed = 0;
  let gasUsed = 0n;
  for (const hash of sent) {
    const receipt = await reader.waitForTransactionReceipt({ hash });
    gasUsed += receipt.gasUsed;
    if (receipt.status !== "success") failed += 1;
  }
  const last = Number(await reader.getBlockNumber({ cacheTime: 0 }));
  const swaps = await reader.getContractEvents({ ...pool, eventName: "Swap", fromBlock: BigInt(first), toBlock: BigInt(last) });
  const reserves = await reader.readContract({ ...pool, functionName: "getReserves" });
  const summary = {
    chainId: chain.id,
    blocks: { first, last, count: last - first },
    seconds: (Date.now() - started) / 1000,
    transactions: { ...counts, total: sent.length, failed },
    swapEvents: swaps.length,
    gasUsed: Number(gasUsed),
    reserves: reserves.slice(0, 2).map((reserve) => formatEther(reserve)),
    contracts: { gold: gold.address, silver: silver.address, router: router.address, pair: pool.address },
  };
  console.log(JSON.stringify(summary, null, 2));
  if (failed > 0) throw new Error(`${failed} transactions failed`);
  if (swaps.length !== counts.swap) throw new Error(`${counts.swap} swaps were sent, ${swaps.length} events were found`);
}

async function confirm(reader, hash) {
  const receipt = await reader.waitForTransactionReceipt({ hash });
  if (receipt.status !== "success") throw new Error(`transaction ${hash} failed`);
}

main().catch((error) => {
  console.error(`error: ${error.shortMessage ?? error.message ?? error}`);
  process.exit(1);
});
