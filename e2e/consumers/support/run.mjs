// Packs the package, installs the tarball, builds what has to be built and runs the three consumers, and the wallets that talk to node-lite itself.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const pkg = join(here, "..", "..", "pkg");
const pack = join(here, ".pack");

const npm = (args, cwd) => execFileSync("npm", args, { cwd, stdio: ["ignore", "ignore", "inherit"] });

rmSync(pack, { recursive: true, force: true });
mkdirSync(pack, { recursive: true });
npm(["pack", "--silent", "--pack-destination", pack], pkg);
const [tarball] = readdirSync(pack);

// The package has no dependencies: nothing but the tarball is needed. An older build of the same version must not be taken from a cache.
rmSync(join(here, "node_modules", "sidelight"), { recursive: true, force: true });
const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
npm(["install", "--no-save", "--no-package-lock", "--prefer-offline", ...quiet, join(pack, tarball)], here);

const tests = ["node/node.test.mjs", "node/decisions.test.mjs", "vite/vite.test.mjs", "html/html.test.mjs", "wallets/cast.test.mjs", "wallets/metamask.test.mjs"];
const { status } = spawnSync(process.execPath, ["--test", "--test-concurrency=1", ...tests], {
  cwd: here,
  stdio: "inherit",
});
process.exitCode = status ?? 1;
