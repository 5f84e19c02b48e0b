// Compiles the contracts of `src` into `artifacts`; with --check nothing is written, and an artefact that is not what the sources give is a failure.
//
// The compiler is the npm package solc in the version of package.json, which is the same WebAssembly everywhere. No metadata hash is appended, so that the bytes follow from the sources and the
// settings below alone.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const folder = new URL("./", import.meta.url);
const settings = {
  evmVersion: "prague",
  optimizer: { enabled: true, runs: 200 },
  viaIR: true,
  metadata: { bytecodeHash: "none", appendCBOR: false },
};

const solc = createRequire(import.meta.url)("solc");
const wanted = JSON.parse(readFileSync(new URL("package.json", folder), "utf8")).devDependencies.solc;
const version = solc.version();
if (!version.startsWith(`${wanted}+`)) fail(`solc: expected ${wanted}, got ${version}`);

const names = readdirSync(new URL("src", folder)).filter((name) => name.endsWith(".sol")).sort();
const sources = Object.fromEntries(
  names.map((name) => [name, { content: readFileSync(new URL(`src/${name}`, folder), "utf8") }]),
);
const input = {
  language: "Solidity",
  sources,
  settings: { ...settings, outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } } },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
for (const { severity, formattedMessage } of output.errors ?? []) {
  if (severity !== "info") fail(formattedMessage);
}

const isCheck = process.argv.includes("--check");
// A file of free functions and types only has no contracts.
for (const name of names) {
  for (const [contract, { abi, evm }] of Object.entries(output.contracts[name] ?? {})) {
    const artefact = {
      contract,
      compiler: version,
      settings,
      abi,
      bytecode: `0x${evm.bytecode.object}`,
      deployedBytecode: `0x${evm.deployedBytecode.object}`,
    };
    const text = `${JSON.stringify(artefact, null, 2)}\n`;
    const file = new URL(`artifacts/${contract}.json`, folder);
    if (!isCheck) {
      writeFileSync(file, text);
    } else if (readFileSync(file, "utf8") !== text) {
      fail(`${fileURLToPath(file)} is not what the sources give: cargo xtask contracts`);
    }
    console.log(`${contract}: ${evm.deployedBytecode.object.length / 2} bytes`);
  }
}

function fail(reason) {
  console.error(reason);
  process.exit(1);
}
