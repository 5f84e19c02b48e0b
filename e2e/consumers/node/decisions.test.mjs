// A digit is read here, committed on a real chain, and judged by a second client; then everything that can be forged is forged.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createWalletClient, defineChain, http, publicActions } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { createLightClient } from "sidelight";
import { closeEngines, commitDecision, commitDecisions, infer, listModels, loadModel, openModel, valuesOf, verifyDecision } from "sidelight/decisions";
import { program, startNode } from "../support/node-lite.mjs";

// The last account of the usual test mnemonic pays; the executor is a key of its own, which has nothing.
const PAYER = "0xdf57089febbacf7ba0bc227dafbffa9fc08a93fdc68e1e42411a14efcf23656e";
const DEPLOYER = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const EXECUTOR = `0x${"51".repeat(32)}`;
const THREE = [
  0, 0, 7, 15, 13, 1, 0, 0, 0, 8, 13, 6, 15, 4, 0, 0, 0, 2, 1, 13, 13, 0, 0, 0, 0, 0, 2, 15, 11, 1, 0, 0, 0, 0, 0, 1, 12, 12, 1, 0, 0, 0, 0, 0, 1, 10, 8, 0, 0, 0, 8, 4, 5, 14, 9, 0, 0, 0, 7,
  13, 13, 9, 0, 0,
];

let node;
let client;
let committed;
let options;

before(async () => {
  node = await startNode();
  client = await createLightClient({ chain: "dev", nodes: [node.url] });
  await client.waitSynced({ signal: AbortSignal.timeout(30_000) });
  options = { client, nodes: [node.url] };
});

after(async () => {
  await closeEngines();
  await client?.close();
  await node?.stop();
});

/** A node that serves models, and a client that follows it. */
async function startWorker(t) {
  const worker = await startNode("--models", fileURLToPath(new URL("../../../edge-runtime/models", import.meta.url)));
  const reader = await createLightClient({ chain: "dev", nodes: [worker.url] });
  t.after(async () => {
    await reader.close();
    await worker.stop();
  });
  await reader.waitSynced({ signal: AbortSignal.timeout(30_000) });
  return { worker, reader };
}

/** What is not `null`, as soon as it is there. */
async function until(look) {
  for (let round = 0; round < 40; round++) {
    const found = await look();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error("not within ten seconds");
}

/** A contract account whose owner has the key `DEPLOYER`; `close` makes it refuse everything. */
async function deployAccount() {
  const { abi, bytecode } = JSON.parse(await readFile(new URL("../../../node-lite/contracts/artifacts/OwnedAccount.json", import.meta.url), "utf8"));
  const owner = privateKeyToAccount(DEPLOYER);
  const chain = defineChain({ id: 31_337, name: "dev", nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 }, rpcUrls: { default: { http: [node.url] } } });
  const wallet = createWalletClient({ account: owner, chain, transport: http() }).extend(publicActions);
  const { contractAddress: account } = await wallet.waitForTransactionReceipt({ hash: await wallet.deployContract({ abi, bytecode, args: [owner.address] }) });
  const close = async () => wallet.waitForTransactionReceipt({ hash: await wallet.writeContract({ address: account, abi, functionName: "close" }) });
  return { account, close };
}

const commit = (inference, more = {}) => commitDecision(inference, { ...options, key: EXECUTOR, payer: PAYER, ...more });

test("every model that comes with the package runs, and says where", async () => {
  const manifests = await listModels();
  assert.ok(manifests.length >= 6, String(manifests.length));
  for (const { id, inputs } of manifests) {
    const values = Object.fromEntries(inputs.map(({ name, shape }) => [name, Array(shape.reduce((a, b) => a * Math.abs(b), 1)).fill(1)]));
    const { outputs, where, runtime } = await infer(id, values);
    assert.ok(outputs.every((tensor) => valuesOf(tensor).every(Number.isFinite)), id);
    assert.equal(where.place, "device");
    assert.equal(runtime.detClass, 0);
  }
});

