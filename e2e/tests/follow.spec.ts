// The explorer follows the live chain, comes back from its store, and says how old its news is.
import { isStored } from "../fixtures/store.js";
import { expect, test } from "../fixtures/test.js";

test("the head advances and every block is labelled with what was checked", async ({ explorer, node, chain, page }) => {
  chain.start();
  await explorer.open();
  await explorer.reaches(2);
  const before = await explorer.head();
  await explorer.reaches(before + 3);
  expect(await explorer.head()).toBeLessThanOrEqual(await node.height());
  await expect(page.getByTestId("head-level")).toHaveAttribute("data-level", "consistent");
  const rows = page.getByTestId("block-row");
  await expect(rows.nth(3)).toBeVisible();
  for (const row of await rows.all()) await expect(row).toHaveAttribute("data-level", "consistent");
  await expect(page.getByTestId("peer-row")).toHaveCount(1);
  await expect(page.getByTestId("peer-row").first()).toHaveAttribute("data-state", "streaming");
  await expect(page.getByTestId("fault-report")).toHaveCount(0);
});

test("the main thread is watched while the tab follows", async ({ explorer, chain, page }, info) => {
  chain.start();
  await page.addInitScript(() => {
    const tasks: { at: number; ms: number }[] = [];
    Object.assign(globalThis, { tasks });
    const note = (list: PerformanceObserverEntryList) => tasks.push(...list.getEntries().map((one) => ({ at: one.startTime, ms: one.duration })));
    new PerformanceObserver(note).observe({ type: "longtask", buffered: true });
  });
  await explorer.open();
  await explorer.reaches(2);
  const since = await page.evaluate(() => performance.now());
  await explorer.reaches((await explorer.head()) + 10);
  const told = () => page.evaluate(() => (globalThis as unknown as { tasks: { at: number; ms: number }[] }).tasks);
  const tasks = await told();
  // Browsers report tasks of 50 ms and more. How long they take depends on the machine: told, not judged.
  const longest = (some: { ms: number }[]) => (some.length === 0 ? "none of 50 ms" : `${Math.round(Math.max(...some.map((one) => one.ms)))} ms`);
  const words = `longest task on the main thread: ${longest(tasks.filter((one) => one.at < since))} at the start, ${longest(tasks.filter((one) => one.at >= since))} over ten blocks`;
  info.annotations.push({ type: "main thread", description: words });
  console.log(words);

  // That nothing was seen must not be because nobody looked.
  await page.evaluate(() => {
    setTimeout(() => {
      const until = performance.now() + 120;
      while (performance.now() < until);
    });
  });
  await expect.poll(async () => (await told()).length).toBeGreaterThan(tasks.length);
});

test("a mode that checks less says less", async ({ explorer, page }) => {
  await explorer.open("/?mode=headers");
  await explorer.reaches(2);
  await expect(page.getByTestId("head-level")).toHaveAttribute("data-level", "signed");
});

test("a reload goes on from IndexedDB and does not begin at genesis again", async ({ explorer, node, page }) => {
  await node.rpc("dev_seal", ["0x28"]);
  await explorer.open();
  await explorer.reaches(40);
  await expect(page.getByText("the genesis block in the rules")).toBeVisible();
  // The store is written behind the head.
  await expect.poll(() => page.evaluate(isStored, "headers-")).toBe(true);
  await page.reload();
  await expect(page.getByText("what this browser had verified before")).toBeVisible();
  await explorer.reaches(40);
  await expect(page.getByText("IndexedDB", { exact: true })).toBeVisible();
  await expect(page.getByTestId("fault-report")).toHaveCount(0);
});

test("without its node the page says that it is offline, and how old the head is", async ({ explorer, node, page }) => {
  await explorer.open();
  await explorer.reaches(2);
  await node.stop();
  const banner = page.getByTestId("banner").filter({ hasText: /offline|no node|cannot be reached/i });
  await expect(banner).toBeVisible();
  await expect(page.getByText(/\d+(\.\d+)? ?(s|seconds|min|minutes) old/).first()).toBeVisible();
  // The last verified block stays on the page.
  expect(await explorer.head()).toBeGreaterThanOrEqual(2);
});

test("an account shows its proven balance, nonce, code and storage", async ({ explorer, node, chain, page }) => {
  const contract = await chain.contract(7n);
  await explorer.open(`/address/${contract}`);
  await expect(page.getByTestId("account-nonce")).toHaveText("1");
  await page.getByTestId("storage-slot-input").fill("1");
  await page.getByTestId("storage-read").click();
  await expect(page.getByTestId("storage-value").first()).toContainText(/7$/);
  for (const chip of await page.getByTestId("trust-chip").all()) {
    await expect(chip).toHaveAttribute("data-level", "consistent");
  }
  const rich = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
  await explorer.open(`/address/${rich}`);
  const shown = page.getByTestId("account-balance");
  await expect(shown).toHaveAttribute("data-wei", BigInt(await node.rpc<string>("eth_getBalance", [rich, "latest"])).toString());
});

test("an account that does not exist is proven absent, and its balance is a proven zero", async ({ explorer, page }) => {
  await explorer.open("/address/0x00000000000000000000000000000000deadbeef");
  await expect(page.getByTestId("account-balance")).toHaveAttribute("data-wei", "0");
  await expect(page.getByText(/absent|not exist/i).first()).toBeVisible();
});

test("the search box knows blocks, transactions and addresses by their shape", async ({ explorer, chain, page }) => {
  const hash = await chain.transfer();
  const receipt = await chain.mined(hash);
  await explorer.open();
  await explorer.reaches(Number(receipt.blockNumber));
  for (const [words, path] of [
    [String(receipt.blockNumber), `/block/${receipt.blockNumber}`],
    [hash, `/tx/${hash}`],
    [receipt.to ?? "", `/address/${receipt.to}`],
  ]) {
    const box = page.getByTestId("search-input");
    await box.fill(words);
    await box.press("Enter");
    await expect.poll(() => new URL(page.url()).pathname.toLowerCase()).toBe(path.toLowerCase());
    await expect(page.getByTestId("trust-chip").first()).toBeVisible();
  }
});

test("the trust drawer opens by keyboard, shows the proof path by path, and gives the focus back", async ({ explorer, chain, page }) => {
  const contract = await chain.contract();
  await explorer.open(`/address/${contract}`);
  await expect(page.getByTestId("account-balance")).toBeVisible();
  const chip = page.getByTestId("trust-chip").first();
  await chip.focus();
  await page.keyboard.press("Enter");
  const drawer = page.getByTestId("trust-drawer");
  await expect(drawer).toBeVisible();
  await expect(drawer).toContainText(/consistent/i);
  await expect(drawer).toContainText(/branch|leaf/i);
  await page.keyboard.press("Escape");
  await expect(drawer).toBeHidden();
  await expect(chip).toBeFocused();
});
