// The engine in V8: the host's side of edge-runtime/engine/src/abi.rs, for comparisons with wasmtime.
//
//   node engine.mjs ENGINE.wasm MODEL.onnx FLAGS < requests > answers
//
// Requests and answers are messages of tensors, each after its length as a little-endian u32. The class alone also runs in a browser (chromium.mjs).

export class Engine {
  constructor(wasm) {
    const module = wasm instanceof WebAssembly.Module ? wasm : new WebAssembly.Module(wasm);
    this.exports = new WebAssembly.Instance(module).exports;
  }

  load(file, flags) {
    const { engine_load } = this.exports;
    this.#check(engine_load(this.#copyIn(file), file.length, flags));
  }

  run(message) {
    const { engine_run, engine_free } = this.exports;
    const pointer = this.#copyIn(message);
    const answer = this.#check(engine_run(pointer, message.length));
    engine_free(pointer, message.length);
    return answer;
  }

  #copyIn(bytes) {
    const pointer = this.exports.engine_alloc(bytes.length) >>> 0;
    if (pointer === 0) throw new Error(`no memory for ${bytes.length} bytes`);
    new Uint8Array(this.exports.memory.buffer, pointer, bytes.length).set(bytes);
    return pointer;
  }

  #check(status) {
    const { memory, engine_result, engine_result_length } = this.exports;
    const start = engine_result() >>> 0;
    const result = new Uint8Array(memory.buffer.slice(start, start + engine_result_length()));
    if (status !== 0) throw new Error(`status ${status}: ${new TextDecoder().decode(result)}`);
    return result;
  }

  /** Runs every request of a list. */
  runAll(requests) {
    const view = new DataView(requests.buffer, requests.byteOffset, requests.byteLength);
    const answers = [];
    for (let at = 0; at < requests.length; ) {
      const length = view.getUint32(at, true);
      const answer = this.run(requests.subarray(at + 4, at + 4 + length));
      answers.push(new Uint8Array(new Uint32Array([answer.length]).buffer), answer);
      at += 4 + length;
    }
    const all = new Uint8Array(answers.reduce((sum, { length }) => sum + length, 0));
    answers.reduce((at, answer) => (all.set(answer, at), at + answer.length), 0);
    return all;
  }
}

/** What comes from a stream until it ends. */
export async function readAll(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function main([wasm, model, flags]) {
  const { readFileSync } = await import("node:fs");
  const engine = new Engine(readFileSync(wasm));
  engine.load(readFileSync(model), Number(flags));
  // A pipe takes what it can: the stream waits for the reader.
  process.stdout.write(engine.runAll(await readAll(process.stdin)));
}

if (globalThis.process?.argv[1] === new URL(import.meta.url).pathname) await main(process.argv.slice(2));
