/**
 * The records of this device in IndexedDB: every run signed and chained to the one before, exported and imported as lines, and replayed.
 *
 * ```text
 *   entry 0 <--previous-- entry 1 <--previous-- entry 2      one transaction for reading the last and adding the next: two tabs cannot fork the chain
 * ```
 * The format is that of `sidelight-edge` (`docs/decision-format.md`, section 11).
 * @module
 */
import { SidelightError, codes } from "../errors.js";
import { bytesToHex, hexToBytes } from "../hex.js";
import type { Hex } from "../types.js";
import { addressOf } from "./commit.js";
import { infer } from "./infer.js";
import { MODELS, findModel } from "./models.js";
import { decisionsModule, guard } from "./module.js";
import { decodeMessage, encodeMessage } from "./tensors.js";
import type { Inference, Model } from "./types.js";

const FORMAT = "sidelight/records@1";
const ZERO: Hex = `0x${"00".repeat(32)}`;
/** Longest file that is read, in characters. */
const MAX_FILE = 256 << 20;

/** A record as it is kept and exported. */
export interface Recorded {
  sequence: number;
  /** Digest of the record before; zero for the first. */
  previous: Hex;
  /** Seconds since 1970, by the device's clock. */
  at: number;
  modelSha256: Hex;
  runtime: { detClass: number; engineSha256: Hex; engine: string; optionsHash: Hex; sampling: Hex; atolE9: number; rtolE9: number };
  optimised: boolean;
  /** Tensors as a message. */
  inputs: Hex;
  outputs: Hex;
  elapsedNs: number;
  signature: Hex;
}

/** Where a second run parts from a record. */
interface Difference {
  message: string;
  /** The first tensor that differs, and its first element. */
  tensor: string | null;
  index: number | null;
}

/** What a replay found. */
export interface Replay {
  /** Records whose second run gave the same. */
  equal: number;
  /** Records that were run again. */
  of: number;
  /** The first that differs; nothing after it was run. */
  divergence: ({ sequence: number } & Difference) | null;
}

export interface RecorderOptions {
  /** The device's key, 32 bytes. */
  key: Hex;
  /** Name of the database. */
  name?: string;
}

/** A record with its digest, which saves hashing the last one again. */
interface Row {
  record: Recorded;
  digest: Hex;
}

/** The records of one device. */
export class Recorder {
  private constructor(
    private readonly db: IDBDatabase,
    private readonly key: Uint8Array,
    /** The device's address. */
    readonly device: Hex,
  ) {}

  /** Opens or makes the records of a database. */
  static async open({ key, name = "sidelight-records" }: RecorderOptions): Promise<Recorder> {
    if (typeof indexedDB === "undefined") {
      throw new SidelightError(codes.unsupportedMethod, "records are kept in IndexedDB, which is not here; outside of browsers sidelight-edge keeps them");
    }
    const device = await addressOf(key);
    const opening = indexedDB.open(name, 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore("records");
      opening.result.createObjectStore("signers");
    };
    return new Recorder(await result(opening), hexToBytes(key, "key", 32), device);
  }

  /** Whoever signed the records that are here; this device, where there are none. */
  async signer(): Promise<Hex> {
    const known = (await result(this.db.transaction("signers").objectStore("signers").get(0))) as Hex | undefined;
    return known ?? this.device;
  }

  /** How many there are. */
  async count(): Promise<number> {
    return result(this.db.transaction("records").objectStore("records").count());
  }

