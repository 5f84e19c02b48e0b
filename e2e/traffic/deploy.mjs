// Puts two tokens, WETH, and Uniswap V2 with a funded pair on the chain.
import { getContractAddress, keccak256, parseEther } from "viem";
import { compileToken, factory, pair, router, weth } from "./contracts.mjs";

const supply = parseEther("1000000000");
const liquidity = parseEther("1000000");
const never = 2n ** 64n;

/** Deploys everything from `wallet`; returns the addresses and ABIs that the traffic uses. */
export async function deploy({ wallet, reader, say }) {
  const owner = wallet.account.address;
  const mined = async (hash) => {
    const receipt = await reader.waitForTransactionReceipt({ hash });
    if (receipt.status !== "success") throw new Error(`transaction ${hash} failed`);
    return receipt;
  };
  const create = async (name, { abi, bytecode }, args = []) => {
    const { contractAddress: address } = await mined(await wallet.deployContract({ abi, bytecode, args }));
    say(`${name} at ${address}`);
    return { address, abi };
  };
  const write = async (contract, functionName, args) => mined(await wallet.writeContract({ ...contract, functionName, args }));

  const token = compileToken();
  const gold = await create("OpenZeppelin ERC20 Gold", token, ["Gold", "GLD", supply]);
  const silver = await create("OpenZeppelin ERC20 Silver", token, ["Silver", "SLV", supply]);
  const wrapped = await create("WETH9", weth);
  const dex = await create("UniswapV2Factory", factory, [owner]);
  const routes = await create("UniswapV2Router02", router, [dex.address, wrapped.address]);

  await write(dex, "createPair", [gold.address, silver.address]);
  const pool = await reader.readContract({ ...dex, functionName: "getPair", args: [gold.address, silver.address] });
  const [first, second] = [gold.address, silver.address].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  const expected = getContractAddress({
    opcode: "CREATE2",
    from: dex.address,
    salt: keccak256(`0x${first.slice(2)}${second.slice(2)}`),
    bytecodeHash: keccak256(pair.bytecode),
  });
  if (pool.toLowerCase() !== expected.toLowerCase()) throw new Error(`the pair is at ${pool}, the router would look at ${expected}`);
  say(`UniswapV2Pair at ${pool}`);

  await write(gold, "approve", [routes.address, supply]);
  await write(silver, "approve", [routes.address, supply]);
  await write(routes, "addLiquidity", [gold.address, silver.address, liquidity, liquidity, 0n, 0n, owner, never]);
  say("liquidity added");
  return { gold, silver, router: routes, pool: { address: pool, abi: pair.abi } };
}
