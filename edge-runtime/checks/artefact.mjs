// What an engine's file is: hash, sizes, imports, exports. Prints JSON.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { argv } from "node:process";
import { gzipSync } from "node:zlib";

const bytes = readFileSync(argv[2]);
const module = new WebAssembly.Module(bytes);
const names = (list) => list.map(({ name }) => name).sort();
console.log(
  JSON.stringify({
    sha256: createHash("sha256").update(bytes).digest("hex"),
    bytes: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    imports: names(WebAssembly.Module.imports(module)),
    exports: names(WebAssembly.Module.exports(module)),
  }),
);
