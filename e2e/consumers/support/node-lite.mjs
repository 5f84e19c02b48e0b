// A development node: the one at SIDELIGHT_NODE, or one of our own on a free port.
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { homedir } from "node:os";

/** The first account of the usual test mnemonic. */
export const ALICE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

/** Her private key. */
export const ALICE_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/** A program of this workspace; `cargo xtask test` names them. */
export function program(variable, name) {
  const { CARGO_TARGET_DIR, XDG_CACHE_HOME } = process.env;
  const cache = XDG_CACHE_HOME ?? `${homedir()}/.cache`;
  const target = CARGO_TARGET_DIR ?? `${cache}/sidelight/target`;
  return process.env[variable] ?? `${target}/debug/${name}`;
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a node; `stop` ends it, or takes back what it was told if it is not ours. */
export async function startNode(...flags) {
  const given = process.env.SIDELIGHT_NODE;
  if (given) {
    const node = { url: given, rpc: (method, params) => rpc(given, method, params) };
    return { ...node, stop: () => node.rpc("dev_setLie", ["none"]) };
  }
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(program("SIDELIGHT_NODE_LITE", "node-lite"), ["--dev", "--port", String(port), ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  let ended = false;
  const keep = (chunk) => (log = (log + chunk).slice(-16_384));
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  child.on("error", (error) => keep(error.message));
  child.on("close", () => (ended = true));
  const stop = async () => {
    if (ended) return;
    const gone = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGTERM");
    const impatient = setTimeout(() => child.kill("SIGKILL"), 8_000);
    await gone;
    clearTimeout(impatient);
  };
  for (let tries = 0; tries < 150 && !ended; tries++) {
    try {
      await rpc(url, "eth_blockNumber");
      return { url, rpc: (method, params) => rpc(url, method, params), stop };
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  await stop();
  throw new Error(`node-lite does not answer:\n${log}`);
}

async function rpc(url, method, params = []) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const { result, error } = await response.json();
  if (error) throw new Error(`${method}: ${error.code} ${error.message}`);
  return result;
}
