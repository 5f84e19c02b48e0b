// A project built with Vite: the worker and both modules must end up in its output.
import { execFileSync } from "node:child_process";
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openPage, serve } from "../support/browser.mjs";
import { startNode } from "../support/node-lite.mjs";
import { checkPage } from "../support/page-checks.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const dist = fileURLToPath(new URL("dist", import.meta.url));
const stops = [];
let node;
let opened;

before(async () => {
  execFileSync("npm", ["run", "--silent", "build"], { cwd: here, stdio: ["ignore", "ignore", "inherit"] });
  node = await startNode();
  stops.push(node.stop);
  const server = await serve([dist], node.url);
  stops.push(server.stop);
  opened = await openPage(`${server.url}/?node=${node.url}`);
  stops.push(opened.stop);
});

after(async () => {
  for (const stop of stops.reverse()) await stop();
});

test("the build holds both modules once", () => {
  const modules = readdirSync(`${dist}/assets`).filter((file) => file.endsWith(".wasm"));
  assert.equal(modules.filter((file) => file.includes("sidelight_wasm")).length, 1, modules.join());
  assert.equal(modules.filter((file) => file.includes("sidelight_evm")).length, 1, modules.join());
});

test("a built page executes blocks in workers of its worker", async () => {
  const { page, errors } = opened;
  const first = await page.waitForFunction(() => document.querySelector("#executed")?.textContent || undefined);
  const seen = await first.jsonValue();
  // And goes on to the next one.
  await page.waitForFunction((seen) => document.querySelector("#executed")?.textContent !== seen, seen);
  assert.deepEqual(errors, []);
});

test("a built page verifies a balance, runs a call, refuses and catches a lie", async () => {
  await checkPage(node, opened);
});
