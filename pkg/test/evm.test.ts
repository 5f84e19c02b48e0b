// The real EVM module over a state that is handed out piece by piece, as the verifier does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Executor } from "../dist/evm.js";
import { SidelightError } from "sidelight";

const EMPTY_CODE = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
const EMPTY_TRIE = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";
const FULL_TRIE = `0x${"77".repeat(32)}`;
const HASH = `0x${"bb".repeat(32)}`;
const contract = `0x${"c0".repeat(20)}`;

/**
 * Returns the slot whose number is in the call data; reverts when it is zero.
 * PUSH 0, CALLDATALOAD, SLOAD, DUP, PUSH 0, MSTORE, PUSH 0x10, JUMPI, revert(0, 32), JUMPDEST, return(0, 32)
 */
const code = "0x600035548060005260105760206000fd5b60206000f3";
const codeHash = "0x2491a2ea20b8b53f4993be293b9aa48519f0575ccafd3d4d55f95367d28ef090";

interface World {
  executor: Executor;
  /** Methods that the verifier was asked, in order. */
  asked: string[];
}

/** Answers like the verifier, with the labels of proofs. */
function world({ served = code, slots = {} as Record<string, string> } = {}): World {
  const trust = { level: "consistent", proofBytes: 100, ms: 1, source: "http://a", checks: [] };
  const labelled = (value: unknown) => ({ value, trust });
  const asked: string[] = [];
  const answers: Record<string, (params: readonly unknown[]) => unknown> = {
    sidelight_status: () => ({ chainId: 31337 }),
    sidelight_block: () => ({
      number: 10,
      hash: HASH,
      timestamp: 1_800_000_000,
      gasLimit: 30_000_000,
      baseFee: "0x7",
      beneficiary: `0x${"00".repeat(20)}`,
      mixHash: HASH,
      trust: { ...trust, level: "signed", block: { number: 10, hash: HASH }, stateRoot: HASH },
    }),
    sidelight_account: ([address, keys, block]) => {
      assert.equal(block, HASH, "every read is at the same block");
      const isContract = address === contract;
      const storage = (keys as string[]).map((slot) => {
        return { slot, ...labelled(slots[BigInt(slot).toString()] ?? "0x0") };
      });
      return {
        exists: labelled(isContract),
        balance: labelled("0x0"),
        nonce: labelled(1),
        codeHash: labelled(isContract ? codeHash : EMPTY_CODE),
        storageRoot: labelled(isContract ? FULL_TRIE : EMPTY_TRIE),
        storage,
      };
    },
    eth_getCode: () => served,
  };
  const ask = async <T>(method: string, params: readonly unknown[]): Promise<T> => {
    asked.push(method);
    const answer = answers[method];
    if (!answer) throw new SidelightError(4200, method);
    return answer(params) as T;
  };
  return { executor: new Executor(ask, undefined), asked };
}

const read = (slot: bigint) => ({ to: contract, data: `0x${slot.toString(16).padStart(64, "0")}` });

test("a call is run until nothing is missing, and says what it rests on", async () => {
  const { executor, asked } = world({ slots: { "5": "0x2a" } });
  const { value, trust } = await executor.run("eth_call", [read(5n), "latest"]);
  assert.equal(BigInt(value), 42n);
  assert.equal(trust.level, "consistent");
  assert.equal(trust.block?.number, 10);
  assert.ok(trust.checks.includes("executed here"));
  // Sender, contract, its code, then the slot.
  const accounts = asked.filter((method) => method === "sidelight_account");
  assert.equal(accounts.length, 3);
});

test("a second call at the same block proves only what is new", async () => {
  const { executor, asked } = world({ slots: { "5": "0x2a", "6": "0x2b" } });
  await executor.run("eth_call", [read(5n)]);
  asked.length = 0;
  const { value, trust } = await executor.run("eth_call", [read(6n)]);
  assert.equal(BigInt(value), 43n);
  assert.equal(trust.level, "consistent");
  assert.deepEqual(asked.filter((method) => method !== "sidelight_block"), ["sidelight_account"]);
});

test("a revert has code 3 and its data", async () => {
  const { executor } = world();
  const data = `0x${"00".repeat(32)}`;
  await assert.rejects(executor.run("eth_call", [read(5n)]), { code: 3, data, message: "execution reverted" });
  await assert.rejects(executor.run("eth_estimateGas", [read(5n)]), { code: 3 });
});

test("an estimate is a quantity that covers the call", async () => {
  const { executor } = world({ slots: { "5": "0x2a" } });
  const { value } = await executor.run("eth_estimateGas", [read(5n)]);
  assert.ok(BigInt(value) > 21_000n && BigInt(value) < 30_000n, value);
  const enough = await executor.run("eth_call", [{ ...read(5n), gas: value }]);
  assert.equal(BigInt(enough.value), 42n);
});

test("running out of gas has geth's words and no retried code", async () => {
  const { executor } = world({ slots: { "5": "0x2a" } });
  const request = { ...read(5n), gas: "0x5500" };
  await assert.rejects(executor.run("eth_call", [request]), { code: -32000, message: "out of gas" });
});

test("code that does not hash to the account's code hash is never run", async () => {
  const { executor } = world({ served: "0x00", slots: { "5": "0x2a" } });
  await assert.rejects(executor.run("eth_call", [read(5n)]), { code: -32002 });
});
