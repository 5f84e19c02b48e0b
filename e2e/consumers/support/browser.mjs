// A page in Chromium, from a static server that sends the content security policy that the package's README names.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".css": "text/css",
};

const QUIET = ["background-networking", "component-update", "sync", "quic"];

/** Serves folders, first match first, under the policy that allows one node. */
export async function serve(folders, node) {
  const policy = [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    `connect-src 'self' ${node} ${node.replace(/^http/, "ws")}`,
  ].join("; ");
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://x").pathname);
    const file = path.endsWith("/") ? `${path}index.html` : path;
    for (const folder of folders) {
      try {
        const body = await readFile(join(folder, file));
        const type = TYPES[extname(file)] ?? "application/octet-stream";
        response.writeHead(200, { "content-type": type, "content-security-policy": policy }).end(body);
        return;
      } catch {
        // Not in this folder.
      }
    }
    response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

/** Opens a page and collects everything that goes wrong in it. */
export async function openPage(url) {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const args = ["--no-sandbox", "--no-first-run", ...QUIET.map((name) => `--disable-${name}`)];
  const browser = await chromium.launch({ executablePath, args });
  const page = await browser.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    // A WebSocket that the page's policy forbids, or a module that is missing, would be reported here.
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(url);
  return { page, errors, stop: () => browser.close() };
}
