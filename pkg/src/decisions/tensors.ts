/**
 * Tensors, and the messages in which the engine takes and gives them (`docs/decision-format.md`, section 2).
 * @module
 */
import { SidelightError, codes } from "../errors.js";
import type { DType, Port, Tensor } from "./types.js";

/** ONNX's code and bytes of an element. */
const TYPES: Record<DType, readonly [code: number, size: number]> = {
  FP32: [1, 4], UINT8: [2, 1], INT8: [3, 1], UINT16: [4, 2], INT16: [5, 2], INT32: [6, 4], INT64: [7, 8], BYTES: [8, 0],
  BOOL: [9, 1], FP16: [10, 2], FP64: [11, 8], UINT32: [12, 4], UINT64: [13, 8], BF16: [16, 2],
};
const NAMES = new Map(Object.entries(TYPES).map(([name, [code]]) => [code, name as DType]));
const MAX_TENSORS = 64;
const MAX_RANK = 8;

/** A message of tensors. They are sorted by name, bytewise. */
export function encodeMessage(tensors: readonly Tensor[]): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder();
  const parts = tensors.map((tensor) => ({ tensor, name: text.encode(tensor.name) })).sort((a, b) => compareBytes(a.name, b.name));
  const length = parts.reduce((sum, { tensor, name }) => sum + 2 + name.length + 2 + 8 * tensor.shape.length + 8 + tensor.bytes.length, 4);
  const message = new Uint8Array(length);
  const view = new DataView(message.buffer);
  view.setUint32(0, parts.length, true);
  let at = 4;
  for (const { tensor, name } of parts) {
    const type = TYPES[tensor.dtype];
    if (!type) throw refused(`${tensor.name}: unknown dtype ${tensor.dtype}`);
    view.setUint16(at, name.length, true);
    message.set(name, at + 2);
    at += 2 + name.length;
    view.setUint8(at, type[0]);
    view.setUint8(at + 1, tensor.shape.length);
    at += 2;
    for (const size of [...tensor.shape, tensor.bytes.length]) {
      view.setBigUint64(at, BigInt(size), true);
      at += 8;
    }
    message.set(tensor.bytes, at);
    at += tensor.bytes.length;
  }
  return message;
}

/** The tensors of a message. */
export function decodeMessage(message: Uint8Array): Tensor[] {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const text = new TextDecoder("utf-8", { fatal: true });
  let at = 0;
  const take = (length: number) => {
    if (length > message.length - at) throw refused(`message of tensors: it ends at byte ${message.length}`);
    at += length;
    return at - length;
  };
  const size = () => {
    const value = view.getBigUint64(take(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw refused(`message of tensors: a size of ${value}`);
    return Number(value);
  };
  const count = view.getUint32(take(4), true);
  if (count > MAX_TENSORS) throw refused(`message of tensors: expected at most ${MAX_TENSORS}, got ${count}`);
  const tensors: Tensor[] = [];
  for (let index = 0; index < count; index++) {
    const nameLength = view.getUint16(take(2), true);
    const start = take(nameLength);
    const name = text.decode(message.subarray(start, start + nameLength));
    const dtype = NAMES.get(view.getUint8(take(1)));
    if (!dtype) throw refused(`${name}: unknown dtype`);
    const rank = view.getUint8(take(1));
    if (rank > MAX_RANK) throw refused(`${name}: expected at most ${MAX_RANK} dimensions, got ${rank}`);
    const shape = Array.from({ length: rank }, size);
    const byteLength = size();
    const from = take(byteLength);
    tensors.push({ name, dtype, shape, bytes: message.slice(from, from + byteLength) });
  }
  if (at !== message.length) throw refused(`message of tensors: ${message.length - at} bytes are left`);
  return tensors;
}

/** A tensor for an input of a model, from plain numbers. A free size is what the numbers give. */
export function tensorOf(port: Port, values: readonly number[]): Tensor {
  const [, size] = TYPES[port.dtype] ?? [0, 0];
  const fixed = port.shape.reduce((product, dim) => (dim < 0 ? product : product * dim), 1);
  const free = port.shape.filter((dim) => dim < 0).length;
  const rest = values.length / fixed;
  if (!Number.isInteger(rest) || (free === 0 && rest !== 1) || rest < 1) {
    throw refused(`${port.name}: expected ${free ? "a multiple of " : ""}${fixed} numbers, got ${values.length}`);
  }
  let isFirst = true;
  const shape = port.shape.map((dim) => {
    if (dim >= 0) return dim;
    const chosen = isFirst ? rest : 1;
    isFirst = false;
    return chosen;
  });
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => write(view, index * size, port, value));
  return { name: port.name, dtype: port.dtype, shape, bytes };
}

/** The elements as numbers; `null` for types that do not fit one. */
export function valuesOf({ dtype, bytes }: Pick<Tensor, "dtype" | "bytes">): number[] | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = READERS[dtype];
  if (!read) return null;
  const [, size] = TYPES[dtype];
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, index) => read(view, index * size));
}

const READERS: Partial<Record<DType, (view: DataView, at: number) => number>> = {
  FP32: (view, at) => view.getFloat32(at, true),
  FP64: (view, at) => view.getFloat64(at, true),
  UINT8: (view, at) => view.getUint8(at),
  INT8: (view, at) => view.getInt8(at),
  UINT16: (view, at) => view.getUint16(at, true),
  INT16: (view, at) => view.getInt16(at, true),
  UINT32: (view, at) => view.getUint32(at, true),
  INT32: (view, at) => view.getInt32(at, true),
  BOOL: (view, at) => view.getUint8(at),
};

/** Whole numbers that the type holds; NaN and infinity only where it has them. */
function write(view: DataView, at: number, port: Port, value: number): void {
  const whole = (low: number, high: number) => {
    if (!Number.isInteger(value) || value < low || value > high) {
      throw refused(`${port.name}: expected whole numbers from ${low} to ${high}, got ${value}`);
    }
    return value;
  };
  switch (port.dtype) {
    case "FP32": return view.setFloat32(at, value, true);
    case "UINT8": return view.setUint8(at, whole(0, 255));
    case "INT8": return view.setInt8(at, whole(-128, 127));
    case "BOOL": return view.setUint8(at, whole(0, 1));
    case "INT32": return view.setInt32(at, whole(-(2 ** 31), 2 ** 31 - 1), true);
    case "INT64": return view.setBigInt64(at, BigInt(whole(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)), true);
    default: throw refused(`${port.name}: ${port.dtype} is not supported as an input`);
  }
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    if (a[index] !== b[index]) return (a[index] as number) - (b[index] as number);
  }
  return a.length - b.length;
}

function refused(message: string): SidelightError {
  return new SidelightError(codes.invalidParams, message);
}
