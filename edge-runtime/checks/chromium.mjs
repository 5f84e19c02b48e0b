// The engine in Chromium: as engine.mjs, in a page.
//
//   node chromium.mjs CHROMIUM ENGINE.wasm MODEL.onnx FLAGS < requests > answers
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { readAll } from "./engine.mjs";

const [executablePath, wasm, model, flags] = process.argv.slice(2);
const requests = await readAll(process.stdin);
// Nobody serves this name: every file of the page is given below.
const origin = "https://engine.invalid";
const files = {
  "/": { contentType: "text/html", body: "<!doctype html>" },
  "/engine.mjs": { contentType: "text/javascript", body: readFileSync(new URL("engine.mjs", import.meta.url)) },
  "/engine.wasm": { contentType: "application/wasm", body: readFileSync(wasm) },
  "/model": { contentType: "application/octet-stream", body: readFileSync(model) },
  "/requests": { contentType: "application/octet-stream", body: requests },
};
const args = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
// Chromium's sandbox cannot be had as root.
if (process.getuid?.() === 0) args.push("--no-sandbox");
const browser = await chromium.launch({ executablePath, args });
try {
  const page = await browser.newPage();
  await page.route(`${origin}/**`, (route) => route.fulfill(files[new URL(route.request().url()).pathname] ?? { status: 404 }));
  await page.goto(`${origin}/`);
  const answers = await page.evaluate(async (flags) => {
    const read = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
    const { Engine } = await import("/engine.mjs");
    const engine = new Engine(await WebAssembly.compile(await read("/engine.wasm")));
    engine.load(await read("/model"), flags);
    const answers = engine.runAll(await read("/requests"));
    return Array.from({ length: Math.ceil(answers.length / 24576) }, (_, at) =>
      btoa(String.fromCharCode(...answers.subarray(at * 24576, (at + 1) * 24576))),
    );
  }, Number(flags));
  process.stdout.write(Buffer.concat(answers.map((part) => Buffer.from(part, "base64"))));
} finally {
  await browser.close();
}
