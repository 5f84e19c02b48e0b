/**
 * `eth_call` and `eth_estimateGas`: run, prove what was missing, run again.
 *
 * The EVM is a module of its own that is loaded with the first such request. Nothing reaches it that the verifier has not
 * proven against one block's state root, and the hash of every code is computed in it once more.
 * @module
 */
import { buildCall, parseParams } from "./call.js";
import { SidelightError, codes } from "./errors.js";
import { bytesToHex, hexToBytes, word } from "./hex.js";
import { isBelow } from "./levels.js";
import { compile, type PostableWasm } from "./wasm.js";
import type { AccountView, BlockView, Hex, Labelled, Trust, TrustLevel } from "./types.js";
import type { Call, CallResult, Evm } from "./evm/sidelight_evm.js";

/** Asks the verifier. */
export type Ask = <T>(method: string, params: readonly unknown[]) => Promise<T>;

type Module = typeof import("./evm/sidelight_evm.js");

const EMPTY_CODE = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
const EMPTY_TRIE = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";

/** Items after which a block's machine is replaced, so that it stays below the module's own limit. */
const MAX_SHARED_ITEMS = 8_000;
/** Blocks whose proven state is kept for the next request. */
const MAX_MACHINES = 2;
/** Codes that are kept over blocks. */
const MAX_CODES = 64;

/** A block, its machine, and what was proven for it. */
interface Machine {
  evm: Evm;
  block: BlockView;
  accounts: Set<string>;
  items: number;
  /** The worst level of anything in it. */
  level: TrustLevel;
  /** Who gave the newest account. */
  source: string;
}

/** What one request cost. */
interface Tally {
  accounts: number;
  slots: number;
  codes: number;
  bytes: number;
  ms: number;
  rounds: number;
}

export class Executor {
  readonly #ask: Ask;
  readonly #source: PostableWasm | undefined;
  readonly #machines = new Map<string, Machine>();
  readonly #codes = new Map<string, Uint8Array>();
  #module: Promise<Module> | undefined;

  constructor(ask: Ask, source: PostableWasm | undefined) {
    this.#ask = ask;
    this.#source = source;
  }

  /** Answers `eth_call` with the returned data, `eth_estimateGas` with the gas. */
  async run(method: string, params: readonly unknown[]): Promise<Labelled<Hex>> {
    const { request, block } = parseParams(params);
    const module = await this.#load();
    const call = buildCall(module.Call, request);
    try {
      const machine = await this.#machine(module, block);
      const tally: Tally = { accounts: 0, slots: 0, codes: 0, bytes: 0, ms: 0, rounds: 0 };
      const result = await this.#settle(module, machine, call, method, tally);
      return { value: result, trust: label(machine, tally) };
    } finally {
      call.free();
    }
  }

