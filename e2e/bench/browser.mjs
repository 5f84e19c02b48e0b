// Start to verified head in Chromium, cold and warm, and the longest task of the main thread: node browser.mjs
//
// cold: an empty profile. warm: the same profile again, with what the tab kept in IndexedDB and Chromium in its cache.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "@playwright/test";
import { rpc, startNode, startTraffic } from "./node.mjs";

const ROUNDS = 5;
/** Blocks that are there before the tab is opened. */
const HISTORY = 1_000;

const args = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic"];
if (process.getuid?.() === 0) args.push("--no-sandbox");

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Runs in the page before everything else. */
function watch() {
  globalThis.longest = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) globalThis.longest = Math.max(globalThis.longest, entry.duration);
  }).observe({ type: "longtask", buffered: true });
}

async function start(context, url, height) {
  const page = await context.newPage();
  await page.addInitScript(watch);
  await page.goto(url, { waitUntil: "commit" });
  const verified = await page.waitForFunction(
    (wanted) => {
      const text = document.querySelector('[data-testid="head-number"]')?.textContent ?? "";
      const digits = text.replace(/\D/g, "");
      return digits !== "" && Number(digits) >= wanted ? performance.now() : undefined;
    },
    height,
    { polling: "raf", timeout: 60_000 },
  );
  const ms = await verified.jsonValue();
  // A while of following, so that the long task may also be one of a block's.
  await page.waitForTimeout(4_000);
  const longest = await page.evaluate(() => globalThis.longest);
  await page.close();
  return { ms, longest };
}

const node = await startNode();
const cold = [];
const warm = [];
const longest = [];
let traffic;
try {
  for (let sealed = 0; sealed < HISTORY; sealed += 500) await rpc(node.url, "dev_seal", [`0x${(500).toString(16)}`]);
  traffic = await startTraffic(node.url, 10);
  for (let round = 0; round < ROUNDS; round += 1) {
    const profile = mkdtempSync(join(tmpdir(), "sidelight-bench-"));
    const context = await chromium.launchPersistentContext(profile, { executablePath: process.env.CHROMIUM, args, headless: true });
    try {
      const height = Number(await rpc(node.url, "eth_blockNumber"));
      const first = await start(context, node.url, height);
      const again = await start(context, node.url, Number(await rpc(node.url, "eth_blockNumber")));
      cold.push(first.ms);
      warm.push(again.ms);
      longest.push(Math.max(first.longest, again.longest));
    } finally {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    }
  }
} finally {
  await traffic?.stop();
  await node.stop();
}
console.log(JSON.stringify({ rounds: ROUNDS, history: HISTORY, coldMs: median(cold), warmMs: median(warm), longestTaskMs: Math.max(...longest) }, null, 2));
