// docs/vectors/decision.json, computed again with viem and OpenZeppelin's library. The types below are written out once more: they are the specification, not the output of ours.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { SimpleMerkleTree, StandardMerkleTree } from "@openzeppelin/merkle-tree";
import { concat, hashStruct, hashTypedData, hexToBytes, keccak256, numberToHex, recoverTypedDataAddress, stringToHex } from "viem";

const vectors = JSON.parse(readFileSync(new URL("../../docs/vectors/decision.json", import.meta.url), "utf8"));

const fields = (text) => text.split(",").map((field) => field.trim().split(" ")).map(([type, name]) => ({ type, name }));
const types = {
  Decision: fields(
    "bytes32 taskHash, bytes32 modelHash, bytes32 runtimeHash, bytes32 inputCommit, bytes32 outputCommit, bytes32 traceRoot, bytes32 zkInput, bytes32 parent, address executor, " +
      "address requester, uint256 agentId, uint64 nonce, uint64 anchorBlock, bytes32 anchorHash, uint64 issuedAt, uint8 maxLevel",
  ),
  Model: fields(
    "bytes32 fileSha256, uint64 fileBytes, string format, uint32 opset, bytes32 graphRoot, bytes32 ioSchema, bytes32 omsBundle, uint64 macs, uint64 peakBytes, bytes32 parentModel",
  ),
  Port: fields("string name, uint8 dtype, int64[] shape"),
  IoSchema: fields("Port[] inputs, Port[] outputs, string preprocess, string postprocess"),
  Runtime: fields("uint8 detClass, bytes32 engineSha256, string engine, bytes32 optionsHash, bytes32 sampling, uint64 atolE9, uint64 rtolE9"),
  IoCommit: fields("uint8 role, bytes32 salt, bytes32[] tensors"),
  Tensor: fields("string name, uint8 dtype, uint64[] shape, uint64 byteLength, bytes32 root"),
  TaskRequest: fields(
    "bytes32 modelHash, bytes32 inputCommit, uint8 kind, uint8 minLevel, uint8 detClass, uint64 deadline, uint256 maxFee, bool localOnly, address requester, uint64 nonce",
  ),
};
const struct = (primaryType, data) => hashStruct({ primaryType, data, types });

function treeRoot(leaves) {
  let level = leaves;
  while (level.length > 1) {
    const next = [];
    for (let at = 0; at < level.length; at += 2) next.push(at + 1 < level.length ? keccak256(concat(["0x01", level[at], level[at + 1]])) : level[at]);
    level = next;
  }
  return level[0];
}
const leaf = (at, content) => keccak256(concat(["0x00", numberToHex(at, { size: 4 }), content]));

function tensorRoot(hex) {
  const chunks = hex === "0x" ? ["0x"] : hex.slice(2).match(/.{1,2048}/g).map((chunk) => `0x${chunk}`);
  return treeRoot(chunks.map((chunk, at) => leaf(at, chunk)));
}

test("roots and hashes of tensors", () => {
  for (const tensor of vectors.tensors) {
    assert.equal(tensorRoot(tensor.bytes), tensor.root, tensor.name);
    assert.equal(struct("Tensor", { ...tensor, byteLength: hexToBytes(tensor.bytes).length }), tensor.hash, tensor.name);
  }
});

test("the canonical NaN of each type, and minus zero", () => {
  const bytes = Object.fromEntries(vectors.tensors.map(({ name, bytes }) => [name, bytes]));
  assert.equal(bytes.floats, "0x0000c07f" + "00000080" + "0000807f" + "0000c03f");
  assert.equal(bytes.half, "0x007e0080003c");
  assert.equal(bytes.brain, "0xc07f");
  assert.equal(bytes.double, "0x000000000000f87f");
});

