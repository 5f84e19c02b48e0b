// Compiles the tests and runs them against dist/.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const pkg = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(pkg, ".test");
if (!existsSync(join(pkg, "dist", "index.js"))) throw new Error("dist/ is missing: npm run build");
rmSync(out, { recursive: true, force: true });
execFileSync(join(pkg, "node_modules", ".bin", "tsc"), ["-p", join(pkg, "test")], { stdio: "inherit" });
const files = readdirSync(out).filter((file) => file.endsWith(".test.js"));
const { status } = spawnSync(process.execPath, ["--test", ...files.map((file) => join(out, file))], {
  cwd: pkg,
  stdio: "inherit",
});
process.exitCode = status ?? 1;
