// Each lie that a node can tell is switched on in the panel, caught by the tab, and shown with the field, what was expected and what came.
import { execFile } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { promisify } from "node:util";
import type { Page } from "@playwright/test";
import type { Address } from "viem";
import { alice } from "../fixtures/chain.js";
import { cli } from "../fixtures/node.js";
import { isStored, poisonHeaders, recordOf } from "../fixtures/store.js";
import { type Explorer, expect, test } from "../fixtures/test.js";

interface Lie {
  kind: string;
  /** What the report may be called; the threat model lists them. */
  faults: string[];
  mode?: "watch" | "consistent" | "execute";
  /** What a reader does that makes the node tell it; without this, following the chain is enough. */
  provoke?: (explorer: Explorer, contract: Address) => Promise<void>;
}

const openAccount = async (explorer: Explorer) => explorer.open(`/address/${alice.address}`);
const openContract = async (explorer: Explorer, contract: Address) => {
  await explorer.open(`/address/${contract}`);
};
const readSlot = async (explorer: Explorer, contract: Address) => {
  await explorer.open(`/address/${contract}`);
  await explorer.page.getByTestId("storage-slot-input").fill("1");
  await explorer.page.getByTestId("storage-read").click();
};

/** A transaction that is mined before the node lies, and read after. */
const openTransaction = async (explorer: Explorer) => {
  for (;;) {
    const block = await explorer.node.rpc<{ transactions: string[] }>("eth_getBlockByNumber", ["latest", false]);
    const [hash] = block.transactions;
    if (hash) return explorer.open(`/tx/${hash}`);
    await explorer.page.waitForTimeout(100);
  }
};

const lies: Lie[] = [
  { kind: "altered_diff_value", faults: ["bad_bal_hash"] },
  { kind: "altered_diff_committed", faults: ["state_root_mismatch"] },
  { kind: "omitted_change", faults: ["omitted_change", "bad_bal_hash", "bad_inclusion"], mode: "watch" },
  { kind: "false_absence", faults: ["false_absence", "bad_absence"], mode: "watch" },
  { kind: "invalid_execution", faults: ["invalid_execution"], mode: "execute" },
  { kind: "other_block_diff", faults: ["bad_bal_hash"] },
  { kind: "wrong_parent", faults: ["wrong_parent"] },
  { kind: "forged_signature", faults: ["bad_signature"] },
  { kind: "wrong_code", faults: ["bad_code"], provoke: openContract },
  { kind: "wrong_balance", faults: ["bad_proof"], provoke: openAccount },
  { kind: "wrong_storage", faults: ["bad_proof"], provoke: readSlot },
  { kind: "other_block_body", faults: ["bad_proof"], provoke: openTransaction },
  { kind: "other_block_receipts", faults: ["bad_proof"], provoke: openTransaction },
  { kind: "wrong_index", faults: ["wrong_response"], provoke: openTransaction },
  { kind: "truncated_frame", faults: ["bad_envelope"] },
  { kind: "oversized_frame", faults: ["oversized"] },
  { kind: "decompression_bomb", faults: ["decompression_bomb"] },
];

/** Lies that have a test of their own below. */
const special = ["equivocation", "stale_head", "swapped_checkpoint"];

/** Lies about ranges of logs and old headers, which no page reads: light-client/client/tests/lists.rs and history.rs. */
const elsewhere = ["omitted_log", "mislabelled_log", "withheld_receipts", "wrong_ancestor"];

test("every lie that the node knows is in this suite", async ({ node }) => {
  const known = await node.rpc<{ kind: string }[]>("dev_lies");
  expect([...lies.map((lie) => lie.kind), ...special, ...elsewhere].sort()).toEqual(known.map((lie) => lie.kind).sort());
});

for (const lie of lies) {
  test(`${lie.kind} is caught and shown`, async ({ explorer, chain, page }) => {
    const contract = await chain.contract();
    chain.start(contract);
    const mode = lie.mode ?? "consistent";
    // An account page watches its account, which is what a filter is about.
    await explorer.open(lie.mode === "watch" ? `/address/${alice.address}?mode=watch` : `/?mode=${mode}`);
    if (lie.mode === "watch") await expect(page.getByTestId("account-balance")).toBeVisible();
    else await explorer.reaches(3);
    await expect(page.getByTestId("fault-report")).toHaveCount(0);

    await explorer.lie(lie.kind);
    await lie.provoke?.(explorer, contract);

    const reports = page.getByTestId("fault-report");
    await expect(reports.first()).toBeVisible({ timeout: 30_000 });
    const kinds = await reports.evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset.kind));
    expect(lie.faults, `reported: ${kinds.join(", ")}`).toContain(kinds[0]);
    const report = reports.first();
    for (const name of ["field", "expected", "got"]) {
      const value = report.locator("div", { has: page.locator("dt", { hasText: new RegExp(`^${name}$`) }) }).locator("dd");
      await expect(value).toHaveText(/\S/);
    }
    // It stays, over a reload.
    await page.reload();
    await expect(page.getByTestId("fault-report").first()).toBeVisible();
  });
}

