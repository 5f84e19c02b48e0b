// Lists case files and sums reports, for Node and for Chromium.
import { readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";

/** Every .json under a folder, or the file itself, sorted. */
export function listFiles(path) {
  if (!statSync(path).isDirectory()) return [path];
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith(".json"));
  return files.map((entry) => join(entry.parentPath, entry.name)).toSorted();
}

/** The arguments that both programs take: MODULE-FOLDER SUITE PATH FILTER FIRST EVERY. */
export function parseArguments([folder, suite, path, filter, every]) {
  if (!path) throw new Error("expected MODULE-FOLDER SUITE PATH [FILTER] [EVERY]");
  const root = path;
  const name = (file) => relative(root, file).replace(/\.json$/u, "");
  const files = listFiles(path).filter((_, index) => index % Number(every || 1) === 0);
  return { folder, suite, filter: filter ?? "", name, files };
}

/** Adds the report of one file to the sum. */
export function add(sum, report) {
  if (report.error) throw new Error(report.error);
  sum.passed += report.passed;
  sum.failed += report.failed;
  sum.skipped += report.skipped;
  sum.cases.push(...report.cases);
}

export const emptyReport = (suite) => ({ suite, passed: 0, failed: 0, skipped: 0, cases: [] });
