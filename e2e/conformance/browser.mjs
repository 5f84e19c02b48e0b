// Runs a suite in wasm in Chromium: node browser.mjs MODULE-FOLDER SUITE PATH [FILTER] [EVERY]. Prints the report as JSON.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { chromium } from "@playwright/test";
import { add, emptyReport, parseArguments } from "./cases.mjs";

const { folder, suite, filter, name, files } = parseArguments(process.argv.slice(2));
const types = { js: "text/javascript", wasm: "application/wasm" };
const server = createServer((request, response) => {
  const path = new URL(request.url, "http://localhost").pathname;
  const module = path.match(/^\/(sidelight_conformance(?:_bg)?\.(js|wasm))$/u);
  if (path === "/") return response.setHeader("content-type", "text/html").end("<!doctype html><title>Conformance</title>");
  if (!module) return response.writeHead(404).end();
  response.setHeader("content-type", types[module[2]]).end(readFileSync(join(folder, module[1])));
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args });
const sum = emptyReport(suite);
try {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.evaluate(async () => {
    const module = await import("/sidelight_conformance.js");
    await module.default();
    globalThis.runFile = module.runFile;
  });
  for (const [index, file] of files.entries()) {
    const input = [suite, name(file), readFileSync(file, "utf8"), filter];
    add(sum, JSON.parse(await page.evaluate((given) => globalThis.runFile(...given), input)));
    if (index % 100 === 99) console.error(`${index + 1}/${files.length} files`);
  }
} finally {
  await browser.close();
  server.close();
}
console.log(JSON.stringify(sum));
