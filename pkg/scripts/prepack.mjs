// What a published package must have: a build, and the licences from the root of the repository.
import { cpSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const pkg = dirname(dirname(fileURLToPath(import.meta.url)));
const files = [
  "index.js",
  "worker.js",
  "wasm/sidelight_wasm_bg.wasm",
  "evm/sidelight_evm_bg.wasm",
  "decisions/index.js",
  "decisions/sidelight_decisions_bg.wasm",
  "engine/sidelight-engine.wasm",
];
for (const file of files) {
  if (!existsSync(join(pkg, "dist", file))) throw new Error(`dist/${file} is missing: npm run build`);
}
for (const licence of ["LICENSE-MIT", "LICENSE-APACHE"]) {
  cpSync(join(pkg, "..", licence), join(pkg, licence));
}
