// Start to verified head in Chromium, cold and warm, the longest task of the main thread, and a digit's model in the tab: node browser.mjs
//
// cold: an empty profile. warm: the same profile again, with what the tab kept in IndexedDB and Chromium in its cache.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "@playwright/test";
import { rpc, startNode, startTraffic } from "./node.mjs";

const ROUNDS = 5;
/** Runs of a model. */
const RUNS = 2_000;
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

/** Milliseconds from the first call to a loaded model whose files are in the browser already, then microseconds of a run, by the worker's clock and by the page's. */
async function digits(context, url) {
  const page = await context.newPage();
  await page.goto(`${url}/models`);
  const load = () =>
    page.evaluate(async (runs) => {
      const began = performance.now();
      const { infer, loadModel } = await import("/sidelight/decisions/index.js");
      const inputs = { image: Array(64).fill(8) };
      const model = await loadModel("digits-mlp-int8");
      await infer(model, inputs);
      const readyMs = performance.now() - began;
      const middle = performance.now();
      // The clock is coarse: a mean over many runs is finer than any of them.
      let inWorker = 0;
      for (let run = 0; run < runs; run++) inWorker += (await infer(model, inputs)).runMs;
      return { readyMs, runUs: (inWorker * 1e3) / runs, callUs: ((performance.now() - middle) * 1e3) / runs };
    }, RUNS);
  await load();
  await page.reload();
  const measured = await load();
  await page.close();
  return measured;
}

const node = await startNode();
const inTab = [];
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
      inTab.push(await digits(context, node.url));
    } finally {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    }
  }
} finally {
  await traffic?.stop();
  await node.stop();
}
const digit = Object.fromEntries(["readyMs", "runUs", "callUs"].map((name) => [name, median(inTab.map((one) => one[name]))]));
console.log(
  JSON.stringify({ rounds: ROUNDS, history: HISTORY, coldMs: median(cold), warmMs: median(warm), longestTaskMs: Math.max(...longest), digit }, null, 2),
);