test("the message of tensors", () => {
  const little = (value, size) => {
    const bytes = Buffer.alloc(size);
    for (let at = 0, rest = BigInt(value); at < size; at++, rest >>= 8n) bytes[at] = Number(rest & 255n);
    return bytes;
  };
  const sorted = vectors.tensors.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const parts = sorted.flatMap(({ name, dtype, shape, bytes }) => {
    const data = hexToBytes(bytes);
    return [little(name.length, 2), Buffer.from(name), Buffer.from([dtype, shape.length]), ...shape.map((size) => little(size, 8)), little(data.length, 8), data];
  });
  assert.deepEqual(vectors.message.tensors, sorted.map(({ name }) => name));
  assert.equal(`0x${Buffer.concat([little(sorted.length, 4), ...parts]).toString("hex")}`, vectors.message.bytes);
});

test("commitments", () => {
  for (const { hash, ...commit } of vectors.commitments) assert.equal(struct("IoCommit", commit), hash);
});

test("models, schemas, runtimes, options and tasks", () => {
  assert.equal(struct("IoSchema", vectors.schema.value), vectors.schema.hash);
  assert.equal(vectors.model.value.ioSchema, vectors.schema.hash);
  assert.equal(struct("Model", vectors.model.value), vectors.model.hash);
  assert.equal(struct("Runtime", vectors.runtime.value), vectors.runtime.hash);
  for (const { json, hash } of vectors.options) assert.equal(keccak256(stringToHex(json)), hash);
  assert.equal(struct("TaskRequest", vectors.task.value), vectors.task.hash);
  const { domain, task } = vectors;
  assert.equal(hashTypedData({ domain, types: { TaskRequest: types.TaskRequest }, primaryType: "TaskRequest", message: task.value }), task.digest);
});

test("traces", () => {
  assert.equal(treeRoot(vectors.trace.values.map((hash, at) => leaf(at, hash))), vectors.trace.root);
});

/** Fields of a message of Protocol Buffers that have bytes, as `[number, bytes]`. */
function* fieldsOf(message) {
  let at = 0;
  const number = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = message[at++];
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = number();
    if ((tag & 7) === 0) number();
    else {
      assert.equal(tag & 7, 2, "these files have numbers and bytes only");
      const length = number();
      yield [tag >> 3, message.subarray(at, (at += length))];
    }
  }
}

test("graphs", () => {
  const hex = (bytes) => `0x${Buffer.from(bytes).toString("hex")}`;
  const all = (message, wanted) => [...fieldsOf(message)].filter(([number]) => number === wanted).map(([, bytes]) => bytes);
  const [graph] = all(hexToBytes(vectors.graph.file), 7);
  const weights = new Map(all(graph, 5).map((tensor) => [hex(all(tensor, 8)[0]), tensorRoot(hex(tensor))]));
  const unread = new Map(weights);
  const contents = all(graph, 1).map((node) => {
    const names = all(node, 1).map(hex);
    names.forEach((name) => unread.delete(name));
    return concat([tensorRoot(hex(node)), ...names.flatMap((name) => weights.get(name) ?? [])]);
  });
  assert.equal(unread.size, 1);
  contents.push(concat([...unread.values()]));
  assert.equal(treeRoot(contents.map((content, at) => leaf(at, content))), vectors.graph.root);
});

test("decisions and their signers", async () => {
  for (const { value, hash, signature } of vectors.decisions) {
    const typed = { domain: vectors.domain, types: { Decision: types.Decision }, primaryType: "Decision", message: value };
    assert.equal(hashTypedData(typed), hash);
    assert.equal((await recoverTypedDataAddress({ ...typed, signature })).toLowerCase(), value.executor.toLowerCase());
  }
});

test("batches by OpenZeppelin's rule", () => {
  for (const { decisions, root, proofs } of vectors.batches) {
    const tree = StandardMerkleTree.of(decisions.map((hash) => [hash]), ["bytes32"]);
    assert.equal(tree.root, root);
    decisions.forEach((hash, at) => {
      assert.deepEqual(tree.getProof([hash]), proofs[at]);
      assert.ok(StandardMerkleTree.verify(root, ["bytes32"], [hash], proofs[at]));
      // The single-hash trees of the same library must not accept what ours double-hashes.
      assert.ok(!SimpleMerkleTree.verify(root, hash, proofs[at]));
    });
  }
});