  /** Signs a run of this device and adds it. A store that is full is an error, and leaves what was there. */
  async append(run: Inference): Promise<Recorded> {
    if (run.where.place !== "device") throw new SidelightError(codes.invalidParams, "a record is of a run on this device; a node keeps its own");
    if ((await this.signer()).toLowerCase() !== this.device.toLowerCase()) {
      throw new SidelightError(codes.invalidParams, "the records here are another device's; open another database");
    }
    const module = await decisionsModule();
    // What the pinned engine gave is what a replay here can repeat.
    if (run.runtime.detClass !== 0) throw new SidelightError(codes.unsupportedMethod, `a record of class ${run.runtime.detClass} is not supported here`);
    const [inputs, outputs] = [encodeMessage(run.inputs), encodeMessage(run.outputs)];
    const { transaction, records, signers } = this.#writing();
    const last = records.openCursor(null, "prev");
    let made: Recorded | undefined;
    let failure: unknown;
    last.onsuccess = () => {
      // Synchronous up to the last put: otherwise the transaction would be over.
      try {
        const row = last.result?.value as Row | undefined;
        const draft = {
          sequence: row ? row.record.sequence + 1 : 0,
          previous: row?.digest ?? ZERO,
          at: Math.floor(Date.now() / 1000),
          modelSha256: `0x${run.model.manifest.sha256}`,
          runtime: run.runtime,
          elapsedNs: Math.round(run.runMs * 1e6),
        };
        const next = JSON.parse(guard(() => module.makeEntry(JSON.stringify(draft), inputs, outputs, this.key))) as Row;
        records.add(next, next.record.sequence);
        signers.put(this.device, 0);
        made = next.record;
      } catch (error) {
        failure = error;
        transaction.abort();
      }
    };
    await done(transaction).catch((error: unknown) => {
      throw failure ?? error;
    });
    return made as Recorded;
  }

  /** All of them, oldest first. */
  async list(): Promise<Recorded[]> {
    const rows = (await result(this.db.transaction("records").objectStore("records").getAll())) as Row[];
    return rows.map(({ record }) => record);
  }

  /** Checks every record in its place; how many there are, and the last digest. */
  async verify(): Promise<{ count: number; last: Hex }> {
    const records = await this.list();
    return { count: records.length, last: (await chain(records, await this.signer())).at(-1)?.digest ?? ZERO };
  }

  /** The file: a line that says whose records these are, then one for each. Nothing is passed on that does not hold. */
  async export(): Promise<string> {
    const [records, signer] = [await this.list(), await this.signer()];
    await chain(records, signer);
    const header = { type: FORMAT, signer, count: records.length };
    return [header, ...records].map((line) => `${JSON.stringify(line)}\n`).join("");
  }

  /** Checks records from elsewhere and keeps those that are not here yet: all of them or none. How many were new. */
  async import(text: string): Promise<number> {
    const { signer, records } = readFile(text);
    const here = await this.list();
    if (here.length > 0 && (await this.signer()).toLowerCase() !== signer.toLowerCase()) {
      throw new SidelightError(codes.invalidParams, `signer: expected ${await this.signer()}, got ${signer}`);
    }
    const rows = await chain(records, signer);
    for (const [sequence, record] of here.entries()) {
      const row = rows[sequence];
      if (row && row.record.signature !== record.signature) {
        throw new SidelightError(codes.invalidParams, `record ${sequence} of the file is another one than the one here`);
      }
    }
    const fresh = rows.slice(here.length);
    const { transaction, records: store, signers } = this.#writing();
    for (const row of fresh) store.add(row, row.record.sequence);
    signers.put(signer, 0);
    await done(transaction);
    return fresh.length;
  }

  /** Runs records again on this device, all of them or as many as asked for, and compares: `equal` of `of`, or the first divergence. */
  async replay({ sample, models = MODELS, signal }: { sample?: number; models?: URL; signal?: AbortSignal } = {}): Promise<Replay> {
    const records = await this.list();
    await chain(records, await this.signer());
    const module = await decisionsModule();
    const found = new Map<Hex, Model | null>();
    let equal = 0;
    for (const record of choose(records, sample)) {
      const sha = record.modelSha256;
      if (!found.has(sha)) found.set(sha, await findModel(sha.slice(2), models));
      const model = found.get(sha);
      if (!model) throw new SidelightError(codes.unsupportedMethod, `record ${record.sequence}: no model here has the SHA-256 ${sha}`);
      const inputs = decodeMessage(hexToBytes(record.inputs, "inputs"));
      const run = await infer(model, inputs, { where: "device", optimise: record.optimised, ...(signal ? { signal } : {}) });
      if (run.runtime.engineSha256 !== record.runtime.engineSha256) {
        const message = `record ${record.sequence}: it ran on ${record.runtime.engine}; here is ${run.runtime.engine}, which promises nothing about it`;
        throw new SidelightError(codes.unsupportedMethod, message);
      }
      const difference = JSON.parse(guard(() => module.compareEntry(JSON.stringify(record), encodeMessage(run.outputs)))) as Difference | null;
      if (difference) return { equal, of: equal + 1, divergence: { sequence: record.sequence, ...difference } };
      equal++;
    }
    return { equal, of: equal, divergence: null };
  }

