// What a project with a bundler writes.
import { SidelightError, createLightClient } from "sidelight";
import { createPublicClient, custom } from "viem";

const ALICE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const show = (id, text) => (document.querySelector(id).textContent = text);

/** viem wraps what a provider throws; ours is inside. */
const codeOf = (error) => error.walk((cause) => cause instanceof SidelightError).code;

const node = new URLSearchParams(location.search).get("node");
const client = await createLightClient({ chain: "dev", nodes: [node] });
await client.waitSynced();
const viem = createPublicClient({ transport: custom(client.provider) });

show("#balance", await viem.getBalance({ address: ALICE }));
const { trust } = await client.verified({ method: "eth_getBalance", params: [ALICE, "latest"] });
show("#trust", trust.level);
const { data = "0x" } = await viem.call({ to: ALICE });
show("#call", data);
await viem.getGasPrice().catch((error) => show("#refused", codeOf(error)));

// Another client, whose worker has workers of its own.
const executing = await createLightClient({ chain: "dev", nodes: [node], mode: "execute", storage: "memory" });
executing.on("executed", ({ number, transactions }) => show("#executed", `${number}: ${transactions}`));

document.querySelector("#read").addEventListener("click", async () => {
  try {
    show("#reading", await viem.getBalance({ address: BOB }));
  } catch (error) {
    show("#reading", codeOf(error));
  }
});
