// No bundler and no import map: the package's files are served as they are.
import { createLightClient } from "./node_modules/sidelight/dist/index.js";

const ALICE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const show = (id, text) => (document.querySelector(id).textContent = text);

const node = new URLSearchParams(location.search).get("node");
const client = await createLightClient({ chain: "dev", nodes: [node] });
await client.waitSynced();

const { value, trust } = await client.verified({ method: "eth_getBalance", params: [ALICE, "latest"] });
show("#balance", value);
show("#trust", trust.level);
show("#call", await client.provider.request({ method: "eth_call", params: [{ to: ALICE }, "latest"] }));
await client.provider.request({ method: "eth_gasPrice" }).catch(({ code }) => show("#refused", code));

document.querySelector("#read").addEventListener("click", async () => {
  const params = ["0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "latest"];
  try {
    show("#reading", await client.provider.request({ method: "eth_getBalance", params }));
  } catch (error) {
    show("#reading", error.code);
  }
});