test("a digit is read, committed and reproduced by its hash alone", async () => {
  const inference = await infer("digits-mlp-int8", { image: THREE });
  const logits = valuesOf(inference.outputs[0]);
  assert.equal(logits.indexOf(Math.max(...logits)), 3);
  committed = await commit(inference);
  assert.equal(committed.stored.error, null);

  const verdict = await verifyDecision(committed.hash, options);
  assert.equal(verdict.failure, null);
  assert.ok(verdict.ok);
  assert.equal(verdict.level, "reproduced");
  assert.equal(verdict.hash, committed.hash);
  assert.equal(verdict.anchored.block, committed.block);
  assert.equal(verdict.trust.level, "consistent");
  assert.equal(verdict.rerun.agreement, "exact");
  assert.deepEqual(verdict.checks.map(({ name, state }) => `${name} ${state}`), [
    "parts holds", "signature holds", "batch holds", "storage holds", "anchor holds", "model holds", "rerun holds",
  ]);
});

test("the file says the same as the hash, and the first level alone runs nothing", async () => {
  const verdict = await verifyDecision(committed.text, { client, level: "committed" });
  assert.ok(verdict.ok);
  assert.equal(verdict.level, "committed");
  assert.equal(verdict.rerun, null);
});

test("a chain of decisions names its parents", async () => {
  const child = await commit(await infer("digits-mlp-f32", { image: THREE }), { parent: committed.hash, isPublic: true });
  const verdict = await verifyDecision(child.hash, options);
  assert.ok(verdict.ok, verdict.failure?.message);
  assert.equal(verdict.record.decision.parent, committed.hash);
  assert.equal(BigInt(verdict.record.input.salt), 0n);
});

test("a traced run commits to the value of every operator, and a changed root shows", async () => {
  const run = await infer("digits-cnn-f32", { image: THREE }, { trace: true });
  assert.ok(run.trace.values.length >= 6, String(run.trace.values.length));
  assert.equal(run.runtime.optimise, false);
  const last = run.trace.values.at(-1);
  assert.equal(last.name, run.outputs[0].name);
  const made = await commit(run);
  assert.equal(made.record.decision.traceRoot, run.trace.root);
  const verdict = await verifyDecision(made.hash, options);
  assert.equal(verdict.level, "reproduced", verdict.failure?.message);
  assert.deepEqual(verdict.checks.at(-1).name, "trace");
  assert.equal(verdict.checks.at(-1).state, "holds");
  const forged = await commit({ ...run, trace: { ...run.trace, root: committed.hash } });
  const refused = await verifyDecision(forged.hash, options);
  assert.deepEqual([refused.level, refused.failure.field, refused.failure.got], ["committed", "traceRoot", run.trace.root]);
  await assert.rejects(infer("digits-cnn-f32", { image: THREE }, { trace: true, optimise: true }), (error) => error.code === -32602);
});

test("many runs are one transaction, and each is verified by itself", async () => {
  const runs = [];
  for (const id of ["digits-mlp-int8", "digits-mlp-f32", "digits-cnn-int8", "digits-mlp-int8", "digits-mlp-int8"]) runs.push(await infer(id, { image: THREE }));
  const all = await commitDecisions(runs, { ...options, key: EXECUTOR, payer: PAYER });
  assert.equal(new Set(all.map(({ transaction }) => transaction)).size, 1);
  assert.equal(new Set(all.map(({ hash }) => hash)).size, 5);
  for (const { hash, record } of all) {
    const verdict = await verifyDecision(hash, options);
    assert.equal(verdict.level, "reproduced", verdict.failure?.message);
    assert.deepEqual([verdict.anchored.count, verdict.record.batch.proof.length > 0], [5, true]);
    assert.equal(verdict.record.batch.root, all[0].record.batch.root);
    assert.equal(verdict.record.decision.modelHash, record.decision.modelHash);
  }
  const nonces = all.map(({ record }) => BigInt(record.decision.nonce));
  assert.ok(nonces.every((nonce, at) => at === 0 || nonce > nonces[at - 1]), String(nonces));
  // A neighbour's path leads elsewhere.
  const swapped = { ...all[0].record, batch: all[1].record.batch };
  const refused = await verifyDecision(swapped, options);
  assert.deepEqual([refused.level, refused.failure.field], [null, "batch.proof"]);
  await assert.rejects(commitDecisions([], { ...options, key: EXECUTOR }), (error) => error.code === -32602);
});

test("an executor who signs another output is caught by the tensor and the index", async () => {
  const inference = await infer("digits-mlp-int8", { image: THREE });
  const outputs = inference.outputs.map((tensor) => ({ ...tensor, bytes: tensor.bytes.slice() }));
  outputs[0].bytes[7 * 4] ^= 1;
  const forged = await commit({ ...inference, outputs });
  const verdict = await verifyDecision(forged.hash, options);
  assert.equal(verdict.level, "committed");
  assert.equal(verdict.ok, false);
  const { level, field, kind, tensor, index } = verdict.failure;
  assert.deepEqual({ level, field, kind, tensor, index }, { level: "reproduced", field: "output", kind: "false", tensor: "logits", index: 7 });
});