  /** Runs until nothing is missing. */
  async #settle(
    module: Module,
    machine: Machine,
    call: Call,
    method: string,
    tally: Tally,
  ): Promise<Hex> {
    for (; tally.rounds < module.Evm.maxRounds(); tally.rounds++) {
      const began = performance.now();
      const result =
        method === "eth_estimateGas" ? machine.evm.estimateGas(call) : machine.evm.call(call);
      tally.ms += performance.now() - began;
      try {
        if (result.kind !== "missing") return answer(method, result);
        await this.#prove(machine, result, tally);
      } finally {
        result.free();
      }
    }
    const rounds = `${tally.rounds} rounds of proofs`;
    throw new SidelightError(codes.limitReached, `the request needs more than ${rounds}`);
  }

  /** Fetches everything that a run has missed, side by side. */
  async #prove(machine: Machine, result: CallResult, tally: Tally): Promise<void> {
    const wanted = new Map<string, string[]>();
    for (const address of split(result.missingAccounts, 20)) wanted.set(bytesToHex(address), []);
    for (const entry of split(result.missingSlots, 52)) {
      const address = bytesToHex(entry.subarray(0, 20));
      const slots = wanted.get(address) ?? [];
      slots.push(bytesToHex(entry.subarray(20)));
      wanted.set(address, slots);
    }
    const work: Promise<void>[] = [];
    for (const [address, slots] of wanted) {
      work.push(this.#proveAccount(machine, address, slots, tally));
    }
    for (const address of split(result.missingCodes, 20)) {
      work.push(this.#proveCode(machine, bytesToHex(address), undefined, tally));
    }
    for (const number of result.missingBlockHashes) {
      work.push(this.#proveBlockHash(machine, number));
    }
    await Promise.all(work);
  }

  async #proveAccount(
    machine: Machine,
    address: string,
    slots: string[],
    tally: Tally,
  ): Promise<void> {
    const view = await this.#ask<AccountView>("sidelight_account", [
      address,
      slots,
      machine.block.hash,
    ]);
    const at = hexToBytes(address, "address", 20);
    const { trust } = view.balance;
    lower(machine, trust.level);
    machine.source = trust.source;
    tally.bytes += trust.proofBytes;
    tally.ms += trust.ms;
    if (!machine.accounts.has(address)) {
      tally.accounts++;
      machine.accounts.add(address);
      this.#add(machine, () => {
        if (!view.exists.value) return machine.evm.addAbsent(at);
        const balance = word(BigInt(view.balance.value));
        const hash = hexToBytes(view.codeHash.value, "codeHash", 32);
        const isEmpty = view.storageRoot.value === EMPTY_TRIE;
        machine.evm.addAccount(at, balance, BigInt(view.nonce.value), hash, isEmpty);
      });
      // Whoever asks for an account nearly always runs its code next.
      if (view.exists.value && view.codeHash.value !== EMPTY_CODE) {
        await this.#proveCode(machine, address, view.codeHash.value, tally);
      }
    }
    for (const { slot, value, trust } of view.storage) {
      tally.slots++;
      lower(machine, trust.level);
      this.#add(machine, () => machine.evm.addSlot(at, word(BigInt(slot)), word(BigInt(value))));
    }
  }

  async #proveCode(
    machine: Machine,
    address: string,
    hash: string | undefined,
    tally: Tally,
  ): Promise<void> {
    let code = hash === undefined ? undefined : this.#codes.get(hash);
    if (!code) {
      const block = { blockHash: machine.block.hash };
      code = hexToBytes(await this.#ask("eth_getCode", [address, block]), "code");
      if (hash !== undefined) remember(this.#codes, hash, code, MAX_CODES);
    }
    tally.codes++;
    const bytes = code;
    this.#add(machine, () => machine.evm.addCode(bytes));
  }

  async #proveBlockHash(machine: Machine, number: bigint): Promise<void> {
    const text = `0x${number.toString(16)}`;
    const block = await this.#ask<{ hash: string } | null>("eth_getBlockByNumber", [text, false]);
    if (!block) throw new SidelightError(codes.unknownBlock, `no verified block ${number}`);
    lower(machine, "signed");
    this.#add(machine, () => machine.evm.addBlockHash(number, hexToBytes(block.hash, "hash", 32)));
  }

  #add(machine: Machine, add: () => void): void {
    machine.items++;
    try {
      add();
    } catch (error) {
      throw new SidelightError(codes.limitReached, (error as Error).message, { cause: error });
    }
  }

  async #machine(module: Module, id: string): Promise<Machine> {
    const block = await this.#ask<BlockView>("sidelight_block", [id]);
    const known = this.#machines.get(block.hash);
    if (known && known.items < MAX_SHARED_ITEMS) return known;
    const { chainId } = await this.#ask<{ chainId: number }>("sidelight_status", []);
    const evm = new module.Evm(
      BigInt(chainId),
      BigInt(block.number),
      BigInt(block.timestamp),
      BigInt(block.gasLimit),
      BigInt(block.baseFee),
      hexToBytes(block.beneficiary, "beneficiary", 20),
      hexToBytes(block.mixHash, "mixHash", 32),
      0n,
    );
    const machine: Machine = {
      evm,
      block,
      accounts: new Set(),
      items: 0,
      level: "proven",
      source: block.trust.source,
    };
    remember(this.#machines, block.hash, machine, MAX_MACHINES);
    return machine;
  }

  #load(): Promise<Module> {
    this.#module ??= (async () => {
      const module = await import("./evm/sidelight_evm.js");
      const file = new URL("./evm/sidelight_evm_bg.wasm", import.meta.url);
      await module.default({ module_or_path: await compile(this.#source, file) });
      return module;
    })();
    // A failed download may succeed the next time.
    this.#module.catch(() => (this.#module = undefined));
    return this.#module;
  }
}

function answer(method: string, result: CallResult): Hex {
  switch (result.kind) {
    case "success":
      return method === "eth_estimateGas"
        ? `0x${result.gasUsed.toString(16)}`
        : bytesToHex(result.output);
    case "revert": {
      const reason = result.reason === undefined ? "" : `: ${result.reason}`;
      const data = bytesToHex(result.output);
      throw new SidelightError(codes.reverted, `execution reverted${reason}`, { data });
    }
    default:
      throw new SidelightError(codes.executionFailed, result.reason ?? "execution failed");
  }
}

function label({ block, level, source }: Machine, tally: Tally): Trust {
  const { accounts, slots, codes, rounds } = tally;
  return {
    ...block.trust,
    level,
    checks: [
      "the block's header is signed by the scheduled sequencer",
      `${accounts} accounts, ${slots} slots and ${codes} codes proven against its state root in ${rounds} rounds`,
      "executed here",
    ],
    proof: null,
    proofBytes: tally.bytes,
    ms: tally.ms,
    source,
  };
}

/** A result is as good as the worst value that it can have been made of. */
function lower(machine: Machine, level: TrustLevel): void {
  if (isBelow(level, machine.level)) machine.level = level;
}

function split(bytes: Uint8Array, length: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += length) parts.push(bytes.subarray(at, at + length));
  return parts;
}

/** Sets an entry of a map that drops its oldest one when it is full. */
function remember<V>(map: Map<string, V>, key: string, value: V, max: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= max) break;
    map.delete(oldest);
  }
}
