// The engine in V8: the host's side of edge-runtime/engine/src/abi.rs, for comparisons with wasmtime.
//
//   node engine.mjs ENGINE.wasm MODEL.onnx FLAGS < requests > answers
//
// Requests and answers are messages of tensors, each after its length as a little-endian u32.
import { readFileSync } from "node:fs";
import { argv, stdin, stdout } from "node:process";
import { fileURLToPath } from "node:url";

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
    const result = Buffer.from(memory.buffer.slice(engine_result() >>> 0, (engine_result() >>> 0) + engine_result_length()));
    if (status !== 0) throw new Error(`status ${status}: ${result}`);
    return result;
  }
}

async function main([wasm, model, flags]) {
  const engine = new Engine(readFileSync(wasm));
  engine.load(readFileSync(model), Number(flags));
  const chunks = [];
  for await (const chunk of stdin) chunks.push(chunk);
  const requests = Buffer.concat(chunks);
  const answers = [];
  for (let at = 0; at < requests.length; ) {
    const length = requests.readUInt32LE(at);
    const answer = engine.run(requests.subarray(at + 4, at + 4 + length));
    const head = Buffer.alloc(4);
    head.writeUInt32LE(answer.length);
    answers.push(head, answer);
    at += 4 + length;
  }
  // A pipe takes what it can: the stream waits for the reader.
  stdout.write(Buffer.concat(answers));
}

if (argv[1] === fileURLToPath(import.meta.url)) await main(argv.slice(2));
