// Each lie that a node can tell is switched on in the panel, caught by the tab, and shown with the field, what was expected and what came.
import type { Address } from "viem";
import { alice } from "../fixtures/chain.js";
import { type Explorer, expect, test } from "../fixtures/test.js";

interface Lie {
  kind: string;
  /** What the report may be called; the threat model lists them. */
  faults: string[];
  mode?: "watch" | "consistent";
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

const lies: Lie[] = [
  { kind: "altered_diff_value", faults: ["bad_bal_hash"] },
  { kind: "altered_diff_committed", faults: ["state_root_mismatch"] },
  { kind: "omitted_change", faults: ["omitted_change", "bad_bal_hash", "bad_inclusion"], mode: "watch" },
  { kind: "false_absence", faults: ["false_absence", "bad_absence"], mode: "watch" },
  { kind: "other_block_diff", faults: ["bad_bal_hash"] },
  { kind: "wrong_parent", faults: ["wrong_parent"] },
  { kind: "forged_signature", faults: ["bad_signature"] },
  { kind: "equivocation", faults: ["equivocation"] },
  { kind: "stale_head", faults: ["stale_head"] },
  { kind: "wrong_code", faults: ["bad_code"], provoke: openContract },
  { kind: "wrong_balance", faults: ["bad_proof"], provoke: openAccount },
  { kind: "wrong_storage", faults: ["bad_proof"], provoke: readSlot },
  { kind: "truncated_frame", faults: ["bad_envelope"] },
  { kind: "oversized_frame", faults: ["oversized"] },
  { kind: "decompression_bomb", faults: ["decompression_bomb"] },
];

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
    if (lie.kind === "equivocation") {
      await expect(page.getByTestId("banner").filter({ hasText: /two|both|conflict/i })).toBeVisible();
      await expect(page.getByTestId("save-evidence")).toBeVisible();
    }
    // It stays, over a change of page and over a reload.
    await page.reload();
    await expect(page.getByTestId("fault-report").first()).toBeVisible();
  });
}

test("a poisoned checkpoint in IndexedDB is refused, reported, and not started from", async ({ explorer, page }) => {
  await explorer.open();
  await explorer.reaches(3);
  const changed = await expect
    .poll(() => page.evaluate(poison))
    .toBeGreaterThan(0)
    .then(() => true);
  expect(changed).toBe(true);
  await page.reload();
  await expect(explorer.report("bad_checkpoint").first()).toBeVisible();
  await expect(page.getByText("what this browser had verified before")).toHaveCount(0);
  await explorer.reaches(3);
});

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

/** Flips a bit in the middle of every stored record; runs in the page. Returns how many were changed. */
async function poison(): Promise<number> {
  const promised = <T,>(request: IDBRequest<T>) =>
    new Promise<T>((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  let changed = 0;
  for (const { name } of await indexedDB.databases()) {
    if (name === undefined) continue;
    const database = await promised(indexedDB.open(name));
    for (const store of database.objectStoreNames) {
      const records = database.transaction(store, "readwrite").objectStore(store);
      for (const key of await promised(records.getAllKeys())) {
        const value: unknown = await promised(records.get(key));
        if (!(value instanceof Uint8Array) || value.length === 0) continue;
        value[value.length >> 1] ^= 1;
        await promised(records.put(value, key));
        changed += 1;
      }
    }
    database.close();
  }
  return changed;
}