  /** Forgets every record, and whose they were. */
  async clear(): Promise<void> {
    const { transaction, records, signers } = this.#writing();
    records.clear();
    signers.clear();
    await done(transaction);
  }

  close(): void {
    this.db.close();
  }

  #writing(): { transaction: IDBTransaction; records: IDBObjectStore; signers: IDBObjectStore } {
    const transaction = this.db.transaction(["records", "signers"], "readwrite", { durability: "strict" });
    return { transaction, records: transaction.objectStore("records"), signers: transaction.objectStore("signers") };
  }
}

/** Checks the chain from its first record; each with its digest. */
async function chain(records: readonly Recorded[], signer: Hex): Promise<Row[]> {
  const module = await decisionsModule();
  let previous = ZERO;
  return records.map((record, sequence) => {
    const checked = guard(() => module.checkEntry(JSON.stringify(record), BigInt(sequence), previous, signer));
    previous = (JSON.parse(checked) as { digest: Hex }).digest;
    return { record, digest: previous };
  });
}

function readFile(text: string): { signer: Hex; records: Recorded[] } {
  if (text.length > MAX_FILE) throw new SidelightError(codes.limitReached, `file: expected at most ${MAX_FILE} characters, got ${text.length}`);
  const lines = text.split("\n").filter((line) => line !== "");
  const read = (line: string, at: number) => {
    try {
      return JSON.parse(line) as unknown;
    } catch (error) {
      throw new SidelightError(codes.invalidParams, `line ${at + 1}: not JSON`, { cause: error });
    }
  };
  const [header, ...records] = lines.map(read) as [{ type?: unknown; signer?: unknown; count?: unknown } | undefined, ...Recorded[]];
  if (header?.type !== FORMAT) throw new SidelightError(codes.invalidParams, `type: expected ${FORMAT}, got ${String(header?.type)}`);
  if (header.count !== records.length) throw new SidelightError(codes.invalidParams, `records: expected ${String(header.count)}, got ${records.length}`);
  return { signer: bytesToHex(hexToBytes(header.signer, "signer", 20)), records };
}

/** As many as asked for, drawn without repetition, in their order. */
function choose(records: readonly Recorded[], sample = records.length): readonly Recorded[] {
  if (!Number.isInteger(sample) || sample < 0) throw new SidelightError(codes.invalidParams, `sample: expected a whole number, got ${sample}`);
  const all = [...records];
  const wanted = Math.min(sample, all.length);
  const draws = crypto.getRandomValues(new Uint32Array(Math.min(wanted, 16_384)));
  for (let at = 0; at < wanted; at++) {
    const other = at + ((draws[at % draws.length] as number) % (all.length - at));
    [all[at], all[other]] = [all[other] as Recorded, all[at] as Recorded];
  }
  return all.slice(0, wanted).sort((a, b) => a.sequence - b.sequence);
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(refused(request.error));
  });
}

/** Resolves when everything of it is on disk; an error leaves nothing of it. */
function done(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = transaction.onabort = () => reject(refused(transaction.error));
  });
}

function refused(error: DOMException | null): SidelightError {
  const isFull = error?.name === "QuotaExceededError";
  const message = isFull ? "the browser's storage takes no more records" : `records: ${error?.message ?? "the transaction was aborted"}`;
  return new SidelightError(isFull ? codes.limitReached : codes.executionFailed, message, { data: { kind: isFull ? "quota" : "storage" }, cause: error });
}
