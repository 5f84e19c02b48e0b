// What both pages must show: `#balance`, `#trust`, `#call`, `#refused`, and after a click on `#read` the reading or the error's code.
import assert from "node:assert/strict";
import { ALICE } from "./node-lite.mjs";

export async function checkPage(node, { page, errors }) {
  const text = (id) => page.locator(id).textContent();
  const shown = (id) => page.waitForFunction((id) => document.querySelector(id)?.textContent !== "", id);

  await shown("#refused");
  assert.equal(BigInt(await text("#balance")), BigInt(await node.rpc("eth_getBalance", [ALICE, "latest"])));
  assert.equal(await text("#trust"), "consistent");
  assert.equal(await text("#call"), "0x");
  assert.equal(await text("#refused"), "4200");
  assert.deepEqual(errors, []);

  await node.rpc("dev_setLie", ["wrong_balance"]);
  await page.locator("#read").click();
  await shown("#reading");
  assert.equal(await text("#reading"), "-32090");
}
