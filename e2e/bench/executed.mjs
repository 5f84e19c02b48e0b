// The parts of executing a block, in wasm: node executed.mjs MODULE NAME=FILE...
// The blocks are those that light-client/bench-executed has made; the harness is that of its measure.rs.
import { readFileSync } from "node:fs";

const SAMPLES = 11;
const PARTS = ["total", "decode", "witness", "recover", "root", "rebuild"];

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

const [file, ...blocks] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(file));
const imports = {};
for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
  if (kind !== "function") throw new Error(`${from}.${name} is a ${kind}`);
  imports[from] ??= {};
  imports[from][name] = () => {
    throw new Error(`${from}.${name} was called`);
  };
}
const { memory, bench_room, bench_read, bench_parts, bench_prepare, bench_run } = new WebAssembly.Instance(module, imports).exports;
if (bench_parts() !== PARTS.length) throw new Error(`expected ${PARTS.length} parts, got ${bench_parts()}`);

function time(part) {
  bench_prepare(part, 1);
  const before = performance.now();
  const ok = bench_run(part, 1);
  const ms = performance.now() - before;
  if (ok !== 1) throw new Error(`${PARTS[part]}: did not hold`);
  return ms;
}

const result = {};
for (const block of blocks) {
  const at = block.lastIndexOf("=");
  const bytes = readFileSync(block.slice(at + 1));
  const place = bench_room(bytes.length);
  new Uint8Array(memory.buffer, place, bytes.length).set(bytes);
  if (bench_read() !== 1) throw new Error(`${block}: is no block`);
  result[block.slice(0, at)] = Object.fromEntries(
    PARTS.map((name, part) => {
      // The engine compiles what runs often once more, and better.
      time(part);
      return [name, median(Array.from({ length: SAMPLES }, () => time(part)))];
    }),
  );
}
console.log(JSON.stringify(result, null, 2));
