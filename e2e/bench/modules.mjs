// Size, compile and instantiation time of wasm modules, ours and others', in one process: node modules.mjs NAME=FILE...
// A module is instantiated with imports that do nothing, so what is timed is the engine's work and not the glue's.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const SAMPLES = 15;

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Imports of the right kinds that do nothing. */
function stubs(module) {
  const imports = {};
  for (const { module: from, name, kind, type } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    if (kind === "function") imports[from][name] = () => 0;
    else if (kind === "memory") imports[from][name] = new WebAssembly.Memory({ initial: type?.minimum ?? 256, maximum: type?.maximum });
    else if (kind === "table") imports[from][name] = new WebAssembly.Table({ initial: type?.minimum ?? 1024, element: "anyfunc" });
    else if (kind === "global") imports[from][name] = new WebAssembly.Global({ value: "i32", mutable: true }, 0);
  }
  return imports;
}

async function measure(file) {
  const bytes = readFileSync(file);
  const compile = [];
  const instantiate = [];
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    // The engine keeps compiled code by content: a byte in a custom section of our own makes each copy another module.
    const copy = distinct(bytes, sample);
    const before = performance.now();
    const module = await WebAssembly.compile(copy);
    compile.push(performance.now() - before);
    const imports = stubs(module);
    const compiled = performance.now();
    await WebAssembly.instantiate(module, imports);
    instantiate.push(performance.now() - compiled);
  }
  return {
    raw: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    compileMs: median(compile),
    instantiateMs: median(instantiate),
  };
}

function distinct(bytes, sample) {
  const section = Buffer.from([0, 6, 4, 0x73, 0x61, 0x6d, 0x70, sample]);
  return Buffer.concat([bytes, section]);
}

const result = {};
for (const argument of process.argv.slice(2)) {
  const at = argument.indexOf("=");
  result[argument.slice(0, at)] = await measure(argument.slice(at + 1));
}
console.log(JSON.stringify(result, null, 2));
