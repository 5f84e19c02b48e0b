// Mode execute in the tab: live traffic is executed again block by block, and an invalid block is a conflict that a reload does not heal.
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { isStored } from "../fixtures/store.js";
import { expect, test } from "../fixtures/test.js";

const drive = fileURLToPath(new URL("../traffic/drive.mjs", import.meta.url));
const BLOCKS = 15;

function ended(child: ChildProcess): Promise<{ status: number | null; stderr: string }> {
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve) => child.once("close", (status) => resolve({ status, stderr })));
}

test("the tab executes every block of live traffic, and catches the first that is invalid", async ({ explorer, node, page }) => {
  test.setTimeout(240_000);
  const executedHead = async () => Number((await page.getByTestId("executed-head").getAttribute("data-number")) ?? -1);
  await explorer.open("/?mode=execute");
  await explorer.reaches(1);
  const piped = { stdio: ["ignore", "ignore", "pipe"] as ["ignore", "ignore", "pipe"] };
  const traffic = ended(spawn(process.execPath, [drive, "--rpc", node.url, "--blocks", String(BLOCKS), "--rate", "5"], piped));
  const driven = await traffic;
  expect(driven.status, driven.stderr).toBe(0);

  const last = await node.height();
  await expect.poll(executedHead, { timeout: 60_000 }).toBeGreaterThanOrEqual(last);
  await expect(page.getByTestId("executed-skipped")).toHaveText("0");
  await expect(page.getByTestId("fault-report")).toHaveCount(0);
  await expect(page.locator('[data-testid="block-row"][data-level="executed"]').first()).toBeVisible();

  await node.rpc("dev_setLie", ["invalid_execution"]);
  await expect(explorer.report("invalid_execution").first()).toBeVisible({ timeout: 60_000 });
  const stopped = await executedHead();
  expect(stopped).toBeGreaterThanOrEqual(last);

  // Telling the truth again does not heal it, and neither does opening the page anew: the block was signed.
  await expect(page.getByTestId("client-state")).toHaveText(/conflict/i);
  await expect.poll(() => page.evaluate(isStored, "conflict")).toBe(true);
  await node.rpc("dev_setLie", ["none"]);
  await page.reload();
  await expect(page.getByTestId("client-state")).toHaveText(/conflict/i, { timeout: 60_000 });
});
