// The cases of light-client/bench in wasm, by the harness of its main.rs: node wasm.mjs MODULE NAME...
import { readFileSync } from "node:fs";

const SAMPLES = 31;
const SAMPLE_MS = 20;

const [file, ...names] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(readFileSync(file), {});
const { bench_build, bench_cases, bench_prepare, bench_run } = instance.exports;
if (bench_build() !== 1) throw new Error("the states could not be built");
if (bench_cases() !== names.length) throw new Error(`expected ${bench_cases()} names, got ${names.length}`);

function sample(index, runs) {
  bench_prepare(index, runs);
  const started = performance.now();
  const verified = bench_run(index, runs);
  const elapsed = performance.now() - started;
  if (verified !== 1) throw new Error(`${names[index]}: did not verify`);
  return elapsed;
}

const result = {};
for (const [index, name] of names.entries()) {
  let runs = 1;
  for (let elapsed = sample(index, runs); elapsed < SAMPLE_MS; elapsed = sample(index, runs)) runs *= elapsed > SAMPLE_MS / 8 ? 2 : 8;
  const samples = Array.from({ length: SAMPLES }, () => sample(index, runs) / runs);
  result[name] = samples.toSorted((a, b) => a - b)[SAMPLES >> 1];
}
console.log(JSON.stringify(result, null, 2));