/** Every value of a record, by its path. */
function* leaves(value, path = []) {
  if (typeof value !== "object") yield path;
  else for (const [key, inner] of Object.entries(value)) yield* leaves(inner, [...path, key]);
}

/** One bit of a value, in the shape of its field. */
function flip(value) {
  if (typeof value === "number") return value ^ 1;
  if (/^0x/.test(value)) return value.slice(0, -1) + (parseInt(value.at(-1), 16) ^ 1).toString(16);
  if (/^[0-9]+$/.test(value)) return String(BigInt(value) ^ 1n);
  return String.fromCharCode(value.charCodeAt(0) ^ 1) + value.slice(1);
}

test("one changed bit of any field takes the first level away, by the name of the field", async () => {
  const names = new Set();
  for (const path of leaves(committed.record)) {
    const record = structuredClone(committed.record);
    const last = path.at(-1);
    const owner = path.slice(0, -1).reduce((value, key) => value[key], record);
    owner[last] = flip(owner[last]);
    const verdict = await verifyDecision(record, options);
    assert.equal(verdict.level, null, path.join("."));
    assert.equal(verdict.failure.level, "committed", path.join("."));
    assert.equal(verdict.failure.kind, "false");
    names.add(verdict.failure.field);
  }
  for (const name of ["type", "chainId", "registry", "modelHash", "runtimeHash", "inputCommit", "outputCommit", "signature", "batch.proof"]) {
    assert.ok(names.has(name), name);
  }
});

test("a decision that nobody anchored, or of another branch, is not committed", async () => {
  const inference = await infer("digits-mlp-int8", { image: THREE });
  // A client that shows another branch: the anchor block has another hash.
  const elsewhere = {
    verified: async (args) => {
      const answer = await client.verified(args);
      return args.method === "eth_getBlockByNumber" ? { ...answer, value: { ...answer.value, hash: `0x${"ab".repeat(32)}` } } : answer;
    },
  };
  const branch = await verifyDecision(committed.hash, { ...options, client: elsewhere });
  assert.deepEqual([branch.failure.level, branch.failure.field], ["committed", "anchorHash"]);
  // The same with a slot that says nothing.
  const empty = { verified: async (args) => (args.method === "eth_getStorageAt" ? { ...(await client.verified(args)), value: `0x${"00".repeat(32)}` } : client.verified(args)) };
  const loose = await verifyDecision(committed.hash, { ...options, client: empty });
  assert.deepEqual([loose.failure.level, loose.failure.field], ["committed", "batch.root"]);
  const { batch, ...unanchored } = committed.record;
  assert.ok(batch);
  const missing = await verifyDecision(unanchored, options);
  assert.deepEqual([missing.failure.field, missing.failure.kind], ["batch", "missing"]);
  assert.ok(inference);
});

test("a contract account decides by its owner's key, and is asked again by whoever verifies", async () => {
  const { account, close } = await deployAccount();
  const inference = await infer("digits-mlp-int8", { image: THREE });

  // Who may not sign for the account finds out before paying.
  const forged = commit(inference, { key: EXECUTOR, account });
  await assert.rejects(forged, (error) => error.data?.field === "signature");

  const made = await commit(inference, { key: DEPLOYER, account });
  assert.equal(made.record.decision.executor.toLowerCase(), account.toLowerCase());
  assert.equal(made.stored.error, null, "a node asks the contract as well");
  const verdict = await verifyDecision(made.hash, options);
  assert.equal(verdict.level, "reproduced", verdict.failure?.message);
  assert.match(verdict.checks.find(({ name }) => name === "signature").text, /a contract, accepts its signature in block \d+/);
  assert.equal(verdict.trust.level, "consistent");

  // One bit of the signature: the contract says no.
  const other = structuredClone(made.record);
  other.signature = other.signature.replace(/^0x./, (digits) => (digits === "0x0" ? "0x1" : "0x0"));
  const refused = await verifyDecision(other, options);
  assert.deepEqual([refused.level, refused.failure.field], [null, "signature"]);

  // A contract that reverts accepts nothing. Verdicts are of the newest block.
  await close();
  const closed = await until(async () => {
    const later = await verifyDecision(made.record, options);
    return later.ok ? null : later;
  });
  assert.deepEqual([closed.level, closed.failure.field], [null, "signature"]);
});

