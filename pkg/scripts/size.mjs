// Prints what each use of the package downloads. `cargo xtask size` holds the modules against their gates.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), "dist");
const script = (folder) => readdirSync(join(dist, folder)).filter((file) => file.endsWith(".js"));
const parts = [
  { name: "TypeScript facade", files: script(".") },
  { name: "verifier glue", files: ["wasm/sidelight_wasm.js"] },
  { name: "verifier", files: ["wasm/sidelight_wasm_bg.wasm"] },
  { name: "EVM glue (lazy)", files: ["evm/sidelight_evm.js"] },
  { name: "EVM (lazy)", files: ["evm/sidelight_evm_bg.wasm"] },
  { name: "decisions (lazy)", files: [...script("decisions").map((file) => `decisions/${file}`), "decisions/sidelight_decisions_bg.wasm"] },
  { name: "engine (lazy)", files: ["engine/sidelight-engine.wasm"] },
];

console.log("part                    raw      gzip    brotli");
for (const { name, files } of parts) {
  const bytes = Buffer.concat(files.map((file) => readFileSync(join(dist, file))));
  const columns = [bytes.length, gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes).length];
  console.log(name.padEnd(17) + columns.map((column) => String(column).padStart(10)).join(""));
}
