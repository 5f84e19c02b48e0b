// A plain page: no bundler, no import map, a strict content security policy.
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openPage, serve } from "../support/browser.mjs";
import { startNode } from "../support/node-lite.mjs";
import { checkPage } from "../support/page-checks.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("..", import.meta.url));
const stops = [];
let node;
let opened;

before(async () => {
  node = await startNode();
  stops.push(node.stop);
  const server = await serve([here, root], node.url);
  stops.push(server.stop);
  opened = await openPage(`${server.url}/?node=${node.url}`);
  stops.push(opened.stop);
});

after(async () => {
  for (const stop of stops.reverse()) await stop();
});

test("a plain page verifies a balance, runs a call, refuses and catches a lie", async () => {
  await checkPage(node, opened);
});
