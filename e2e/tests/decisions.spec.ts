// A digit is drawn, read and committed in one browser; another browser gets the link, and checks who signed it and whether it is right.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Browser, Page } from "@playwright/test";
import { edge } from "../fixtures/node.js";
import { Explorer, expect, test } from "../fixtures/test.js";

/** A seven: two strokes, in parts of the drawing's side. */
const SEVEN = [
  [0.25, 0.15], [0.4, 0.13], [0.6, 0.13], [0.78, 0.15], [0.7, 0.35], [0.6, 0.55], [0.52, 0.72], [0.45, 0.9],
] as const;

async function draw(page: Page, halfway: () => Promise<void> = async () => {}): Promise<void> {
  const pad = page.getByTestId("infer-pad");
  await pad.scrollIntoViewIfNeeded();
  const box = await pad.boundingBox();
  if (!box) throw new Error("there is nothing to draw on");
  const [first, ...rest] = SEVEN.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height] as const);
  if (!first) throw new Error("nothing to draw");
  await page.mouse.move(...first);
  await page.mouse.down();
  for (const [index, point] of rest.entries()) {
    if (index === rest.length >> 1) await halfway();
    await page.mouse.move(...point, { steps: 4 });
  }
  await page.mouse.up();
}

/** Runs what is drawn, and commits to it; the decision's address. */
async function commit(page: Page): Promise<string> {
  await page.getByTestId("infer-run").click();
  await expect(page.getByTestId("outcome")).toBeVisible({ timeout: 60_000 });
  await page.getByTestId("commit").click();
  const link = page.getByTestId("committed").getByRole("link");
  await expect(link).toBeVisible({ timeout: 60_000 });
  return (await link.getAttribute("href")) ?? "";
}

/** A browser that has seen nothing of this. */
async function second(browser: Browser, node: Explorer["node"]): Promise<{ explorer: Explorer; close: () => Promise<void> }> {
  const context = await browser.newContext();
  const explorer = new Explorer(await context.newPage(), node);
  return { explorer, close: () => context.close() };
}

const decision = (page: Page) => page.getByTestId("decision");

