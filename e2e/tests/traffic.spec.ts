// Real traffic: OpenZeppelin's ERC-20 and Uniswap V2 under steady transfers and swaps, followed by the tab and the command line in consistent mode.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Address, encodeAbiParameters, encodeFunctionData, erc20Abi, keccak256 } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { words } from "../fixtures/chain.js";
import { cli } from "../fixtures/node.js";
import { expect, test } from "../fixtures/test.js";

const BLOCKS = 120;
const drive = fileURLToPath(new URL("../traffic/drive.mjs", import.meta.url));

/** Who sends in `drive.mjs`. */
const senders = [0, 1, 2, 3].map((addressIndex) => mnemonicToAccount(words, { addressIndex }).address);

interface Line {
  number: number;
  level: string;
}

/** Collects what a program prints until it ends. */
function ended(child: ChildProcess): Promise<{ status: number | null; stdout: string; stderr: string }> {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve) => child.once("close", (status) => resolve({ status, stdout, stderr })));
}

test(`${BLOCKS} blocks of ERC-20 transfers and swaps are consistent, and every balance is the node's`, async ({ explorer, node, page }) => {
  test.setTimeout(420_000);
  await explorer.open();
  await explorer.reaches(1);
  const first = await node.height();
  const piped = { stdio: ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"] };
  const follow = ended(spawn(cli, ["follow", "--node", node.url, "--mode", "consistent", "--blocks", String(BLOCKS), "--json"], piped));
  const traffic = ended(spawn(process.execPath, [drive, "--rpc", node.url, "--blocks", String(BLOCKS), "--rate", "8"], piped));

  const driven = await traffic;
  expect(driven.status, driven.stderr).toBe(0);
  const summary = JSON.parse(driven.stdout);
  expect(summary.blocks.count).toBeGreaterThanOrEqual(BLOCKS);
  expect(summary.transactions.failed).toBe(0);

  // The command line: so many blocks, one after the other, each consistent.
  const followed = await follow;
  expect(followed.status, followed.stderr).toBe(0);
  const lines = followed.stdout.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Line);
  const blocks = lines.filter((line) => typeof line.number === "number");
  expect(blocks.length).toBe(BLOCKS);
  expect(blocks.map((line) => line.level)).toEqual(blocks.map(() => "consistent"));
  expect(blocks.map((line) => line.number - (blocks[0]?.number ?? 0))).toEqual(blocks.map((_, index) => index));

  // The tab: at the same height, without a fault.
  await node.rpc("dev_setInterval", ["0x0"]);
  const last = await node.height();
  expect(last - first).toBeGreaterThanOrEqual(BLOCKS);
  await explorer.reaches(last);
  await expect(page.getByTestId("fault-report")).toHaveCount(0);
  await expect(page.getByTestId("head-level")).toHaveAttribute("data-level", "consistent");

  // Every balance, as the node, the tab and the command line have it: ether first.
  const { gold, silver, pair } = summary.contracts as Record<string, Address>;
  const holders = [...senders, gold, silver, pair, summary.contracts.router as Address];
  for (const holder of holders) {
    const wei = BigInt(await node.rpc<string>("eth_getBalance", [holder, "latest"])).toString();
    await explorer.open(`/address/${holder}`);
    await expect(page.getByTestId("account-balance"), holder).toHaveAttribute("data-wei", wei);
    expect(await get(node.url, "balance", holder), holder).toBe(wei);
  }
  // Then the tokens', which are storage slots; the node's own EVM says what they should be.
  for (const token of [gold, silver]) {
    for (const holder of [...senders, pair]) {
      const data = encodeFunctionData({ abi: erc20Abi, functionName: "balanceOf", args: [holder] });
      const balance = BigInt(await node.rpc<string>("eth_call", [{ to: token, data }, "latest"]));
      // OpenZeppelin's ERC-20 keeps its balances in the mapping at slot 0.
      const slot = keccak256(encodeAbiParameters([{ type: "address" }, { type: "uint256" }], [holder, 0n]));
      expect(BigInt(await get(node.url, "storage", token, slot)), `${token} of ${holder}`).toBe(balance);
    }
  }
  const slot = keccak256(encodeAbiParameters([{ type: "address" }, { type: "uint256" }], [pair, 0n]));
  const reserve = BigInt(await node.rpc<string>("eth_getStorageAt", [gold, slot, "latest"]));
  await explorer.open(`/address/${gold}`);
  await page.getByTestId("storage-slot-input").fill(slot);
  await page.getByTestId("storage-read").click();
  await expect(page.getByTestId("storage-value").first()).toHaveText(new RegExp(`0x0*${reserve.toString(16)}$`));

  // An account's transfers: as many as the node has, none left out, and the last ones judged by a model in this tab.
  const [sender] = senders as [Address];
  const topic = encodeAbiParameters([{ type: "address" }], [sender]);
  const logs = await Promise.all([[TRANSFER, topic], [TRANSFER, null, topic]].map((topics) => node.rpc<Log[]>("eth_getLogs", [{ fromBlock: "0x0", topics }])));
  const places = new Set(logs.flat().map((log) => `${log.blockNumber} ${log.logIndex}`));
  await explorer.open(`/address/${sender}`);
  await page.getByTestId("transfers-look").click();
  const range = page.getByTestId("transfers-range");
  await expect(range).toHaveText(/^All from block/, { timeout: 60_000 });
  await expect(range).toHaveAttribute("data-count", String(places.size));
  expect(places.size).toBeGreaterThan(17);
  await expect(page.getByTestId("transfers-verdict")).toContainText("anomaly-f32, run on this device");
});

interface Log {
  blockNumber: string;
  logIndex: string;
}

/** `Transfer(address,address,uint256)`. */
const TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/** One verified value, from the command line. */
async function get(url: string, ...what: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(cli, ["get", ...what, "--node", url, "--json"]);
  const { value } = JSON.parse(stdout) as { value: string };
  return BigInt(value).toString();
}
