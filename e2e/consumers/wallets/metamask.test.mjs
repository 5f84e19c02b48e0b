// MetaMask's controllers over node-lite: the network is added and understood, transactions are estimated, signed, sent and confirmed.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ALICE, ALICE_KEY, startNode } from "../support/node-lite.mjs";
import { openWallet } from "./metamask.mjs";

const BOB = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";

/** Creation code of a contract that returns the word 42 to every call. */
const CREATE = "0x600a600c600039600a6000f3602a60005260206000f3";

let node;
let wallet;

before(async () => {
  node = await startNode("--block-time", "250ms");
  const key = Buffer.from(ALICE_KEY.slice(2), "hex");
  wallet = await openWallet({ url: node.url, chainId: "0x7a69", address: ALICE.toLowerCase(), key });
});

after(async () => {
  await wallet?.close();
  await node?.stop();
  // A block tracker of MetaMask's that is ended while it asks goes on asking, and would keep this program from ending.
  setTimeout(() => process.exit(), 2_000).unref();
});

test("the network is available, with EIP-1559", async () => {
  assert.equal(wallet.state.status, "available");
  assert.equal(await wallet.hasEip1559(), true);
  assert.equal(await wallet.provider.request({ id: 1, jsonrpc: "2.0", method: "eth_chainId", params: [] }), "0x7a69");
});

test("a transfer is confirmed, with MetaMask's own gas and fees", async () => {
  const before = BigInt(await node.rpc("eth_getBalance", [BOB, "latest"]));
  const { status, hash, txParams } = await wallet.send({ to: BOB, value: "0xde0b6b3a7640000" });
  assert.equal(status, "confirmed");
  assert.equal(txParams.gas, "0x5208");
  assert.equal(BigInt(await node.rpc("eth_getBalance", [BOB, "latest"])), before + 10n ** 18n);
  const { type, from } = await node.rpc("eth_getTransactionByHash", [hash]);
  assert.deepEqual([type, from], ["0x2", ALICE.toLowerCase()]);
});

test("a contract is deployed and answers through the wallet", async () => {
  const { status, hash } = await wallet.send({ data: CREATE });
  assert.equal(status, "confirmed");
  const { contractAddress } = await node.rpc("eth_getTransactionReceipt", [hash]);
  const call = { id: 2, jsonrpc: "2.0", method: "eth_call", params: [{ to: contractAddress }, "latest"] };
  assert.equal(BigInt(await wallet.provider.request(call)), 42n);
});

test("a call that reverts reaches the page as Ethereum's error", async () => {
  const call = { id: 3, jsonrpc: "2.0", method: "eth_call", params: [{ data: "0x60006000fd" }, "latest"] };
  await assert.rejects(wallet.provider.request(call), (error) => error.data.code === 3 && /reverted/.test(error.data.message));
});

test("two transactions at once get nonces one after the other", async () => {
  const sent = await Promise.all([wallet.send({ to: BOB, value: "0x1" }), wallet.send({ to: BOB, value: "0x2" })]);
  assert.deepEqual(sent.map(({ status }) => status), ["confirmed", "confirmed"]);
  const [first, second] = sent.map(({ txParams }) => Number(txParams.nonce)).sort((a, b) => a - b);
  assert.equal(second, first + 1);
});
