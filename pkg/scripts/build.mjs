// Builds dist/: the TypeScript, and beside it the wasm modules, the pinned engine and the models that come with it.
//
//   light-client/wasm    --wasm-pack, wasm-opt--> wasm/      --+
//   light-client/evm     --wasm-pack, wasm-opt--> evm/       --+
//   edge-runtime/wasm    --wasm-pack, wasm-opt--> decisions/ --+--> dist/
//   edge-runtime/engine/artefact --as it is------> engine/   --+
//   edge-runtime/models          --as it is------> models/   --+
//   src/                         --tsc------------------------+
//
// Modules that are there already are taken as they are; `--wasm` builds them anew.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const pkg = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(pkg, "node_modules", ".bin");

const modules = [
  // Downloaded by everybody: size before speed.
  {
    folder: "wasm",
    crate: "light-client/wasm",
    name: "sidelight_wasm",
    profile: "wasm-release",
    level: "-Oz",
  },
  // Far below its gate: -O3 makes it a third faster and half a percent larger.
  { folder: "evm", crate: "light-client/evm", name: "sidelight_evm", profile: "wasm-evm", level: "-O3" },
  // Loaded with the first decision.
  {
    folder: "decisions",
    crate: "edge-runtime/wasm",
    name: "sidelight_decisions",
    profile: "wasm-release",
    level: "-Oz",
  },
];

function run(program, args) {
  execFileSync(program, args, { cwd: pkg, stdio: "inherit", shell: process.platform === "win32" });
}

function buildModule({ folder, crate, name, profile, level }) {
  const out = join(pkg, folder);
  const target = ["--target", "web", "--profile", profile];
  const only = ["--no-pack", "--no-opt", "--mode", "no-install"];
  run("wasm-pack", ["build", join(pkg, "..", crate), ...target, ...only, "--out-dir", out]);
  const file = join(out, `${name}_bg.wasm`);
  run(join(bin, "wasm-opt"), [level, "--strip-debug", "--strip-producers", file, "-o", file]);
}

const isForced = process.argv.includes("--wasm");
for (const module of modules) {
  const isThere = existsSync(join(pkg, module.folder, `${module.name}_bg.wasm`));
  if (isForced || !isThere) buildModule(module);
}

rmSync(join(pkg, "dist"), { recursive: true, force: true });
run(join(bin, "tsc"), ["-p", "."]);
for (const { folder, name } of modules) {
  mkdirSync(join(pkg, "dist", folder), { recursive: true });
  for (const file of [`${name}.js`, `${name}.d.ts`, `${name}_bg.wasm`]) {
    cpSync(join(pkg, folder, file), join(pkg, "dist", folder, file));
  }
}

// The engine's bytes are its identity: it is copied, never built here.
const edge = join(pkg, "..", "edge-runtime");
mkdirSync(join(pkg, "dist", "engine"), { recursive: true });
cpSync(join(edge, "engine", "artefact", "sidelight-engine.wasm"), join(pkg, "dist", "engine", "sidelight-engine.wasm"));

// Models that answer something; the others are for probes and load tests.
mkdirSync(join(pkg, "dist", "models"), { recursive: true });
const manifests = readdirSync(join(edge, "models"))
  .filter((file) => file.endsWith(".json"))
  .map((file) => JSON.parse(readFileSync(join(edge, "models", file), "utf8")))
  .filter(({ id, labels }) => labels.length > 0 && !id.startsWith("probe"));
for (const { id, file } of manifests) {
  cpSync(join(edge, "models", `${id}.json`), join(pkg, "dist", "models", `${id}.json`));
  cpSync(join(edge, "models", file), join(pkg, "dist", "models", file));
}
writeFileSync(join(pkg, "dist", "models", "index.json"), JSON.stringify(manifests.map(({ id }) => id)));
