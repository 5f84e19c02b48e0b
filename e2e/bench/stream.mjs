// Bytes per block in each mode, as `sidelight follow --json` counts them, over the same kind of blocks: node stream.mjs
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { startNode, startTraffic } from "./node.mjs";

const BLOCKS = 20;
const TRANSFERS_PER_BLOCK = 20;

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Follows so many blocks and gives the lines. */
async function follow(url, mode) {
  const args = ["follow", "--node", url, "--mode", mode, "--blocks", String(BLOCKS), "--json"];
  const child = spawn(process.env.SIDELIGHT_CLI, args, { stdio: ["ignore", "pipe", "inherit"] });
  const lines = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("{")) lines.push(JSON.parse(line));
  }
  return lines.filter((line) => typeof line.bytes === "number");
}

const node = await startNode();
const result = { blocks: BLOCKS, transfersPerBlock: TRANSFERS_PER_BLOCK, modes: {} };
try {
  const traffic = await startTraffic(node.url, TRANSFERS_PER_BLOCK);
  for (const mode of ["headers", "watch", "consistent"]) {
    const lines = await follow(node.url, mode);
    if (lines.length === 0) throw new Error(`sidelight follow --mode ${mode} printed no block`);
    result.modes[mode] = { bytesPerBlock: median(lines.map((line) => line.bytes)), ms: median(lines.map((line) => line.ms ?? 0)) };
  }
  await traffic.stop();
} finally {
  await node.stop();
}
console.log(JSON.stringify(result, null, 2));
