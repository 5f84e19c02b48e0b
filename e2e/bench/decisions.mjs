// Decisions judged in V8, on one thread and without a network: 1,000 files of one batch at level 0, and what level 1 costs over the run that it repeats.
//
//   node decisions.mjs ENGINE.wasm MODELS
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { Engine } from "../../edge-runtime/checks/engine.mjs";
import init, { DecisionFile, makeBatch, makeRecord } from "../../pkg/dist/decisions/sidelight_decisions.js";
import { encodeMessage } from "../../pkg/dist/decisions/tensors.js";

const COUNT = 1_000;
const ROUNDS = 3;
const RUNS = 2_000;
const REGISTRY = "0x5161000000000000000000000000000000000002";
const CHAIN = 31337n;
const BLOCK = { number: 7, hash: `0x${"07".repeat(32)}` };

const [, , enginePath, folder] = argv;
await init({ module_or_path: readFileSync(new URL("../../pkg/dist/decisions/sidelight_decisions_bg.wasm", import.meta.url)) });
const manifest = readFileSync(join(folder, "digits-mlp-int8.json"), "utf8");
const { sha256 } = JSON.parse(readFileSync("edge-runtime/engine/artefact/sidelight-engine.json", "utf8"));
const engine = new Engine(readFileSync(enginePath));
engine.load(readFileSync(join(folder, "digits-mlp-int8.onnx")), 0);
const image = readFileSync(join(folder, "data/digits-images.u8"));
const key = new Uint8Array(32).fill(0x51);

const messages = Array.from({ length: COUNT }, (_, at) => {
  const inputs = encodeMessage([{ name: "image", dtype: "UINT8", shape: [1, 64], bytes: image.subarray(64 * at, 64 * at + 64) }]);
  return { inputs, outputs: engine.run(inputs) };
});
const runtime = { detClass: 0, engine: "sidelight-engine/1.0.0", engineSha256: `0x${sha256}`, optimise: true, atolE9: 0, rtolE9: 0 };
const records = messages.map(({ inputs, outputs }, at) => {
  const salt = `0x${(at + 1).toString(16).padStart(64, "0")}`;
  const draft = {
    chainId: Number(CHAIN), registry: REGISTRY, runtime, inputSalt: salt, outputSalt: salt, nonce: at + 1, anchorBlock: BLOCK.number,
    anchorHash: BLOCK.hash, issuedAt: 1_700_000_000,
  };
  return makeRecord(JSON.stringify(draft), manifest, inputs, outputs, key);
});
const hashes = records.map((text) => read(text, (file) => JSON.parse(file.reading()).hash));
const { root, proofs } = JSON.parse(makeBatch(JSON.stringify(hashes)));
const files = records.map((text, at) => JSON.stringify({ ...JSON.parse(text), batch: { root, proof: proofs[at] } }));
// The registry's word for the batch: count, block 8, poster.
const word = `0x${COUNT.toString(16).padStart(8, "0")}${(8).toString(16).padStart(16, "0")}${"0b".repeat(20)}`;
const facts = JSON.stringify({ head: 9, batch: word, anchorHash: BLOCK.hash });

const rounds = Array.from({ length: ROUNDS }, () =>
  timed(() => {
    for (const text of files) read(text, (file) => file.verifyAnchor(facts));
  }),
).sort((a, b) => a - b);

const [{ inputs, outputs }] = messages;
const [file] = files;
const engineHash = Uint8Array.from(Buffer.from(sha256, "hex"));
const plain = each(() => engine.run(inputs));
const opened = new DecisionFile(file, CHAIN, REGISTRY);
const repeated = each(() => opened.verifyReproduction(engineHash, true, engine.run(inputs)));
opened.free();
console.log(JSON.stringify({
  level0ThousandMs: rounds[ROUNDS >> 1], level0EachMs: rounds[ROUNDS >> 1] / COUNT, fileBytes: file.length,
  runUs: plain, level1Us: repeated, outputs: outputs.length,
}));

function read(text, use) {
  const file = new DecisionFile(text, CHAIN, REGISTRY);
  try {
    return use(file);
  } finally {
    file.free();
  }
}

function each(work) {
  for (let run = 0; run < RUNS; run++) work();
  return (timed(() => { for (let run = 0; run < RUNS; run++) work(); }) * 1e3) / RUNS;
}

function timed(work) {
  const began = performance.now();
  work();
  return performance.now() - began;
}