test("a model file with one changed bit is refused by the name of its hash", async () => {
  const { manifestText, file } = await loadModel("digits-mlp-int8");
  const broken = file.slice();
  broken[broken.length >> 1] ^= 1;
  await assert.rejects(openModel(manifestText, broken), (error) => error.data.field === "sha256");
  await assert.rejects(openModel(manifestText, file.slice(1)), (error) => error.data.field === "bytes");
  // The right file, and a manifest that names another graph.
  const { graphRoot } = JSON.parse(manifestText);
  const elsewhere = manifestText.replace(graphRoot, graphRoot.replace(/.$/, (digit) => (digit === "0" ? "1" : "0")));
  await assert.rejects(openModel(elsewhere, file), (error) => error.data.field === "graphRoot" && error.data.got === graphRoot);
  // Another model under its own honest manifest is not the decision's.
  const other = await loadModel("digits-mlp-f32");
  const verdict = await verifyDecision(committed.hash, { ...options, models: other });
  assert.deepEqual([verdict.level, verdict.failure.field, verdict.failure.kind], ["committed", "model.fileSha256", "unsupported"]);
  // The right file under a manifest that describes it otherwise.
  const renamed = await openModel(manifestText.replace("argmax/1", "probability/1"), file);
  const lied = await verifyDecision(committed.hash, { ...options, models: renamed });
  assert.deepEqual([lied.failure.level, lied.failure.field], ["reproduced", "modelHash"]);
});

test("a file that a node gives for another hash is refused", async () => {
  const other = await commit(await infer("digits-mlp-int8", { image: THREE }));
  const swap = globalThis.fetch;
  globalThis.fetch = async (url, init) => {
    const response = await swap(url, init);
    if (!String(init?.body).includes("lite_getDecision")) return response;
    return Response.json({ jsonrpc: "2.0", id: 1, result: other.record });
  };
  try {
    const verdict = await verifyDecision(committed.hash, options);
    assert.deepEqual([verdict.level, verdict.hash, verdict.failure.field], [null, null, "hash"]);
  } finally {
    globalThis.fetch = swap;
  }
});

test("what a model cannot take is refused, and the next run works", async () => {
  await assert.rejects(infer("digits-mlp-int8", { image: THREE.slice(1) }), { code: -32602 });
  await assert.rejects(infer("digits-mlp-int8", { image: THREE.map(() => 256) }), { code: -32602 });
  await assert.rejects(infer("digits-mlp-int8", { image: THREE.map(() => NaN) }), { code: -32602 });
  await assert.rejects(infer("digits-mlp-int8", { picture: THREE }), { code: -32602 });
  const shapeless = { name: "image", dtype: "UINT8", shape: [1, 65], bytes: new Uint8Array(65) };
  await assert.rejects(infer("digits-mlp-int8", [shapeless]), { code: -32602 });
  const { manifest, manifestText } = await loadModel("digits-mlp-int8");
  const garbage = new Uint8Array(manifest.bytes).fill(7);
  await assert.rejects(infer({ manifest, manifestText, file: garbage, from: "caller" }, { image: THREE }, { optimise: false }), { code: -32602 });
  await assert.rejects(infer("digits-cnn-f32", { image: THREE }, { signal: AbortSignal.abort() }), { code: 4001 });
  const again = await infer("digits-mlp-int8", { image: THREE });
  assert.equal(again.outputs[0].shape.join(), "1,10");
});

test("a model that takes too long ends its worker, and the next run works", async () => {
  // A worker alone takes longer to start.
  await assert.rejects(infer("digits-mlp-f32", { image: THREE }, { timeoutMs: 0.001, optimise: false }), { code: -32002 });
  const again = await infer("digits-mlp-f32", { image: THREE }, { optimise: false });
  assert.equal(again.outputs[0].shape.join(), "1,10");
});

/** A file whose maker says the truth about its graph, whatever that is. */
function openAs(text, file) {
  return openModel(text, file).catch((error) => {
    const { field, expected, got } = error.data ?? {};
    if (field !== "graphRoot" || !got) throw error;
    return openModel(text.replace(expected, got), file);
  });
}

