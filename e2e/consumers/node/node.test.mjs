// Node 20: viem's custom() and ethers' BrowserProvider over the light client, unchanged.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { BrowserProvider } from "ethers";
import { SidelightError, createLightClient, isVerificationError } from "sidelight";
import { createPublicClient, createWalletClient, custom, http, parseEther } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { foundry } from "viem/chains";
import { ALICE, startNode } from "../support/node-lite.mjs";

const BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

/** Returns the 32-byte word 42, whatever it is sent. */
const ANSWER = "0x602a60005260206000f3";

let node;
let client;

before(async () => {
  node = await startNode();
  client = await createLightClient({ chain: "dev", nodes: [node.url], allowUnverified: ["eth_gasPrice"] });
  await client.waitSynced({ signal: AbortSignal.timeout(30_000) });
});

after(async () => {
  await client?.close();
  await node?.stop();
});

test("the head is verified", async () => {
  const { state, head, peers } = await client.status();
  assert.equal(state, "live");
  assert.ok(["signed", "consistent"].includes(head.level));
  assert.equal(peers[0].url, node.url);
});

test("viem reads through it", async () => {
  const viem = createPublicClient({ transport: custom(client.provider) });
  assert.equal(await viem.getChainId(), 31337);
  const balance = await node.rpc("eth_getBalance", [ALICE, "latest"]);
  assert.equal(await viem.getBalance({ address: ALICE }), BigInt(balance));
  assert.equal(await viem.getTransactionCount({ address: ALICE }), 0);
  assert.equal(await viem.getCode({ address: ALICE }), undefined);

  const number = await viem.getBlockNumber();
  const block = await viem.getBlock({ blockNumber: number });
  const theirs = await node.rpc("eth_getBlockByNumber", [`0x${number.toString(16)}`, false]);
  assert.equal(block.hash, theirs.hash);
  assert.equal(block.stateRoot, theirs.stateRoot);

  const proof = await viem.getProof({ address: ALICE, storageKeys: [] });
  assert.equal(proof.balance, BigInt(balance));
});

test("viem calls and estimates through it", async () => {
  const viem = createPublicClient({ transport: custom(client.provider) });
  const { data } = await viem.call({ data: ANSWER });
  assert.equal(BigInt(data), 42n);
  const transfer = { account: ALICE, to: BOB, value: parseEther("1") };
  assert.equal(await viem.estimateGas(transfer), 21_000n);
  await assert.rejects(viem.call({ data: "0x60006000fd" }), /reverted/);
});

test("ethers reads and calls through it", async () => {
  const ethers = new BrowserProvider(client.provider);
  assert.equal((await ethers.getNetwork()).chainId, 31337n);
  const balance = await node.rpc("eth_getBalance", [ALICE, "latest"]);
  assert.equal(await ethers.getBalance(ALICE), BigInt(balance));
  const block = await ethers.getBlock("latest");
  assert.equal(block.hash, (await node.rpc("eth_getBlockByNumber", [`0x${block.number.toString(16)}`, false])).hash);
  assert.equal(BigInt(await ethers.call({ data: ANSWER })), 42n);
  assert.equal(await ethers.estimateGas({ from: ALICE, to: BOB, value: 1n }), 21_000n);
  ethers.destroy();
});

/** Deploys a contract that emits a log with the topic 42 and no data whenever it is called. */
const LOGGER = "0x65602a5f5fa1005f526006601af3";
const TOPIC = `0x${"2a".padStart(64, "0")}`;

test("viem and ethers read transactions, receipts and logs through it", async () => {
  const account = mnemonicToAccount("test test test test test test test test test test test junk", { addressIndex: 5 });
  const wallet = createWalletClient({ account, chain: foundry, transport: http(node.url) });
  const viem = createPublicClient({ transport: custom(client.provider), pollingInterval: 100 });
  const deployed = await viem.waitForTransactionReceipt({ hash: await wallet.deployContract({ abi: [], bytecode: LOGGER }) });
  const address = deployed.contractAddress;
  const filter = await viem.request({ method: "eth_newFilter", params: [{ address }] });
  const heard = new Promise((resolve) => client.provider.on("message", resolve));
  const subscription = await client.provider.request({ method: "eth_subscribe", params: ["logs", { address }] });

  const hash = await wallet.sendTransaction({ to: address });
  const receipt = await viem.waitForTransactionReceipt({ hash });
  assert.equal(receipt.status, "success");
  const theirs = await node.rpc("eth_getTransactionReceipt", [hash]);
  assert.deepEqual(await client.provider.request({ method: "eth_getTransactionReceipt", params: [hash] }), theirs);
  assert.equal((await viem.getTransaction({ hash })).from, account.address.toLowerCase());

  const range = { address, fromBlock: deployed.blockNumber, toBlock: receipt.blockNumber };
  const logs = await viem.getLogs(range);
  assert.equal(logs.length, 1);
  assert.deepEqual([logs[0].transactionHash, logs[0].topics], [hash, [TOPIC]]);
  const changes = await viem.request({ method: "eth_getFilterChanges", params: [filter] });
  assert.deepEqual(changes.map((log) => log.transactionHash), [hash]);
  assert.deepEqual(await viem.request({ method: "eth_getFilterChanges", params: [filter] }), []);
  assert.equal(await viem.request({ method: "eth_uninstallFilter", params: [filter] }), true);
  const { type, data } = await heard;
  assert.deepEqual([type, data.subscription, data.result.transactionHash], ["eth_subscription", subscription, hash]);

  const ethers = new BrowserProvider(client.provider);
  assert.equal((await ethers.getTransactionReceipt(hash)).index, Number(theirs.transactionIndex));
  const again = await ethers.getLogs({ address, fromBlock: Number(deployed.blockNumber), toBlock: Number(receipt.blockNumber), topics: [TOPIC] });
  assert.deepEqual(again.map((log) => log.transactionHash), [hash]);
  assert.equal((await ethers.getTransaction(hash)).to, (await ethers.getTransactionReceipt(hash)).to);
  ethers.destroy();

  const view = await client.logs({ address, fromBlock: "0x0" });
  assert.deepEqual([view.complete, view.from, view.logs.length], [true, 0, 1]);
});