test("a digit is drawn and committed here, and reproduced in another browser", async ({ browser, explorer, page, node }) => {
  test.setTimeout(180_000);
  await explorer.open("/infer");
  await expect(page.getByTestId("infer-pad")).toBeVisible();
  await draw(page);
  await page.getByTestId("infer-run").click();
  await expect(page.getByTestId("outcome")).toHaveText("7", { timeout: 60_000 });
  const path = await commit(page);
  expect(path).toMatch(/^\/decision\/0x[0-9a-f]{64}$/);

  const other = await second(browser, node);
  const { page: theirs } = other.explorer;
  await other.explorer.open(path);
  await expect(decision(theirs)).toHaveAttribute("data-level", "committed", { timeout: 60_000 });
  await expect(theirs.getByTestId("decision-word")).toHaveText("Committed");
  await theirs.getByTestId("decision-rerun").click();
  await expect(decision(theirs)).toHaveAttribute("data-level", "reproduced", { timeout: 60_000 });
  await expect(theirs.getByTestId("decision-word")).toHaveText("Reproduced");
  await expect(theirs.locator('[data-testid="decision-checks"] li')).toHaveCount(7);
  await expect(theirs.locator('[data-testid="decision-checks"] li:not([data-state="holds"])')).toHaveCount(0);
  expect(other.explorer.errors).toEqual([]);

  // The file says the same as the link, in a page that never met the node's shelf.
  const [download] = await Promise.all([theirs.waitForEvent("download"), theirs.getByTestId("decision-export").click()]);
  const text = await readFile(await download.path(), "utf8");
  await other.explorer.open("/decision");
  await theirs.getByTestId("decision-text").fill(text);
  await theirs.getByTestId("decision-open").click();
  await expect(decision(theirs)).toHaveAttribute("data-level", "committed", { timeout: 60_000 });

  // And one changed number of it is refused by its name.
  const forged = text.replace(/"nonce": "(\d)/, (_, digit: string) => `"nonce": "${digit === "9" ? "8" : "9"}`);
  expect(forged).not.toBe(text);
  await theirs.getByTestId("decision-text").fill(forged);
  await theirs.getByTestId("decision-open").click();
  await expect(decision(theirs)).toHaveAttribute("data-field", "signature");
  await expect(decision(theirs)).toHaveAttribute("data-level", "none");
  await other.close();
});

test("a page that moves under the pen does not bend the stroke", async ({ explorer, page }) => {
  await explorer.open("/infer");
  const row = page.getByTestId("infer-row");
  await draw(page);
  const straight = await row.inputValue();
  await page.getByRole("button", { name: "Clear" }).click();
  await draw(page, async () => {
    const pad = page.getByTestId("infer-pad");
    const before = await pad.boundingBox();
    await page.locator("h1").evaluate((title) => title.insertAdjacentHTML("beforebegin", "<p>one<br>two<br>three<br>four</p>"));
    expect((await pad.boundingBox())?.y).not.toBe(before?.y);
  });
  expect(straight).not.toMatch(/^[0 ]*$/);
  await expect(row).toHaveValue(straight);
});

test("an output that the model does not give turns red, with its tensor and index", async ({ explorer, page }) => {
  test.setTimeout(180_000);
  // An executor that lies: what comes back from the engine is changed before it is signed.
  await page.route("**/sidelight/decisions/infer.js", async (route) => {
    const response = await route.fetch();
    const honest = await response.text();
    const lying = honest.replace("outputs: decodeMessage(outputs)", "outputs: decodeMessage(outputs).map((t) => (t.bytes[13] ^= 1, t))");
    expect(lying).not.toBe(honest);
    // Not kept: the honest file's tag would make it pass for that one afterwards.
    await route.fulfill({ response, body: lying, headers: { ...response.headers(), "cache-control": "no-store" } });
  });
  await explorer.open("/infer");
  await page.getByTestId("infer-example").click();
  const path = await commit(page);
  await page.unroute("**/sidelight/decisions/infer.js");

  await explorer.open(path);
  await expect(decision(page)).toHaveAttribute("data-level", "committed", { timeout: 60_000 });
  await page.getByTestId("decision-rerun").click();
  await expect(page.getByTestId("decision-word")).toHaveText("Not reproduced", { timeout: 60_000 });
  await expect(decision(page)).toHaveAttribute("data-tensor", "logits");
  await expect(decision(page)).toHaveAttribute("data-index", "3");
  await expect(page.getByTestId("differs")).toHaveAttribute("data-index", "3");
});

test("models are described by their manifests, and bad rows are refused in words", async ({ explorer, page }) => {
  await explorer.open("/models");
  await expect(page.getByTestId("model")).toHaveCount(6, { timeout: 60_000 });
  await page.locator('[data-id="risk-f32"]').getByRole("link", { name: "Run it" }).click();
  await expect(page.getByTestId("infer-model")).toHaveValue("risk-f32");
  await page.getByTestId("infer-row").fill("1 2 three");
  await expect(page.locator("#infer-row-hint")).toContainText("not a number: three");
  await expect(page.getByTestId("infer-run")).toBeDisabled();
  await page.getByTestId("infer-row").fill(Array(30).fill("1.5").join(","));
  await page.getByTestId("infer-run").click();
  await expect(page.getByTestId("outcome")).toContainText("%", { timeout: 60_000 });
});

test("a store that is full is an error in words, and nothing is half-stored", async ({ explorer, page }) => {
  await page.addInitScript(() => {
    Cache.prototype.put = () => Promise.reject(new DOMException("no room", "QuotaExceededError"));
  });
  await explorer.open("/infer");
  await page.getByTestId("infer-example").click();
  await page.getByTestId("infer-run").click();
  await expect(page.getByTestId("infer-trouble")).toContainText("storage does not take 5799 bytes more", { timeout: 60_000 });
  expect(await page.evaluate(async () => (await (await caches.open("sidelight-models-1")).keys()).length)).toBe(0);
});

test("ONNX Runtime runs one as class 2, and the pinned engine reproduces it within the tolerance", async ({ browser, explorer, page, node }) => {
  test.setTimeout(180_000);
  await explorer.open("/infer");
  await page.getByTestId("infer-model").selectOption("risk-f32");
  await page.getByTestId("infer-row").fill(Array(30).fill("1.5").join(","));
  await page.getByTestId("infer-backend").selectOption("onnxruntime");
  const path = await commit(page);
  await expect(page.getByTestId("infer-result")).toContainText("D2: equal within a tolerance");
  await expect(page.getByTestId("infer-result")).toContainText("onnxruntime-web/1.30.0");

  const other = await second(browser, node);
  await other.explorer.open(path);
  await expect(decision(other.explorer.page)).toHaveAttribute("data-level", "committed", { timeout: 60_000 });
  await other.explorer.page.getByTestId("decision-rerun").click();
  await expect(decision(other.explorer.page)).toHaveAttribute("data-level", "reproduced", { timeout: 60_000 });
  expect(other.explorer.errors).toEqual([]);
  await other.close();
});

test("files of ONNX Runtime that are not its makers' are not run", async ({ explorer, page }) => {
  await page.route("**/onnxruntime/*.mjs", async (route) => {
    const response = await route.fetch();
    const body = await response.body();
    body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1;
    await route.fulfill({ response, body });
  });
  await explorer.open("/infer");
  await page.getByTestId("infer-example").click();
  await page.getByTestId("infer-backend").selectOption("onnxruntime");
  await page.getByTestId("infer-run").click();
  await expect(page.getByTestId("infer-trouble")).toContainText("bundle.min.mjs: sha256: expected", { timeout: 60_000 });
});

test("every run leaves a record, which is replayed, saved, forged and read back", async ({ explorer, page }) => {
  test.setTimeout(180_000);
  await explorer.open("/infer");
  const [count, said] = [page.getByTestId("records-count"), page.getByTestId("records-said")];
  await expect(count).toHaveAttribute("data-count", "0", { timeout: 60_000 });
  for (const runs of ["1", "2", "3"]) {
    await page.getByTestId("infer-example").click();
    await page.getByTestId("infer-run").click();
    await expect(count).toHaveAttribute("data-count", runs, { timeout: 60_000 });
  }
  await page.getByTestId("records-replay").click();
  await expect(said).toHaveText("3 of 3 equal.", { timeout: 60_000 });

  const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("records-save").click()]);
  const text = await readFile(await download.path(), "utf8");
  const lines = text.trimEnd().split("\n");
  expect(lines).toHaveLength(4);
  // The command line of other devices takes the same file, and gets the same bits.
  const folder = await mkdtemp(join(tmpdir(), "sidelight-records-"));
  const file = join(folder, "records.jsonl");
  await writeFile(file, text);
  const flags = ["--models", fileURLToPath(new URL("../../edge-runtime/models", import.meta.url)), "--data", folder, "--backend", "pinned"];
  const record = async (...words: string[]) => (await promisify(execFile)(edge, [...flags, "record", ...words])).stdout;
  expect(await record("import", file)).toContain("3 new records");
  expect(await record("replay")).toContain("3 of 3 equal");
  await rm(folder, { recursive: true });

  await page.getByTestId("records-clear").click();
  await expect(count).toHaveAttribute("data-count", "0");
  const read = (body: string) => page.getByTestId("records-file").setInputFiles({ name: "records.jsonl", mimeType: "text/plain", buffer: Buffer.from(body) });
  // One bit of an output, a record left out, and no file at all.
  const [header, first, second, third] = lines as [string, string, string, string];
  const output = (JSON.parse(second) as { outputs: string }).outputs;
  const forged = output.slice(0, -1) + (output.endsWith("0") ? "1" : "0");
  await read([header, first, second.replace(output, forged), third].join("\n"));
  await expect(said).toContainText("record 1: signer: expected");
  await read([header.replace('"count":3', '"count":2'), first, third].join("\n"));
  await expect(said).toContainText("sequence: expected 1, got 2");
  await read("{}");
  await expect(said).toContainText("type: expected sidelight/records@1");
  await expect(count).toHaveAttribute("data-count", "0");
  await read(text);
  await expect(said).toHaveText("3 new records.");
  await page.reload();
  await expect(count).toHaveAttribute("data-count", "3", { timeout: 60_000 });
});

test("a model file that is not the manifest's is not run", async ({ explorer, page }) => {
  await page.route("**/sidelight/models/digits-mlp-int8.onnx", async (route) => {
    const response = await route.fetch();
    const body = await response.body();
    body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1;
    await route.fulfill({ response, body });
  });
  await explorer.open("/infer");
  await page.getByTestId("infer-example").click();
  await page.getByTestId("infer-run").click();
  await expect(page.getByTestId("infer-trouble")).toContainText("sha256: expected", { timeout: 60_000 });
});

test("an engine with other bytes is not run", async ({ explorer, page }) => {
  await page.route("**/sidelight/engine/sidelight-engine.wasm", (route) => route.fulfill({ contentType: "application/wasm", body: "\0asm" }));
  await explorer.open("/infer");
  await page.getByTestId("infer-example").click();
  await page.getByTestId("infer-run").click();
  await expect(page.getByTestId("infer-trouble")).toContainText("engine: expected SHA-256 0x", { timeout: 60_000 });
});

test("what the browser kept of engine and model is compared again, and fetched again if it was changed", async ({ explorer, page }) => {
  await explorer.open("/infer");
  const run = async () => {
    await page.getByTestId("infer-example").click();
    await page.getByTestId("infer-run").click();
    await expect(page.getByTestId("outcome")).toBeVisible({ timeout: 60_000 });
  };
  /** Bytes of every file that is kept, after it was done something to. */
  const kept = (poison: string | null) =>
    page.evaluate(async (poison) => {
      const cache = await caches.open("sidelight-models-1");
      const keys = await cache.keys();
      if (poison !== null) for (const key of keys) await cache.put(key, new Response(poison));
      const files = await Promise.all(keys.map(async (key) => (await (await cache.match(key))?.arrayBuffer())?.byteLength ?? 0));
      return files.sort((a, b) => a - b);
    }, poison);
  await run();
  await expect.poll(() => kept(null)).toHaveLength(2);
  const honest = await kept(null);
  expect(await kept("poison")).toEqual([6, 6]);
  await page.reload();
  await run();
  await expect.poll(() => kept(null)).toEqual(honest);
});

test("a hash that nobody has is not found, and says so", async ({ explorer, page }) => {
  await explorer.open(`/decision/0x${"12".repeat(32)}`);
  await expect(page.getByText("decision not found")).toBeVisible({ timeout: 60_000 });
});

test.describe("a node that serves models", () => {
  test.use({ flags: ["--models", "edge-runtime/models"] });

  test("runs one, its word is checked here, and another browser reproduces it", async ({ browser, explorer, page, node }) => {
    test.setTimeout(180_000);
    await explorer.open("/infer");
    await page.getByTestId("infer-example").click();
    await page.getByTestId("infer-where").selectOption("node");
    const path = await commit(page);
    const result = page.getByTestId("infer-result");
    await expect(result).toHaveAttribute("data-place", "node");
    await expect(page.getByTestId("node-word")).toContainText("nothing here has repeated it");
    await expect(page.getByTestId("outcome")).toHaveText("3");
    await expect(result.locator('[data-gate="asked"]')).toContainText("a node was asked for");

    const other = await second(browser, node);
    await other.explorer.open(path);
    await expect(decision(other.explorer.page)).toHaveAttribute("data-level", "committed", { timeout: 60_000 });
    await other.explorer.page.getByTestId("decision-rerun").click();
    await expect(decision(other.explorer.page)).toHaveAttribute("data-level", "reproduced", { timeout: 60_000 });
    expect(other.explorer.errors).toEqual([]);
    await other.close();
  });
});

test("a node without models says so, and nothing else is tried in silence", async ({ explorer, page }) => {
  await explorer.open("/infer");
  await page.getByTestId("infer-example").click();
  await page.getByTestId("infer-where").selectOption("node");
  await page.getByTestId("infer-run").click();
  await expect(page.getByTestId("infer-trouble")).toContainText("does not serve models", { timeout: 60_000 });
});
