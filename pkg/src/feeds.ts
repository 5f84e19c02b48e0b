/**
 * Filters and subscriptions: cursors over verified blocks. They hold nothing that a node could have left out, because every answer is `eth_getLogs` over the
 * blocks since the last one, which is complete or an error; after an error the cursor stays where it is.
 *
 * ```text
 *   reported | next ........ head          eth_getFilterChanges, or a verified block: ask for next..head, then next = head + 1
 *            ^ a reorganisation moves it back; logs of the blocks that are gone are reported once more, with removed: true
 * ```
 * @module
 */
import { SidelightError, codes } from "./errors.js";
import { show } from "./hex.js";
import type { Hex, ReorgEvent } from "./types.js";

/** Asks the verifier. */
type Ask = (method: string, params: readonly unknown[]) => Promise<unknown>;
/** Delivers a notification of a subscription. */
type Deliver = (subscription: Hex, result: unknown) => void;

/** The methods that are answered here. */
const METHODS = [
  "eth_newFilter",
  "eth_newBlockFilter",
  "eth_getFilterChanges",
  "eth_getFilterLogs",
  "eth_uninstallFilter",
  "eth_subscribe",
  "eth_unsubscribe",
] as const;

/** Filters and subscriptions at a time. */
const MAX_FEEDS = 64;
/** A filter that nobody asks is dropped after so long. */
const LIFE_MS = 5 * 60_000;
/** Blocks that one answer covers. */
const MAX_BLOCKS = { logs: 10_000, blocks: 256, heads: 256 } as const;
/** Blocks below the head whose logs can still be taken back. */
const MEMORY = 256;

interface LogFilter {
  fromBlock?: unknown;
  toBlock?: unknown;
  blockHash?: unknown;
  [key: string]: unknown;
}

interface Log {
  blockNumber: Hex;
  removed: boolean;
}

interface Feed {
  readonly id: Hex;
  readonly kind: keyof typeof MAX_BLOCKS;
  readonly filter: LogFilter;
  readonly isPushed: boolean;
  /** The first block that was not reported. */
  next: number;
  /** Logs that were reported lately. */
  reported: Log[];
  /** Logs to take back. */
  removed: Log[];
  asked: number;
  /** The poll before, so that two never overlap. */
  last: Promise<unknown>;
}

export class Feeds {
  readonly #ask: Ask;
  readonly #deliver: Deliver;
  readonly #feeds = new Map<string, Feed>();
  #count = 0;
  /** Counts reorganisations. */
  #branch = 0;

  constructor(ask: Ask, deliver: Deliver) {
    this.#ask = ask;
    this.#deliver = deliver;
  }

  static has(method: string): boolean {
    return (METHODS as readonly string[]).includes(method);
  }

  async request(method: string, params: readonly unknown[]): Promise<unknown> {
    switch (method) {
      case "eth_newFilter":
        return this.#add("logs", readFilter(params[0]), false);
      case "eth_newBlockFilter":
        return this.#add("blocks", {}, false);
      case "eth_subscribe":
        if (params[0] === "logs") return this.#add("logs", readFilter(params[1] ?? {}), true);
        if (params[0] === "newHeads") return this.#add("heads", {}, true);
        throw new SidelightError(codes.unsupportedMethod, `the subscription ${show(params[0])}`);
      case "eth_getFilterChanges":
        return this.#poll(this.#filter(params[0]));
      case "eth_getFilterLogs": {
        const feed = this.#filter(params[0]);
        if (feed.kind !== "logs") throw unknownFilter(params[0]);
        return this.#ask("eth_getLogs", [feed.filter]);
      }
      default:
        return this.#feeds.delete(String(params[0]));
    }
  }

