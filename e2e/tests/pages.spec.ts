// Every page, dark and light: no accessibility violations, no sideways scrolling on a small screen.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "@playwright/test";
import { alice } from "../fixtures/chain.js";
import { type Explorer, expect, test } from "../fixtures/test.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const pages: Record<string, (context: { hash: string; number: bigint }) => string> = {
  home: () => "/",
  block: ({ number }) => `/block/${number}`,
  transaction: ({ hash }) => `/tx/${hash}`,
  account: () => `/address/${alice.address}`,
  verify: () => "/verify",
  models: () => "/models",
  "run a model": () => "/infer",
  "open a decision": () => "/decision",
  settings: () => "/settings",
  "not found": () => "/nowhere",
};

/** A page with its values on it, not its skeleton. */
async function settle(explorer: Explorer, name: string): Promise<void> {
  const { page } = explorer;
  if (name === "home") await explorer.reaches(2);
  else if (name === "account") await expect(page.getByTestId("account-balance")).toBeVisible();
  else if (name === "block" || name === "transaction") await expect(page.getByTestId("trust-chip").first()).toBeVisible();
  else if (name === "models") await expect(page.getByTestId("model").first()).toBeVisible();
  else if (name === "run a model") await expect(page.getByTestId("infer-pad")).toBeVisible();
  else await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
}

async function violations(page: Page): Promise<string[]> {
  // Through the debugger and not as a script element: the page's policy allows no foreign script.
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const run = (globalThis as unknown as { axe: { run: (options: object) => Promise<{ violations: any[]; passes: any[] }> } }).axe.run;
    const { violations, passes } = await run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
    if (passes.length < 10) return [`only ${passes.length} rules applied: is this the page?`];
    return violations.flatMap((one) => one.nodes.map((node: any) => `${one.id}: ${node.target.join(" ")} ${node.failureSummary ?? ""}`));
  });
}

for (const [name, path] of Object.entries(pages)) {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`${name}, ${colorScheme}: no accessibility violations`, async ({ explorer, chain, page }) => {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const receipt = await chain.mined(await chain.transfer());
      await explorer.open(path({ hash: receipt.transactionHash, number: receipt.blockNumber }));
      await settle(explorer, name);
      expect(await violations(page)).toEqual([]);
    });
  }

  test(`${name}: nothing scrolls sideways at 320 px`, async ({ explorer, chain, page }) => {
    await page.setViewportSize({ width: 320, height: 640 });
    const receipt = await chain.mined(await chain.transfer());
    await explorer.open(path({ hash: receipt.transactionHash, number: receipt.blockNumber }));
    await settle(explorer, name);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  });
}

test("a caught lie and the open trust drawer fit into 320 px", async ({ explorer, chain, page }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  chain.start();
  await explorer.open();
  await explorer.reaches(2);
  const width = () => page.evaluate(() => document.documentElement.scrollWidth);
  await page.getByTestId("trust-chip").first().click();
  const drawer = page.getByTestId("trust-drawer");
  await expect(drawer.getByRole("listitem").first()).toBeVisible();
  expect(await drawer.evaluate((element) => [element.getBoundingClientRect().left >= 0, element.scrollWidth <= element.clientWidth])).toEqual([true, true]);
  await page.keyboard.press("Escape");
  await page.getByTestId("dev-toggle").click();
  await explorer.lie("altered_diff_value");
  await expect(page.getByTestId("fault-report").first()).toBeVisible();
  expect(await width()).toBeLessThanOrEqual(320);
});

test("a caught lie and the open trust drawer have no accessibility violations", async ({ explorer, chain, page }) => {
  chain.start();
  await explorer.open();
  await explorer.reaches(2);
  await page.getByTestId("trust-chip").first().click();
  await expect(page.getByTestId("trust-drawer")).toBeVisible();
  expect(await violations(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await explorer.lie("altered_diff_value");
  await expect(page.getByTestId("fault-report").first()).toBeVisible();
  expect(await violations(page)).toEqual([]);
});
