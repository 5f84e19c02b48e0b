// /verify judges real files and refuses flipped ones; what the tab saves, the command line accepts.
import { execFile } from "node:child_process";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { Page } from "@playwright/test";
import { cli } from "../fixtures/node.js";
import { expect, test } from "../fixtures/test.js";

const proofs = new URL("../../light-client/core/testdata/proofs/", import.meta.url);

/** How many places of each proof are flipped in the browser; the core's own tests flip every byte. */
const FLIPS = 24;

interface Vector {
  name: string;
  text: string;
  root: string;
}

/** Real answers of mainnet and Sepolia nodes, with the state root of their block. */
async function vectors(): Promise<Vector[]> {
  const names = (await readdir(proofs)).filter((name) => name.endsWith(".json"));
  return Promise.all(
    names.map(async (name) => {
      const { stateRoot, answer } = JSON.parse(await readFile(new URL(name, proofs), "utf8"));
      return { name, text: JSON.stringify(answer), root: stateRoot as string };
    }),
  );
}

async function judge(page: Page, text: string, root: string): Promise<boolean> {
  await page.getByTestId("verify-text").fill(text);
  await page.getByTestId("verify-root").fill(root);
  // The old verdict must not be taken for the new one.
  await page.evaluate(() => document.querySelector('[data-testid="verify-verdict"]')?.setAttribute("data-seen", ""));
  await page.getByTestId("verify-run").click();
  const verdict = page.locator('[data-testid="verify-verdict"]:not([data-seen])');
  await expect(verdict).toBeVisible();
  return (await verdict.getAttribute("data-ok")) === "true";
}

/** Changes one hexadecimal digit of the nth proof node, at a place that depends on `at`. */
function flip(text: string, at: number): string {
  const proof = JSON.parse(text) as { accountProof: string[]; storageProof: { proof: string[] }[] };
  const lists = [proof.accountProof, ...proof.storageProof.map((one) => one.proof)].filter((list) => list.length > 0);
  const list = lists[at % lists.length] ?? [];
  const index = at % list.length;
  const node = list[index] ?? "";
  const place = 2 + ((at * 7919) % (node.length - 2));
  const digit = (parseInt(node[place] ?? "0", 16) ^ 1).toString(16);
  list[index] = node.slice(0, place) + digit + node.slice(place + 1);
  return JSON.stringify(proof);
}

test("real proofs of mainnet and Sepolia hold, and every flipped one is refused", async ({ explorer, page }) => {
  test.setTimeout(180_000);
  await explorer.open("/verify");
  const all = await vectors();
  expect(all.length).toBe(4);
  for (const { name, text, root } of all) {
    expect(await judge(page, text, root), name).toBe(true);
    for (let at = 0; at < FLIPS; at += 1) {
      expect(await judge(page, flip(text, at), root), `${name}, flip ${at}`).toBe(false);
    }
    const other = root.slice(0, -1) + (parseInt(root.slice(-1), 16) ^ 1).toString(16);
    expect(await judge(page, text, other), `${name}, other root`).toBe(false);
  }
});

test("what is not a proof is refused with a reason", async ({ explorer, page }) => {
  await explorer.open("/verify");
  for (const text of ["{}", "not JSON", '{"type":"sidelight/proof@9"}', "[".repeat(10_000)]) {
    expect(await judge(page, text, "")).toBe(false);
    await expect(page.getByTestId("verify-verdict")).toHaveText(/\S{3}/);
  }
});

test("a proof saved from the drawer is accepted by the command line, and a flipped one is not", async ({ explorer, chain, page }, info) => {
  const contract = await chain.contract(7n);
  await explorer.open(`/address/${contract}`);
  await expect(page.getByTestId("account-balance")).toBeVisible();
  await page.getByTestId("trust-chip").first().click();
  const coming = page.waitForEvent("download");
  await page.getByTestId("save-proof").click();
  const file = info.outputPath("proof.json");
  await (await coming).saveAs(file);

  const good = await run(file);
  expect(good.status, good.output).toBe(0);

  const text = await readFile(file, "utf8");
  const proof = JSON.parse(text) as { accountProof: string[] };
  const last = proof.accountProof.at(-1) ?? "";
  const bad = last.slice(0, -1) + (parseInt(last.slice(-1), 16) ^ 1).toString(16);
  await writeFile(file, text.replace(last, bad));
  const refused = await run(file);
  expect(refused.status, refused.output).not.toBe(0);
  expect(refused.output).toMatch(/expected|got/i);

  // The tab's own page judges the saved file as the command line does.
  await page.keyboard.press("Escape");
  await explorer.open("/verify");
  expect(await judge(page, text, "")).toBe(true);
});

test("nothing leaves the tab while a file is verified", async ({ explorer, node, page }) => {
  await explorer.open("/verify");
  const [first] = await vectors();
  if (!first) throw new Error("no vector");
  // Loaded once, it needs nobody.
  await expect(page.getByTestId("client-state")).toHaveText(/live/i);
  await node.stop();
  const requests: string[] = [];
  page.on("request", (request) => {
    if (request.method() !== "GET") requests.push(request.url());
  });
  expect(await judge(page, first.text, first.root)).toBe(true);
  expect(requests.filter((url) => !url.endsWith("/lite"))).toEqual([]);
});

async function run(file: string): Promise<{ status: number; output: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(cli, ["verify", file]);
    return { status: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: number; stdout?: string; stderr?: string };
    return { status: code ?? -1, output: `${stdout ?? ""}${stderr ?? error}` };
  }
}