  /** A block was verified: subscriptions hear of it. */
  onBlock(): void {
    for (const feed of this.#feeds.values()) {
      if (!feed.isPushed) continue;
      const deliver = (results: unknown[]) => {
        for (const result of results) if (this.#feeds.has(feed.id)) this.#deliver(feed.id, result);
      };
      // What failed is asked for again with the next block; a lie has been told as a fault.
      this.#poll(feed).then(deliver, () => {});
    }
  }

  onReorg({ newHead }: ReorgEvent): void {
    this.#branch++;
    for (const feed of this.#feeds.values()) {
      const isGone = (log: Log) => Number(log.blockNumber) > newHead.number;
      feed.removed.push(...feed.reported.filter(isGone).map((log) => ({ ...log, removed: true })));
      feed.reported = feed.reported.filter((log) => !isGone(log));
      feed.next = Math.min(feed.next, newHead.number + 1);
    }
  }

  clear(): void {
    this.#feeds.clear();
  }

  async #add(kind: Feed["kind"], filter: LogFilter, isPushed: boolean): Promise<Hex> {
    if (kind === "logs" && isRange(filter)) {
      // Whatever is wrong with the filter is said now. An empty range costs no request.
      await this.#ask("eth_getLogs", [{ ...filter, fromBlock: "latest", toBlock: "latest" }]);
    }
    const next = (await this.#head()) + 1;
    const now = performance.now();
    for (const feed of this.#feeds.values()) {
      if (!feed.isPushed && now - feed.asked > LIFE_MS) this.#feeds.delete(feed.id);
    }
    if (this.#feeds.size >= MAX_FEEDS) {
      throw new SidelightError(codes.limitReached, `more than ${MAX_FEEDS} filters and subscriptions`);
    }
    const id: Hex = `0x${(++this.#count).toString(16)}`;
    const last = Promise.resolve();
    this.#feeds.set(id, { id, kind, filter, isPushed, next, reported: [], removed: [], asked: now, last });
    return id;
  }

  #filter(id: unknown): Feed {
    const feed = this.#feeds.get(String(id));
    if (!feed || feed.isPushed) throw unknownFilter(id);
    return feed;
  }

  #poll(feed: Feed): Promise<unknown[]> {
    feed.asked = performance.now();
    const poll = feed.last.then(() => this.#changes(feed));
    feed.last = poll.catch(() => {});
    return poll;
  }

  async #changes(feed: Feed): Promise<unknown[]> {
    for (;;) {
      const branch = this.#branch;
      const first = feed.next;
      const head = await this.#head();
      const last = Math.min(head, first + MAX_BLOCKS[feed.kind] - 1);
      const found = first > last ? [] : await this.#search(feed, first, last);
      // A reorganisation in between: the blocks that were asked for may be of either branch.
      if (branch !== this.#branch) continue;
      feed.next = Math.max(feed.next, last + 1);
      if (feed.kind !== "logs") return found;
      const logs = found as Log[];
      const isRecent = (log: Log) => Number(log.blockNumber) + MEMORY > head;
      feed.reported = [...feed.reported, ...logs].filter(isRecent);
      return [...feed.removed.splice(0), ...logs];
    }
  }

  async #search(feed: Feed, first: number, last: number): Promise<unknown[]> {
    if (feed.kind === "logs") {
      const from = Math.max(first, bound(feed.filter.fromBlock, 0));
      const to = Math.min(last, bound(feed.filter.toBlock, Infinity));
      if (from > to) return [];
      const range = { fromBlock: hex(from), toBlock: hex(to) };
      return (await this.#ask("eth_getLogs", [{ ...feed.filter, ...range }])) as Log[];
    }
    const results: unknown[] = [];
    for (let number = first; number <= last; number++) {
      const block = (await this.#ask("eth_getBlockByNumber", [hex(number), false])) as Record<string, unknown>;
      const { transactions: _, uncles: __, withdrawals: ___, ...header } = block;
      results.push(feed.kind === "blocks" ? block["hash"] : header);
    }
    return results;
  }

  async #head(): Promise<number> {
    return Number(await this.#ask("eth_blockNumber", []));
  }
}

function hex(number: number): Hex {
  return `0x${number.toString(16)}`;
}

/** A bound that is a number; a tag bounds nothing that is still to come. */
function bound(value: unknown, otherwise: number): number {
  return typeof value === "string" && value.startsWith("0x") ? Number(value) : otherwise;
}

function isRange(filter: LogFilter): boolean {
  return filter.blockHash === undefined || filter.blockHash === null;
}

function readFilter(filter: unknown): LogFilter {
  if (typeof filter !== "object" || filter === null || Array.isArray(filter)) {
    throw new SidelightError(codes.invalidParams, `filter: expected an object, got ${show(filter)}`);
  }
  if (!isRange(filter as LogFilter)) {
    throw new SidelightError(codes.invalidParams, "a filter cannot follow one block hash; use eth_getLogs");
  }
  return filter as LogFilter;
}

function unknownFilter(id: unknown): SidelightError {
  return new SidelightError(codes.unknownBlock, `no filter ${show(id)}`);
}
