// Builds dist/: the TypeScript, and the two wasm modules beside it.
//
//   light-client/wasm --wasm-pack, wasm-opt--> wasm/ --+
//   light-client/evm  --wasm-pack, wasm-opt--> evm/  --+--> dist/
//   src/              --tsc----------------------------+
//
// Modules that are there already are taken as they are; `--wasm` builds them anew.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
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
