// Runs a suite in wasm in Node: node node.mjs MODULE-FOLDER SUITE PATH [FILTER] [EVERY]. Prints the report as JSON.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { add, emptyReport, parseArguments } from "./cases.mjs";

const { folder, suite, filter, name, files } = parseArguments(process.argv.slice(2));
const { initSync, runFile } = await import(pathToFileURL(join(folder, "sidelight_conformance.js")));
initSync({ module: readFileSync(join(folder, "sidelight_conformance_bg.wasm")) });

const sum = emptyReport(suite);
for (const [index, file] of files.entries()) {
  add(sum, JSON.parse(runFile(suite, name(file), readFileSync(file, "utf8"), filter)));
  if (index % 100 === 99) console.error(`${index + 1}/${files.length} files`);
}
console.log(JSON.stringify(sum));
