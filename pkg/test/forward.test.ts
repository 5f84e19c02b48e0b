// Methods that the caller has allowed, against a real HTTP server that answers badly.
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { forward } from "../dist/forward.js";

let server: Server;
let url: string;
let answer: (body: { method: string; params: unknown[] }) => { status?: number; text: string };

before(async () => {
  server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += chunk));
    request.on("end", () => {
      const { status = 200, text: body } = answer(JSON.parse(text));
      response.writeHead(status).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

after(() => server.close());

test("the answer is labelled unverified, and ws addresses are asked over HTTP", async () => {
  answer = ({ method, params }) => ({ text: JSON.stringify({ result: [method, params] }) });
  const { value, trust } = await forward([`ws://${url}`], "eth_gasPrice", [1]);
  assert.deepEqual(value, ["eth_gasPrice", [1]]);
  assert.equal(trust.level, "unverified");
  assert.equal(trust.block, null);
  assert.equal(trust.source, `ws://${url}`);
});

test("the next node is asked when one does not answer", async () => {
  answer = () => ({ text: '{"result":"0x1"}' });
  const { value } = await forward(["http://127.0.0.1:9", `http://${url}`], "eth_gasPrice", []);
  assert.equal(value, "0x1");
});

test("a node's error keeps its code, unless libraries would ask again", async () => {
  answer = () => ({ text: '{"error":{"code":-32000,"message":"nonce too low"}}' });
  const refused = forward([`http://${url}`], "eth_sendRawTransaction", []);
  await assert.rejects(refused, { code: -32000, message: "nonce too low" });
  answer = () => ({ text: '{"error":{"code":-32603,"message":"internal"}}' });
  await assert.rejects(forward([`http://${url}`], "eth_gasPrice", []), { code: -32000 });
});

test("HTTP errors and answers that are no JSON are no answers", async () => {
  answer = () => ({ status: 500, text: "{}" });
  await assert.rejects(forward([`http://${url}`], "eth_gasPrice", []), { code: 4900 });
  answer = () => ({ text: "<html>" });
  await assert.rejects(forward([`http://${url}`], "eth_gasPrice", []), { code: 4900 });
});

test("an aborted request says so", async () => {
  const signal = AbortSignal.abort();
  await assert.rejects(forward([`http://${url}`], "eth_gasPrice", [], signal), { code: 4001 });
});
