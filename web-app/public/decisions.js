// The explorer's way to models and decisions: the package's own functions, asked by name with JSON, so that the pages draw and do nothing else.
//
// What runs a model, hashes, signs and compares is loaded with the first question, never before.

/** A device's key: made here, kept here, worth nothing anywhere else. */
const KEY = "sidelight.device-key";
/** Pays on the development chain: the last account of the mnemonic that every such chain has. */
const DEV_PAYER = "0xdf57089febbacf7ba0bc227dafbffa9fc08a93fdc68e1e42411a14efcf23656e";
const DEV_CHAIN = 31337n;

/** The last runs, which can be committed. */
const runs = new Map();
const MAX_RUNS = 8;
let nextRun = 1;

let loading;
const load = () => (loading ??= import("/sidelight/decisions/index.js"));

/** Answers a question. `verified(method, params)` is a verified read of the client. Rejects with the JSON of `{ code, message }`. */
export async function ask(method, params, verified) {
  try {
    const api = await load();
    const client = { verified: ({ method, params = [] }) => verified(method, JSON.stringify(params)).then(JSON.parse, refused) };
    return JSON.stringify(await answer(api, client, method, JSON.parse(params)));
  } catch (error) {
    if (typeof error === "string") throw error;
    const { code = -32000, message = String(error) } = error ?? {};
    throw JSON.stringify({ code, message });
  }
}

/** An error of the client, which comes as JSON. */
function refused(json) {
  const { message, ...error } = JSON.parse(json);
  throw Object.assign(new Error(message), error);
}

async function answer(api, client, method, params) {
  switch (method) {
    case "models":
      return api.listModels();
    case "infer":
      return infer(api, client, params);
    case "commit":
      return commit(api, client, params);
    case "verify":
      return verify(api, client, params);
    case "records":
      return records(api, params);
    default:
      throw { code: 4200, message: `${method} is not supported` };
  }
}

async function infer(api, client, { model, values, where, backend, nodes }) {
  progress = null;
  const onProgress = (loaded, total) => (progress = { loaded, total });
  const loaded = await api.loadModel(model, { onProgress });
  progress = null;
  const [input] = loaded.manifest.inputs;
  const onnxruntime = new URL("/onnxruntime/", location.href);
  const run = await api.infer(loaded, { [input.name]: values }, { where, nodes, client, backend, onnxruntime });
  const id = nextRun++;
  runs.set(id, run);
  // Every run of the pinned engine leaves a record; a store that takes none is said, and the run stands.
  const recorded = run.where.place === "device" && run.runtime.detClass === 0 ? await record(api, run) : null;
  if (runs.size > MAX_RUNS) runs.delete(runs.keys().next().value);
  const { where: place, runtime, loadMs, runMs } = run;
  const outputs = run.outputs.map((tensor) => shown(api, tensor));
  return { id, where: place, runtime, loadMs, runMs, from: loaded.from, outputs, decision: run.decision?.hash ?? null, recorded };
}

let opening;
const recorder = (api) => (opening ??= api.Recorder.open({ key: deviceKey() }));

async function record(api, run) {
  try {
    const { sequence } = await (await recorder(api)).append(run);
    return { sequence, error: null };
  } catch (error) {
    opening = undefined;
    return { sequence: null, error: error?.message ?? String(error) };
  }
}

/** What is asked of the records, then how many there are and whose. */
async function records(api, { action, text, sample }) {
  const kept = await recorder(api);
  const done = { export: () => kept.export(), import: () => kept.import(text), replay: () => kept.replay({ sample }), clear: () => kept.clear() };
  const result = action ? await done[action]() : null;
  return { count: await kept.count(), signer: await kept.signer(), result: result ?? null };
}

/** Bytes of the download that goes on, as `{ loaded, total }`; `null` while there is none. */
let progress = null;
export const downloaded = () => JSON.stringify(progress);

async function commit(api, client, { run: id, nodes, parent }) {
  const run = runs.get(id);
  if (!run) throw { code: -32602, message: "this run is no longer here: run the model again" };
  const key = deviceKey();
  const chainId = BigInt((await client.verified({ method: "eth_chainId" })).value);
  const payer = chainId === DEV_CHAIN ? DEV_PAYER : key;
  const { hash, transaction, block, stored, text } = await api.commitDecision(run, { client, nodes, key, payer, ...(parent ? { parent } : {}) });
  return { hash, transaction, block, stored, text };
}

async function verify(api, client, { decision, nodes, level }) {
  const verdict = await api.verifyDecision(decision, { client, nodes, level });
  const { record, rerun } = verdict;
  const open = (opening) => opening?.tensors.map(({ bytes, ...tensor }) => shown(api, { ...tensor, bytes: fromHex(bytes) })) ?? null;
  return {
    ...verdict,
    text: record ? JSON.stringify(record, null, 2) : null,
    input: open(record?.input),
    output: open(record?.output),
    rerun: rerun && { ...rerun, outputs: rerun.outputs.map((tensor) => shown(api, tensor)) },
  };
}

/** A tensor with numbers instead of bytes, as many as a page can show. */
function shown(api, tensor) {
  const values = api.valuesOf(tensor);
  return { name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, values: values?.slice(0, 4096) ?? null };
}

function deviceKey() {
  const kept = localStorage.getItem(KEY);
  if (/^0x[0-9a-f]{64}$/.test(kept ?? "")) return kept;
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const key = `0x${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  localStorage.setItem(KEY, key);
  return key;
}

function fromHex(text) {
  return Uint8Array.from(text.slice(2).match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
