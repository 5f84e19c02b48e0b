/**
 * Which methods are answered, and how far their answers can be trusted.
 * @module
 */

/** Where an answer comes from. */
export type Verification =
  /** From the rules that the client was started with, or a signed header. */
  | "signed"
  /** Proven against the state root, or another root, of a signed header. */
  | "proven"
  /** Executed here over values that are proven so. */
  | "executed";

/** Every method that is answered verified; all others are refused with 4200. */
export const methods: Readonly<Record<string, Verification>> = {
  eth_chainId: "signed",
  net_version: "signed",
  eth_blockNumber: "signed",
  eth_getBlockByNumber: "proven",
  eth_getBlockByHash: "proven",
  eth_getBalance: "proven",
  eth_getTransactionCount: "proven",
  eth_getCode: "proven",
  eth_getStorageAt: "proven",
  eth_getProof: "proven",
  eth_getTransactionByHash: "proven",
  eth_getTransactionByBlockHashAndIndex: "proven",
  eth_getTransactionByBlockNumberAndIndex: "proven",
  eth_getTransactionReceipt: "proven",
  eth_getBlockReceipts: "proven",
  eth_getLogs: "proven",
  eth_call: "executed",
  eth_estimateGas: "executed",
};

/** Whether a method is answered verified. */
export function isVerified(method: string): boolean {
  return Object.hasOwn(methods, method);
}
