// Attention of one new token per sample over its prompt, shared by the prompt's samples, and its own tokens.
// The order of all sums is that of `attention`, so that sampling and training see the same bits.
import { lineBytes } from './attention';
import { LOG2E } from './simd';
import { fill, maximum, padded, powers, scaleBy } from './softmax';
import { gatherHead, multiply, transpose } from './tile';

/** Samples of one prompt that are scored together. */
const SAMPLES: i32 = 8;

// @ts-ignore: decorator
@inline
function scoreBytes(T: i32, capacity: i32): usize {
  return <usize>(padded(T) + padded(capacity) + 16) << 2;
}

/** Floats of scratch that `attentionDecode` needs; `group` query heads share a key head. */
export function decodeScratch(T: i32, capacity: i32, headDim: i32, group: i32): i32 {
  const rows: usize = SAMPLES * group;
  return <i32>((2 * <usize>headDim * lineBytes(T) + rows * scoreBytes(T, capacity)) >> 2) + <i32>rows + 64;
}

/** Where a sample's slab of `cache` has the keys (KV·headDim, capacity) and then the values (capacity, KV·headDim). */
function append(qkv: usize, slab: usize, capacity: i32, step: i32, H: i32, KV: i32, headDim: i32): void {
  const width = KV * headDim;
  const keys = qkv + (<usize>(H * headDim) << 2);
  const line = <usize>capacity << 2;
  let to = slab + (<usize>step << 2);
  for (let d = 0; d < width; d++) {
    store<f32>(to, load<f32>(keys + (<usize>d << 2)));
    to += line;
  }
  const bytes = <usize>width << 2;
  memory.copy(slab + <usize>width * line + <usize>step * bytes, keys + bytes, bytes);
}

/**
 * Appends the samples' qkv (R, row) to `cache` (R, capacity · row) as token number `step` and attends to
 * the first promptLength tokens of its prompt in `prompts` (P, T, row), then to its own tokens 0..step.
 */
export function attentionDecode(
  qkv: usize, prompts: usize, promptLength: usize, promptOf: usize, cache: usize, out: usize,
  R: i32, T: i32, capacity: i32, step: i32, H: i32, KV: i32, headDim: i32, scale: f32, scratch: usize,
): void {
  const head: usize = <usize>headDim << 2;
  const row: usize = <usize>(H + 2 * KV) * head;
  const slab: usize = <usize>capacity * row;
  const group = H / KV;
  for (let r = 0; r < R; r++) {
    append(qkv + <usize>r * row, cache + <usize>r * slab, capacity, step, H, KV, headDim);
  }
  const line = lineBytes(T);
  const wide = scoreBytes(T, capacity);
  const keys = scratch;
  const values = keys + <usize>headDim * line;
  const scores = values + <usize>headDim * line;
  const sums = scores + <usize>(SAMPLES * group) * wide;
  let r0 = 0;
  while (r0 < R) {
    const p = load<i32>(promptOf + (<usize>r0 << 2));
    let r1 = r0 + 1;
    while (r1 < R && load<i32>(promptOf + (<usize>r1 << 2)) == p) r1++;
    const length = load<i32>(promptLength + (<usize>p << 2));
    const prompt = prompts + <usize>(p * T) * row;
    for (let kv = 0; kv < KV; kv++) {
      transpose(prompt + <usize>(H + kv) * head, row, length, headDim, keys, line);
      gatherHead(prompt + <usize>(H + KV + kv) * head, row, length, head, values);
      for (let r = r0; r < r1; r += SAMPLES) {
        const first = <usize>(kv * group) * head;
        decodeBlock(
          qkv + <usize>r * row + first, row, keys, line, values, cache + <usize>r * slab, slab,
          out + <usize>(r * H) * head + first, <usize>H * head, min(SAMPLES, r1 - r), length, capacity,
          step + 1, kv, KV, group, headDim, scale * LOG2E, scores, wide, sums,
        );
      }
    }
    r0 = r1;
  }
}

/** The `group` query heads of key head `kv` for `n` samples of one prompt; rows of scores are (sample, head). */
function decodeBlock(
  q: usize, row: usize, keys: usize, line: usize, values: usize, cache: usize, slab: usize,
  out: usize, outRow: usize, n: i32, length: i32, capacity: i32, own: i32, kv: i32, KV: i32, group: i32,
  headDim: i32, scale: f32, scores: usize, wide: usize, sums: usize,
): void {
  const head: usize = <usize>headDim << 2;
  const sample = <usize>group * wide;
  const first = padded(length);
  const second = <usize>first << 2;
  const count = first + padded(own);
  const ownLine = <usize>capacity << 2;
  const valueRow = <usize>KV * head;
  const ownKeys = cache + <usize>kv * <usize>headDim * ownLine;
  const ownValues = cache + <usize>(KV * headDim) * ownLine + <usize>kv * head;
  for (let g: usize = 0; g < <usize>group; g++) {
    multiply(q + g * head, row, 4, keys, line, scores + g * wide, sample, n, first, headDim, true);
  }
  for (let s: usize = 0; s < <usize>n; s++) {
    multiply(
      q + s * row, head, 4, ownKeys + s * slab, ownLine, scores + s * sample + second, wide,
      group, padded(own), headDim, true,
    );
  }
  for (let i = 0; i < n * group; i++) {
    const from = scores + <usize>i * wide;
    fill(from, length, first, -1e30);
    fill(from + second, own, padded(own), -1e30);
    const top = maximum(from, count) * scale;
    store<f32>(sums + (<usize>i << 2), powers(from, from, count, scale, top));
  }
  for (let g: usize = 0; g < <usize>group; g++) {
    multiply(scores + g * wide, sample, 4, values, head, out + g * head, outRow, n, headDim, length, true);
  }
  for (let s: usize = 0; s < <usize>n; s++) {
    const o = out + s * outRow;
    multiply(
      scores + s * sample + second, wide, 4, ownValues + s * slab, valueRow, o, head,
      group, headDim, own, false,
    );
    for (let g: usize = 0; g < <usize>group; g++) {
      scaleBy(o + g * head, headDim, <f32>1.0 / load<f32>(sums + ((s * <usize>group + g) << 2)));
    }
  }
}
