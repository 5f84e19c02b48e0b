/**
 * The transaction object of `eth_call` and `eth_estimateGas`, checked.
 * @module
 */
import { SidelightError, codes } from "./errors.js";
import { hexToBytes, quantity, show, word } from "./hex.js";
import type { Call } from "./evm/sidelight_evm.js";

/** What the request asks to be run on. */
export type BlockId = string;

type CallClass = new (from: Uint8Array, to: Uint8Array | undefined, value: Uint8Array, data: Uint8Array) => Call;

const REFUSED = ["authorizationList", "blobVersionedHashes", "blobs", "maxFeePerBlobGas"];

/** Params of either method: the request and the block, as text. */
export function parseParams(params: readonly unknown[]): { request: Record<string, unknown>; block: BlockId } {
  const [request, block, ...overrides] = params;
  if (typeof request !== "object" || request === null || Array.isArray(request)) {
    throw invalid(`expected a transaction object, got ${show(request)}`);
  }
  if (overrides.some((value) => value != null && Object.keys(value).length > 0)) {
    throw invalid("state and block overrides are not supported");
  }
  return { request: request as Record<string, unknown>, block: parseBlock(block) };
}

/** Builds the module's request. */
export function buildCall(Call: CallClass, request: Record<string, unknown>): Call {
  const given = (name: string) => (request[name] == null ? undefined : request[name]);
  const refused = REFUSED.find((name) => given(name) !== undefined);
  if (refused) throw invalid(`${refused} is not supported`);

  const from = given("from");
  const to = given("to");
  const call = new Call(
    from === undefined ? new Uint8Array(20) : hexToBytes(from, "from", 20),
    to === undefined ? undefined : hexToBytes(to, "to", 20),
    word(quantity(given("value") ?? "0x0", "value", 256)),
    input(given("input"), given("data")),
  );
  if (given("gas") !== undefined) call.setGas(clampGas(quantity(given("gas"), "gas", 256)));
  if (given("chainId") !== undefined) call.setChainId(quantity(given("chainId"), "chainId", 64));
  setFees(call, given("gasPrice"), given("maxFeePerGas"), given("maxPriorityFeePerGas"));
  addAccessList(call, given("accessList"));
  return call;
}

/** A block tag, number or hash; EIP-1898 objects become the text that they hold. */
function parseBlock(block: unknown): BlockId {
  if (block == null) return "latest";
  if (typeof block === "string") return block;
  const { blockHash, blockNumber } = block as { blockHash?: unknown; blockNumber?: unknown };
  const text = blockHash ?? blockNumber;
  if (typeof text === "string") return text;
  throw invalid(`expected a block, got ${show(block)}`);
}

function input(input: unknown, data: unknown): Uint8Array {
  if (input !== undefined && data !== undefined && input !== data) {
    throw invalid("data and input are both given and differ");
  }
  return hexToBytes(input ?? data ?? "0x", "data");
}

/** More than any cap is the cap: the module limits it. */
function clampGas(gas: bigint): bigint {
  const max = (1n << 64n) - 1n;
  return gas > max ? max : gas;
}

function setFees(call: Call, gasPrice: unknown, maxFee: unknown, priorityFee: unknown): void {
  if (gasPrice !== undefined) {
    if (maxFee !== undefined || priorityFee !== undefined) {
      throw invalid("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified");
    }
    call.setFees(quantity(gasPrice, "gasPrice", 128), undefined);
  } else if (maxFee !== undefined) {
    const tip = quantity(priorityFee ?? "0x0", "maxPriorityFeePerGas", 128);
    call.setFees(quantity(maxFee, "maxFeePerGas", 128), tip);
  }
}

function addAccessList(call: Call, list: unknown): void {
  if (list === undefined) return;
  if (!Array.isArray(list)) throw invalid(`accessList: expected a list, got ${show(list)}`);
  for (const entry of list as { address?: unknown; storageKeys?: unknown }[]) {
    const keys = entry?.storageKeys ?? [];
    if (!Array.isArray(keys)) throw invalid(`storageKeys: expected a list, got ${show(keys)}`);
    const slots = new Uint8Array(keys.length * 32);
    keys.forEach((key, i) => slots.set(hexToBytes(key, "storageKeys", 32), i * 32));
    call.addAccess(hexToBytes(entry?.address, "address", 20), slots);
  }
}

function invalid(message: string): SidelightError {
  return new SidelightError(codes.invalidParams, message);
}
