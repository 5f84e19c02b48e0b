// Prints what each use of the package downloads, and fails when a module is over its gate.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), "dist");
const script = (folder) => readdirSync(join(dist, folder)).filter((file) => file.endsWith(".js"));
const parts = [
  { name: "TypeScript facade", files: script(".") },
  { name: "verifier glue", files: ["wasm/sidelight_wasm.js"] },
  { name: "verifier", files: ["wasm/sidelight_wasm_bg.wasm"], gate: 100_000 },
  { name: "EVM glue (lazy)", files: ["evm/sidelight_evm.js"] },
  { name: "EVM (lazy)", files: ["evm/sidelight_evm_bg.wasm"], gate: 480_000 },
];

let isOver = false;
console.log("part                    raw      gzip    brotli      gate");
for (const { name, files, gate } of parts) {
  const bytes = Buffer.concat(files.map((file) => readFileSync(join(dist, file))));
  const gzip = gzipSync(bytes, { level: 9 }).length;
  const columns = [bytes.length, gzip, brotliCompressSync(bytes).length, gate ?? ""];
  const isFat = gate !== undefined && gzip > gate;
  isOver ||= isFat;
  const row = columns.map((column) => String(column).padStart(10)).join("");
  console.log(`${name.padEnd(17)}${row}${isFat ? "  over its gate" : ""}`);
}
process.exitCode = isOver ? 1 : 0;
