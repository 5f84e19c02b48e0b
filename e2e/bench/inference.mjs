// Load, first and steady inference of every model in V8: the pinned engine, and onnxruntime-web with one thread.
//
//   node inference.mjs ENGINE.wasm MODELS
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import * as ort from "onnxruntime-web";
import { Engine } from "../../edge-runtime/checks/engine.mjs";

const STEADY_MS = 500;
const CODES = { FP32: 1, UINT8: 2, INT8: 3, INT32: 6, INT64: 7, BOOL: 9 };
const ARRAYS = { FP32: Float32Array, UINT8: Uint8Array, INT8: Int8Array, INT32: Int32Array, INT64: BigInt64Array, BOOL: Uint8Array };
const NAMES = { FP32: "float32", UINT8: "uint8", INT8: "int8", INT32: "int32", INT64: "int64", BOOL: "bool" };

const [, , enginePath, folder] = argv;
ort.env.wasm.numThreads = 1;
const rows = [];
const started = performance.now();
const module = new WebAssembly.Module(readFileSync(enginePath));
new Engine(module);
const ready = performance.now() - started;

for (const name of readdirSync(folder).filter((file) => file.endsWith(".json")).sort()) {
  const manifest = JSON.parse(readFileSync(join(folder, name), "utf8"));
  const file = readFileSync(join(folder, manifest.file));
  const inputs = manifest.inputs.map(({ name, dtype, shape }) => {
    const sizes = shape.map((size) => (size < 0 ? 1 : size));
    return { name, dtype, sizes, data: new ARRAYS[dtype](sizes.reduce((count, size) => count * size, 1)) };
  });
  rows.push({ model: manifest.id, backend: "pinned engine, V8", readyUs: ready * 1e3, ...(await pinned(file, inputs)) });
  rows.push({ model: manifest.id, backend: `onnxruntime-web ${ort.env.versions.web}`, ...(await web(file, inputs)) });
}
console.log(JSON.stringify(rows));

async function pinned(file, inputs) {
  const engine = new Engine(module);
  const request = message(inputs);
  return measure(() => engine.load(file, 0), () => engine.run(request));
}

async function web(file, inputs) {
  let session;
  const feeds = Object.fromEntries(inputs.map(({ name, dtype, sizes, data }) => [name, new ort.Tensor(NAMES[dtype], data, sizes)]));
  const load = async () => {
    session = await ort.InferenceSession.create(file, { executionProviders: ["wasm"] });
  };
  return measure(load, () => session.run(feeds));
}

async function measure(load, run) {
  const loadUs = await timed(load);
  const firstUs = await timed(run);
  const times = [];
  const begun = performance.now();
  while (times.length < 5 || performance.now() - begun < STEADY_MS) times.push(await timed(run));
  times.sort((a, b) => a - b);
  return { loadUs, firstUs, steadyUs: times[times.length >> 1], runs: times.length };
}

async function timed(work) {
  const started = performance.now();
  // An engine that answers at once is not made to wait for a turn of the loop.
  const result = work();
  if (result instanceof Promise) await result;
  return (performance.now() - started) * 1e3;
}

// docs/decision-format.md, section 2.
function message(inputs) {
  const parts = [u32(inputs.length)];
  for (const { name, dtype, sizes, data } of [...inputs].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const head = Buffer.alloc(2);
    head.writeUInt16LE(Buffer.byteLength(name));
    parts.push(head, Buffer.from(name), Buffer.from([CODES[dtype], sizes.length]), ...sizes.map(u64));
    parts.push(u64(data.byteLength), Buffer.from(data.buffer));
  }
  return Buffer.concat(parts);
}

function u32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