test("equivocation stops the tab, which keeps evidence that the command line accepts", async ({ explorer, chain, page }, info) => {
  chain.start();
  await explorer.open();
  await explorer.reaches(3);
  await explorer.lie("equivocation");
  const banner = page.getByTestId("banner").filter({ hasText: /two different blocks/i });
  await expect(banner).toBeVisible();
  // Both hashes that were signed.
  await expect(banner).toHaveText(/0x[0-9a-f]{40}: 0x[0-9a-f]{64} and 0x[0-9a-f]{64}/i);
  await expect(page.getByTestId("client-state")).toHaveText(/conflict/i);
  const stopped = await explorer.head();

  const coming = page.waitForEvent("download");
  await page.getByTestId("save-evidence").click();
  const file = info.outputPath("evidence.json");
  await (await coming).saveAs(file);
  expect((await stat(file)).size).toBeLessThan(1_000);
  const { stdout } = await promisify(execFile)(cli, ["verify", file]);
  expect(stdout).toMatch(/signed two blocks/i);
  await judgedElsewhere(explorer, page, await readFile(file, "utf8"));

  await expect.poll(() => page.evaluate(isStored, "evidence")).toBe(true);
  // It stays stopped, over a reload and when the node tells the truth again.
  await page.getByTestId("lie-none").click();
  await page.reload();
  await expect(banner).toBeVisible();
  expect(await explorer.head()).toBeLessThanOrEqual(stopped);
});

test("a signed diff that is false stops the tab below it, and its evidence convinces whoever was not there", async ({ explorer, chain, page }, info) => {
  chain.start();
  await explorer.open("/?mode=consistent");
  await explorer.reaches(3);
  await explorer.lie("altered_diff_committed");
  const banner = page.getByTestId("banner").filter({ hasText: /not what it says/i });
  await expect(banner).toBeVisible({ timeout: 30_000 });
  const coming = page.waitForEvent("download");
  await page.getByTestId("save-evidence").click();
  const file = info.outputPath("evidence.json");
  await (await coming).saveAs(file);
  const { stdout } = await promisify(execFile)(cli, ["verify", file]);
  expect(stdout).toMatch(/proven/i);
  await judgedElsewhere(explorer, page, await readFile(file, "utf8"));
});

/** The page of a reader who has nothing but the file: it proves what it says, and with any digit of its bytes changed it proves nothing. */
async function judgedElsewhere(explorer: Explorer, page: Page, evidence: string): Promise<void> {
  const context = await page.context().browser()?.newContext();
  if (!context) throw new Error("no browser");
  const reader = await context.newPage();
  await reader.goto(`${explorer.node.url}/verify`);
  const verdict = reader.getByTestId("verify-verdict");
  await reader.getByTestId("verify-text").fill(evidence);
  await reader.getByTestId("verify-run").click();
  await expect(verdict).toHaveAttribute("data-ok", "true");
  const bytes = evidence.match(/0x[0-9a-f]{64,}/gi) ?? [];
  expect(bytes.length).toBeGreaterThan(1);
  for (const part of [bytes[0], bytes.at(-1)] as string[]) {
    const changed = part.slice(0, -1) + (part.endsWith("0") ? "1" : "0");
    // The old verdict must not be taken for the new one.
    await verdict.evaluate((panel) => panel.setAttribute("data-ok", ""));
    await reader.getByTestId("verify-text").fill(evidence.replace(part, changed));
    await reader.getByTestId("verify-run").click();
    await expect(verdict).toHaveAttribute("data-ok", "false");
  }
  await context.close();
}

test("a node that replays an old head is shown as stale, with the age", async ({ explorer, page }) => {
  await explorer.open();
  await explorer.reaches(3);
  await explorer.lie("stale_head");
  const banner = page.getByTestId("banner").filter({ hasText: /no newer block/i });
  await expect(banner).toBeVisible({ timeout: 40_000 });
  await expect(banner).toHaveText(/\d+ s old/);
  await expect(page.getByTestId("client-state")).toHaveText(/stale/i);
  await expect(page.getByTestId("head-level")).toHaveText(/stale/i);
});

for (const swapped of [false, true]) {
  const what = swapped ? "a checkpoint of another chain, swapped into IndexedDB," : "a flipped bit in IndexedDB";
  test(`${what} is refused, reported, and not started from`, async ({ explorer, node, page }) => {
    await explorer.open();
    await explorer.reaches(3);
    await expect.poll(() => page.evaluate(isStored, "headers-")).toBe(true);
    let record: number[] | undefined;
    if (swapped) {
      await explorer.lie("swapped_checkpoint");
      const { signedHeader } = await node.rpc<{ signedHeader: string }>("lite_getCheckpoint");
      record = recordOf(signedHeader);
      await page.getByTestId("lie-none").click();
    }
    // From a page of the same origin without a client, which would write over it.
    await explorer.open("/favicon.svg");
    expect(await page.evaluate(poisonHeaders, record)).toBeGreaterThan(0);
    await explorer.open();
    const report = explorer.report("bad_checkpoint").first();
    await expect(report).toBeVisible();
    await expect(report).toContainText("store");
    await expect(page.getByText("the genesis block in the rules")).toBeVisible();
    await explorer.reaches(3);
  });
}

test("when the node tells the truth again the tab goes on", async ({ explorer, chain, page }) => {
  chain.start();
  await explorer.open();
  await explorer.reaches(2);
  await explorer.lie("altered_diff_value");
  await expect(explorer.report("bad_bal_hash").first()).toBeVisible();
  const stuck = await explorer.head();
  await page.getByTestId("lie-none").click();
  await explorer.reaches(stuck + 3);
  await expect(explorer.report("bad_bal_hash").first()).toBeVisible();
});
