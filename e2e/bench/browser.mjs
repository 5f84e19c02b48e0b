// Start to verified head in Chromium, cold and warm, the longest task of the main thread, and a digit's model in the tab: node browser.mjs
//
// A task's length is what the page's thread computed for it. Browser, worker, node and traffic share the machine's cores here, so that the time on the clock, which is noted
// beside it, has the others' turns in it. Tracing costs time: the starts that are timed are not traced.
//
// cold: an empty profile. warm: the same profile again, with what the tab kept in IndexedDB and Chromium in its cache.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "@playwright/test";
import { rpc, startNode, startTraffic } from "./node.mjs";

const ROUNDS = 5;
/** Rounds of a traced start each. */
const TRACED_ROUNDS = 3;
/** Runs of a model. */
const RUNS = 2_000;
/** Blocks that are there before the tab is opened. */
const HISTORY = 1_000;

const args = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic"];
if (process.getuid?.() === 0) args.push("--no-sandbox");

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Traces the tasks of the page's main thread; the result ends the trace, and says how long the longest was: computed, and on the clock. */
async function traceTasks(context, page) {
  const client = await context.newCDPSession(page);
  const { frameTree } = await client.send("Page.getFrameTree");
  const events = [];
  client.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const traceConfig = { includedCategories: ["devtools.timeline", "disabled-by-default-devtools.timeline"] };
  await client.send("Tracing.start", { transferMode: "ReportEvents", traceConfig });
  return async () => {
    const complete = new Promise((resolve) => client.once("Tracing.tracingComplete", resolve));
    await client.send("Tracing.end");
    await complete;
    // The browser's own pages are other processes with main threads of theirs.
    const timer = events.find(({ name, args }) => name === "TimerFire" && args.data?.frame === frameTree.frame.id);
    const tasks = events.filter(({ name, ph, pid, tid }) => name === "RunTask" && ph === "X" && pid === timer?.pid && tid === timer.tid);
    if (tasks.length === 0) throw new Error("the trace has no tasks of the main thread");
    const longest = (field) => Math.max(...tasks.map((task) => task[field] ?? 0)) / 1e3;
    return { computed: longest("tdur"), clock: longest("dur") };
  };
}

async function start(context, url, height) {
  const page = await context.newPage();
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
  // The tab keeps what it has verified every two seconds.
  await page.waitForTimeout(4_000);
  await page.close();
  return ms;
}

/** A start and a while of following, so that the long task may also be one of a block's. */
async function traced(context, url) {
  const page = await context.newPage();
  const endTrace = await traceTasks(context, page);
  await page.goto(url, { waitUntil: "commit" });
  await page.waitForTimeout(5_000);
  const longest = await endTrace();
  await page.close();
  return longest;
}

/** Does something in a browser with an empty profile. */
async function fresh(work) {
  const profile = mkdtempSync(join(tmpdir(), "sidelight-bench-"));
  const context = await chromium.launchPersistentContext(profile, { executablePath: process.env.CHROMIUM, args, headless: true });
  try {
    await work(context);
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

/**
 * Milliseconds to the first answer of a model whose files are in the browser already: on a page that rests, and on one that is just being opened, where the
 * package's own files come first and the page starts beside it. Then microseconds of a run, by the worker's clock and by the page's.
 */
async function digits(context, url) {
  const page = await context.newPage();
  const first = () =>
    page.evaluate(async () => {
      const began = performance.now();
      const { infer } = await import("/sidelight/decisions/index.js");
      await infer("digits-mlp-int8", { image: Array(64).fill(8) });
      return performance.now() - began;
    });
  await page.goto(`${url}/models`);
  await first();
  await page.reload();
  const openingMs = await first();
  await page.reload();
  await page.waitForTimeout(4_000);
  const readyMs = await first();
  const runs = await page.evaluate(async (runs) => {
    const { infer, loadModel } = await import("/sidelight/decisions/index.js");
    const model = await loadModel("digits-mlp-int8");
    const inputs = { image: Array(64).fill(8) };
    const began = performance.now();
    // The clock is coarse: a mean over many runs is finer than any of them.
    let inWorker = 0;
    for (let run = 0; run < runs; run++) inWorker += (await infer(model, inputs)).runMs;
    return { runUs: (inWorker * 1e3) / runs, callUs: ((performance.now() - began) * 1e3) / runs };
  }, RUNS);
  await page.close();
  return { openingMs, readyMs, ...runs };
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
  const height = async () => Number(await rpc(node.url, "eth_blockNumber"));
  for (let round = 0; round < ROUNDS; round += 1) {
    await fresh(async (context) => {
      cold.push(await start(context, node.url, await height()));
      warm.push(await start(context, node.url, await height()));
      inTab.push(await digits(context, node.url));
    });
  }
  for (let round = 0; round < TRACED_ROUNDS; round += 1) {
    await fresh(async (context) => {
      longest.push(await traced(context, node.url), await traced(context, node.url));
    });
  }
} finally {
  await traffic?.stop();
  await node.stop();
}
const digit = Object.fromEntries(["openingMs", "readyMs", "runUs", "callUs"].map((name) => [name, median(inTab.map((one) => one[name]))]));
const longestTaskMs = Math.max(...longest.map(({ computed }) => computed));
const longestTaskClockMs = Math.max(...longest.map(({ clock }) => clock));
const result = { rounds: ROUNDS, history: HISTORY, coldMs: median(cold), warmMs: median(warm), longestTaskMs, longestTaskClockMs, digit };
console.log(JSON.stringify(result, null, 2));
