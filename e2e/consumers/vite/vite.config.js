import { defineConfig } from "vite";

export default defineConfig({
  // The package's worker loads the EVM with `import()`, which needs ES modules.
  worker: { format: "es" },
  build: { target: "es2022" },
  // In `vite dev`, a package that finds its own files must not be bundled beforehand.
  optimizeDeps: { exclude: ["sidelight"] },
  logLevel: "warn",
});
