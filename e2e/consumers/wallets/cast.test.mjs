// Foundry's `cast`, unchanged, reads from node-lite, sends to it and deploys on it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { ALICE, ALICE_KEY, startNode } from "../support/node-lite.mjs";

const BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

/** Creation code of a contract that returns the word 42 to every call. */
const CREATE = "0x600a600c600039600a6000f3602a60005260206000f3";

const BIN = fileURLToPath(new URL("../node_modules/.bin/cast", import.meta.url));
const run = promisify(execFile);

let node;
before(async () => (node = await startNode("--block-time", "250ms")));
after(() => node?.stop());

/** What `cast` prints, without the line's end. Its npm wrapper ends with status 0 when `cast` fails. */
async function cast(command, ...args) {
  const { stdout, stderr } = await run(BIN, [command, "--rpc-url", node.url, ...args], { timeout: 60_000 });
  if (stdout === "") throw new Error(`cast ${command}: ${stderr}`);
  return stdout.trim();
}

const send = async (...args) => JSON.parse(await cast("send", "--private-key", ALICE_KEY, "--json", ...args));

test("reads", async () => {
  assert.equal(await cast("chain-id"), "31337");
  assert.equal(BigInt(await cast("balance", BOB)), BigInt(await node.rpc("eth_getBalance", [BOB, "latest"])));
  assert.equal(await cast("nonce", BOB), "0");
  assert.equal(await cast("code", BOB), "0x");
  const number = await cast("block-number");
  const { hash } = await node.rpc("eth_getBlockByNumber", [`0x${BigInt(number).toString(16)}`, false]);
  assert.equal(await cast("block", number, "--field", "hash"), hash);
  assert.ok(BigInt(await cast("gas-price")) > 0n);
  const proof = JSON.parse(await cast("proof", ALICE));
  assert.equal(proof.address.toLowerCase(), ALICE.toLowerCase());
  assert.ok(proof.accountProof.length > 0);
});

test("sends with today's fees and with a gas price", async () => {
  const before = BigInt(await cast("balance", BOB));
  for (const fees of [[], ["--legacy"]]) {
    const receipt = await send(BOB, "--value", "1ether", ...fees);
    assert.equal(receipt.status, "0x1");
    assert.equal(await cast("receipt", receipt.transactionHash, "blockHash"), receipt.blockHash);
    assert.equal(await cast("tx", receipt.transactionHash, "to"), BOB);
  }
  assert.equal(BigInt(await cast("balance", BOB)), before + 2n * 10n ** 18n);
});

test("deploys, calls, estimates and says why a call fails", async () => {
  const { contractAddress } = await send("--create", CREATE);
  assert.equal(await cast("call", contractAddress, "answer()(uint256)"), "42");
  assert.ok(BigInt(await cast("estimate", contractAddress, "answer()")) > 21_000n);
  const list = await cast("access-list", contractAddress, "answer()");
  assert.match(list, /gas used/i);
  await assert.rejects(cast("call", "--create", "0x60006000fd"), /reverted/);
});

test("finds no log where there is none", async () => {
  assert.equal(await cast("logs", "--from-block", "0", "--to-block", "latest", "--address", BOB, "--json"), "[]");
});