test("a value comes with its label", async () => {
  const { value, trust } = await client.verified({ method: "eth_getBalance", params: [ALICE, "latest"] });
  assert.equal(BigInt(value), BigInt(await node.rpc("eth_getBalance", [ALICE, "latest"])));
  assert.equal(trust.level, "consistent");
  assert.ok(trust.block.number >= 0 && trust.proofBytes > 0);

  const call = await client.verified({ method: "eth_call", params: [{ data: ANSWER }, "latest"] });
  assert.equal(call.trust.level, "consistent");
  assert.ok(call.trust.checks.includes("executed here"));
});

test("an address that was never used is proven absent", async () => {
  const address = "0x000000000000000000000000000000000000dEaD";
  const { value, trust } = await client.verified({ method: "eth_getBalance", params: [address, "latest"] });
  assert.equal(value, "0x0");
  assert.equal(trust.level, "consistent");
});

test("a proof that was saved here verifies here", async () => {
  const file = await client.saveProof({ address: ALICE });
  const verdict = await client.verifyFile(file);
  assert.ok(verdict.ok, verdict.reason);
  const broken = file.replace(/("accountProof":\s*\[\s*"0x)(..)/, (_, head, byte) => head + (byte === "ff" ? "00" : "ff"));
  assert.notEqual(broken, file);
  assert.equal((await client.verifyFile(broken)).ok, false);
});

test("an invalid execution is proven by executing the block here", async () => {
  // Written by the example `fuzz_seeds` of the testkit: one more gas in the header than the transactions use.
  const file = await readFile(new URL("../../fixtures/invalid-execution.json", import.meta.url), "utf8");
  const verdict = await client.verifyFile(file);
  assert.equal(verdict.outcome, "proven", verdict.reason);
  assert.ok(verdict.facts.some(({ value }) => value === "header.gas_used"));
  const other = file.replace('"invalid_execution"', '"state_root_mismatch"');
  assert.equal((await client.verifyFile(other)).outcome, "not_proven");
  assert.equal(await client.evidence(), null);
});

test("what cannot be verified is refused, unless it is allowed by name", async () => {
  const send = client.provider.request({ method: "eth_sendRawTransaction", params: ["0x00"] });
  await assert.rejects(send, { code: 4200 });
  const { value, trust } = await client.verified({ method: "eth_gasPrice" });
  assert.equal(value, await node.rpc("eth_gasPrice"));
  assert.equal(trust.level, "unverified");
});

test("blocks arrive", async () => {
  const block = await new Promise((resolve) => {
    const stop = client.on("block", (block) => {
      stop();
      resolve(block);
    });
  });
  assert.equal(block.hash, (await node.rpc("eth_getBlockByNumber", [`0x${block.number.toString(16)}`, false])).hash);
});

test("a block that does not exist is an error with a code", async () => {
  const far = client.provider.request({ method: "eth_getBalance", params: [ALICE, "0xffffffff"] });
  await assert.rejects(far, { code: -32001 });
});

test("a lie is caught and named, and viem's repetitions do not ask the node again", async () => {
  const errors = [];
  const provider = {
    request: (args) =>
      client.provider.request(args).catch((error) => {
        errors.push(error);
        throw error;
      }),
  };
  await node.rpc("dev_setLie", ["wrong_balance"]);
  const viem = createPublicClient({ transport: custom(provider) });
  const thrown = await viem.getBalance({ address: BOB }).catch((error) => error);
  const caught = thrown.walk((error) => error instanceof SidelightError);
  assert.ok(isVerificationError(caught), String(thrown));
  assert.equal(caught.code, -32090);
  assert.equal(caught.data.method, "eth_getBalance");
  assert.equal(caught.data.peer, node.url);
  assert.notEqual(caught.data.expected, caught.data.got);
  assert.equal(new Set(errors).size, 1);
  assert.equal((await client.status()).faults.length, 1);
});
