/**
 * The far end of {@link BlockPool}: loads the EVM module and executes one block after another.
 *
 * A file of its own: bundlers refuse a worker that can start itself.
 * @module
 */
/** A block to execute, as it is posted to a worker. */
export interface BlockMessage {
  id: number;
  chainId: bigint;
  parent: Uint8Array;
  header: Uint8Array;
  input: Uint8Array;
}

/** What a worker posts: the verdict as JSON text, or why there is none. */
export type VerdictMessage = { id: number; verdict: string } | { id: number; error: string };

type Module = typeof import("./evm/sidelight_evm.js");

/** Runs blocks in whatever scope it is called in; the first message brings the module. */
export function serveBlocks(post: (message: VerdictMessage) => void): (data: unknown) => void {
  let loading: Promise<Module> | undefined;
  const load = async (compiled: WebAssembly.Module): Promise<Module> => {
    const module = await import("./evm/sidelight_evm.js");
    await module.default({ module_or_path: compiled });
    return module;
  };
  return (data) => {
    const message = data as BlockMessage | { module: WebAssembly.Module };
    if ("module" in message) {
      loading = load(message.module);
      // Said with the first block.
      loading.catch(() => {});
      return;
    }
    const { id, chainId, parent, header, input } = message;
    Promise.resolve(loading)
      .then((module) => {
        if (!module) throw new Error("no module has come");
        post({ id, verdict: module.executeBlock(chainId, parent, header, input) });
      })
      .catch((error: unknown) => post({ id, error: error instanceof Error ? error.message : String(error) }));
  };
}