test("no damaged model file ends more than its worker", async () => {
  const { manifest, manifestText, file } = await loadModel("digits-mlp-f32");
  const codes = new Set();
  for (let round = 0; round < 40; round++) {
    const broken = file.slice();
    // The first bytes describe the graph; the rest are weights, where a changed bit is another number.
    broken[(round * 13) % 400] ^= 1 << (round % 8);
    const sha256 = createHash("sha256").update(broken).digest("hex");
    const run = await openAs(manifestText.replace(manifest.sha256, sha256), broken)
      .then((model) => infer(model, { image: THREE }))
      .then(() => "ran", (error) => error.code);
    assert.ok(["ran", -32602, -32000, 4200].includes(run), String(run));
    codes.add(run);
  }
  assert.ok(codes.has(-32602), [...codes].join());
  const again = await infer("digits-mlp-f32", { image: THREE });
  assert.equal(again.outputs[0].shape.join(), "1,10");
});

test("a node runs what it is asked to, and this device checks its word", async (t) => {
  if (process.env.SIDELIGHT_NODE) return t.skip("takes a node with models");
  const { worker, reader } = await startWorker(t);
  const nodes = [worker.url];
  const run = await infer("digits-mlp-int8", { image: THREE }, { where: "node", nodes, client: reader });
  assert.equal(run.where.place, "node");
  assert.equal(run.where.node, worker.url);
  assert.match(run.where.reason, /a node was asked for; there: the task asks for an exact class/);
  assert.equal(run.runtime.detClass, 0);
  assert.deepEqual(run.outputs, (await infer("digits-mlp-int8", { image: THREE })).outputs);
  // What is not anchored yet is nobody's.
  assert.equal((await verifyDecision(run.decision.text, { client: reader })).failure.field, "batch");

  const { hash, stored, transaction, block } = await commitDecision(run, { client: reader, nodes, key: EXECUTOR });
  assert.deepEqual([hash, transaction, stored.error], [run.decision.hash, null, null]);
  assert.ok(block > 0);
  const verdict = await verifyDecision(hash, { client: reader, nodes });
  assert.deepEqual([verdict.level, verdict.rerun.agreement], ["reproduced", "exact"]);
  assert.equal(verdict.record.decision.taskHash, run.decision.taskHash);
});

test("a node cannot answer another request, nor change what it signed", async (t) => {
  if (process.env.SIDELIGHT_NODE) return t.skip("takes a node with models");
  const { worker, reader } = await startWorker(t);
  const options = { where: "node", nodes: [worker.url], client: reader };
  const { decision: other } = await infer("digits-mlp-int8", { image: THREE }, options);
  const honest = globalThis.fetch;
  t.after(() => (globalThis.fetch = honest));
  const answer = (change) => {
    globalThis.fetch = async (url, init) => {
      const response = await honest(url, init);
      if (!String(url).endsWith("/infer")) return response;
      const body = await response.json();
      change(body.parameters);
      return Response.json(body);
    };
  };
  const refused = (field) => (error) => error.code === -32090 && error.data.field === field && error.data.peer === worker.url;
  answer((parameters) => (parameters.decision = other.text));
  await assert.rejects(infer("digits-mlp-int8", { image: THREE }, options), refused("decision.taskHash"));
  answer((parameters) => {
    const record = JSON.parse(parameters.decision);
    const [tensor] = record.output.tensors;
    tensor.bytes = tensor.bytes.slice(0, -1) + (tensor.bytes.endsWith("0") ? "1" : "0");
    parameters.decision = JSON.stringify(record);
  });
  await assert.rejects(infer("digits-mlp-int8", { image: THREE }, options), refused("outputCommit"));
  answer((parameters) => delete parameters.decision);
  await assert.rejects(infer("digits-mlp-int8", { image: THREE }, options), refused("parameters.decision"));
  globalThis.fetch = honest;
  // A node without models, then one with: the second runs it. None: a word for it, and no other way in silence.
  const run = await infer("digits-mlp-int8", { image: THREE }, { ...options, nodes: [node.url, worker.url] });
  assert.equal(run.where.node, worker.url);
  await assert.rejects(infer("digits-mlp-int8", { image: THREE }, { ...options, nodes: [node.url] }), { code: 4200 });
  await assert.rejects(infer("digits-mlp-int8", { image: THREE }, { where: "node" }), { code: 4200 });
});

