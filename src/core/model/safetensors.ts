/**
 * The safetensors format: 8 bytes of header length (little-endian), a JSON header, the data. Written
 * by hand because no kept-up package does; float32 is written, float32, float16 and bfloat16 are read.
 */
import { badInput } from '../errors.ts';

export interface NamedTensor {
  shape: number[];
  data: Float32Array;
}

/** The format's own limit. */
const MAX_HEADER = 100_000_000;

interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

const bytesPerElement: Record<string, number> = { F32: 4, F16: 2, BF16: 2 };

const elements = (shape: number[]): number => shape.reduce((product, n) => product * n, 1);

export function writeSafetensors(
  tensors: Map<string, NamedTensor>,
  metadata: Record<string, string> = {},
): Uint8Array {
  const header: [string, unknown][] = [['__metadata__', { format: 'pt', ...metadata }]];
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    const data_offsets = [offset, offset + data.byteLength];
    header.push([name, { dtype: 'F32', shape, data_offsets }]);
    offset += data.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const head = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(32); // data is aligned to 8 bytes
  head.set(text);
  const bytes = new Uint8Array(8 + head.length + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(head.length), true);
  bytes.set(head, 8);
  let at = 8 + head.length;
  for (const { data } of tensors.values()) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

function readHeader(bytes: Uint8Array, file: string): { header: unknown; start: number } {
  if (bytes.length < 8) throw badInput(file, bytes.length, 'at least 8 bytes');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  if (length > MAX_HEADER || length > bytes.length - 8) {
    throw badInput(
      `${file}: header length`,
      length,
      `at most ${Math.min(MAX_HEADER, bytes.length - 8)}`,
    );
  }
  let text = '';
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length));
    return { header: JSON.parse(text), start: 8 + length };
  } catch {
    throw badInput(`${file}: header`, text.slice(0, 60), 'valid JSON in UTF-8');
  }
}

function checkEntry(field: string, entry: unknown, available: number): HeaderEntry {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Partial<HeaderEntry>;
  if (typeof dtype !== 'string' || !Object.hasOwn(bytesPerElement, dtype)) {
    throw badInput(`${field}.dtype`, dtype, 'F32, F16 or BF16');
  }
  const whole = (n: unknown): boolean => Number.isSafeInteger(n) && (n as number) >= 0;
  if (!Array.isArray(shape) || !shape.every(whole)) {
    throw badInput(`${field}.shape`, shape, 'a list of sizes');
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(whole)) {
    throw badInput(`${field}.data_offsets`, offsets, 'two offsets');
  }
  const [from, to] = offsets;
  if (to - from !== elements(shape) * bytesPerElement[dtype]! || to > available) {
    const size = `${elements(shape) * bytesPerElement[dtype]!} bytes within ${available}`;
    throw badInput(`${field}.data_offsets`, offsets, size);
  }
  return { dtype, shape, data_offsets: offsets };
}

/** The format allows no gaps and no overlaps, so that a small file cannot ask for much memory. */
function checkCoverage(entries: Map<string, HeaderEntry>, available: number, file: string): void {
  const inOrder = [...entries].sort(([, a], [, b]) => {
    const [x, y] = [a.data_offsets, b.data_offsets];
    return x[0] - y[0] || x[1] - y[1];
  });
  let end = 0;
  for (const [name, { data_offsets }] of inOrder) {
    if (data_offsets[0] !== end) {
      throw badInput(`${file}: ${name}.data_offsets`, data_offsets, `a start at ${end}`);
    }
    end = data_offsets[1];
  }
  if (end !== available) throw badInput(`${file}: data`, `${available} bytes`, `${end} bytes`);
}

const scratch = new DataView(new ArrayBuffer(4));

function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 5.9604644775390625e-8; // 2^-24
  scratch.setUint32(0, ((exponent + 112) << 23) | (fraction << 13));
  return sign * scratch.getFloat32(0);
}

function decode(view: DataView, { dtype, shape, data_offsets }: HeaderEntry): Float32Array {
  const data = new Float32Array(elements(shape));
  const [from] = data_offsets;
  for (let i = 0; i < data.length; i++) {
    if (dtype === 'F32') data[i] = view.getFloat32(from + 4 * i, true);
    else if (dtype === 'F16') data[i] = halfToFloat(view.getUint16(from + 2 * i, true));
    else {
      scratch.setUint32(0, view.getUint16(from + 2 * i, true) << 16);
      data[i] = scratch.getFloat32(0);
    }
  }
  return data;
}

/** Reads every tensor as float32. Offsets, sizes and dtypes are checked before anything is read. */
export function readSafetensors(bytes: Uint8Array, file = 'safetensors'): Map<string, NamedTensor> {
  const { header, start } = readHeader(bytes, file);
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw badInput(`${file}: header`, header, 'a JSON object');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, bytes.byteLength - start);
  const entries = new Map<string, HeaderEntry>();
  for (const [name, raw] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    entries.set(name, checkEntry(`${file}: ${name}`, raw, view.byteLength));
  }
  checkCoverage(entries, view.byteLength, file);
  const tensors = new Map<string, NamedTensor>();
  for (const [name, entry] of entries) {
    tensors.set(name, { shape: entry.shape, data: decode(view, entry) });
  }
  return tensors;
}
