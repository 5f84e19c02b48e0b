/**
 * Opens a decision's file, whoever its executor is: a key signs, a contract is asked (ERC-1271), by a call that is executed here on verified state.
 *
 * ```text
 *   file --signature of the executor's key--> open
 *     +---- another signature, and the executor has code: isValidSignature(hash, signature) at the newest block --> open
 * ```
 * @module
 */
import { codes } from "../errors.js";
import type { Hex, Labelled, Trust } from "../types.js";
import { OpenFile, Refusal, judge } from "./module.js";
import type { VerifiedReader } from "./types.js";

/** What the module says about asking the executor. */
interface Question {
  to: Hex;
  data: Hex;
  gas: Hex;
}

/** An open file, and how far a contract's answer was checked; `null` where a key signed. */
export interface Opened {
  file: OpenFile;
  account: Trust | null;
}

/** Checks all of a file that can be checked before its anchor. */
export async function openFile(text: string, chainId: bigint, registry: Hex, client: VerifiedReader): Promise<Opened> {
  try {
    return { file: await OpenFile.open(text, chainId, registry), account: null };
  } catch (error) {
    if (!(error instanceof Refusal) || error.failure.field !== "signature") throw error;
    const { to, data, gas } = await judge<Question>("askAccount", text, chainId, registry);
    const code = (await client.verified({ method: "eth_getCode", params: [to, "latest"] })) as Labelled<Hex>;
    if (code.value === "0x") throw error;
    const answer = await call(client, { to, data, gas });
    return { file: await OpenFile.open(text, chainId, registry, answer.value), account: answer.trust ?? code.trust };
  }
}

/** What the contract returns; nothing, where it reverts or fails. */
async function call(client: VerifiedReader, request: Question): Promise<{ value: Hex; trust: Trust | null }> {
  try {
    return (await client.verified({ method: "eth_call", params: [request, "latest"] })) as Labelled<Hex>;
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code !== codes.reverted && code !== codes.executionFailed) throw error;
    return { value: "0x", trust: null };
  }
}