test("a decision that a node made itself is judged as any other", async (t) => {
  if (process.env.SIDELIGHT_NODE) return t.skip("takes a node with models");
  const { worker, reader } = await startWorker(t);
  const response = await fetch(`${worker.url}/v2/models/digits-mlp-int8/infer`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ inputs: [{ name: "image", datatype: "UINT8", shape: [1, 64], data: THREE }], parameters: { decision: true, backend: "pinned" } }),
  });
  const { parameters } = await response.json();
  let verdict;
  for (let tries = 0; tries < 60 && !verdict?.level; tries++) {
    // It is anchored in the next block or two.
    await new Promise((resolve) => setTimeout(resolve, 500));
    verdict = await verifyDecision(parameters.decision_hash, { client: reader, nodes: [worker.url] });
  }
  assert.equal(verdict.failure, null);
  assert.equal(verdict.level, "reproduced");
  assert.equal(verdict.rerun.agreement, "exact");
});

test("a server that has a page for every address has made no decision", async (t) => {
  // JSON-RPC is the node's; everything else is HTML, as a server of a single page answers.
  const server = createServer(async (request, response) => {
    if (request.method !== "POST") return response.setHeader("content-type", "text/html").end("<!doctype html><title>page</title>");
    const answer = await fetch(node.url, { method: "POST", headers: { "content-type": "application/json" }, body: request, duplex: "half" });
    response.setHeader("content-type", "application/json").end(await answer.text());
  }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const wanted = verifyDecision(`0x${"12".repeat(32)}`, { client, nodes: [`http://127.0.0.1:${server.address().port}`] });
  await assert.rejects(wanted, /decision not found/);
});

test("the command line judges it as well: a light client of its own, then the model again", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "sidelight-edge-"));
  t.after(() => rm(folder, { recursive: true }));
  const edge = async (...words) => {
    const models = fileURLToPath(new URL("../../../edge-runtime/models", import.meta.url));
    const flags = ["--models", models, "--data", folder, "--backend", "pinned"];
    const child = spawn(program("SIDELIGHT_EDGE", "sidelight-edge"), [...flags, "verify", ...words, "--node", node.url], { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (chunk) => (text += chunk));
    const [status] = await once(child, "close");
    return { status, text };
  };
  const byHash = await edge(committed.hash);
  assert.match(byHash.text, /holds +L0 +anchored by 0x[0-9a-fA-F]{40} in block \d+, proven by storage/);
  assert.match(byHash.text, /holds +L1 +the same result on this device, bit for bit/);
  assert.equal(byHash.status, 0);
  // The file, with a path that leads to a batch that nobody anchored.
  const file = join(folder, "decision.json");
  await writeFile(file, committed.text);
  assert.equal((await edge(file)).status, 0);
  const { batch, ...loose } = committed.record;
  await writeFile(file, JSON.stringify({ ...loose, batch: { root: committed.hash, proof: [] } }));
  const unanchored = await edge(file);
  assert.match(unanchored.text, /refused +(L0|parts) /);
  assert.notEqual(unanchored.status, 0);
  assert.ok(batch);
  // An executor that is a contract is asked, on state that the light client proves.
  const { account, close } = await deployAccount();
  const { hash } = await commit(await infer("digits-mlp-int8", { image: THREE }), { key: DEPLOYER, account });
  const asked = await edge(hash);
  assert.match(asked.text, /holds +parts +accepted by the contract 0x[0-9a-fA-F]{40} in block \d+/);
  assert.match(asked.text, /holds +L1/);
  assert.equal(asked.status, 0);
  await close();
  const refused = await edge(hash);
  assert.match(refused.text, /refused +parts +signature: expected 0x1626ba7e0+ of the executor/);
  assert.notEqual(refused.status, 0);
});

test("what a node keeps is judged before it is kept", async () => {
  const put = (record) => node.rpc("lite_putDecision", [record]);
  const { batch, ...unanchored } = committed.record;
  assert.ok(batch);
  await assert.rejects(put(unanchored), /batch/);
  await assert.rejects(put({ ...committed.record, chainId: 1 }), /chainId/);
  await assert.rejects(put({ ...committed.record, extra: 1 }), /extra/);
  await assert.rejects(put({ ...committed.record, signature: `0x${"11".repeat(65)}` }), /signature/);
  assert.equal(await put(committed.record), committed.hash);
  await assert.rejects(node.rpc("lite_getDecision", [`0x${"00".repeat(32)}`]), /decision not found/);
});

test("the README's lines are the API", async () => {
  const readme = await readFile(new URL("../../../pkg/README.md", import.meta.url), "utf8");
  for (const name of ["infer", "commitDecision", "verifyDecision"]) assert.ok(readme.includes(name), name);
});
