// Causal attention over rows of [query heads | key heads | value heads], positions already rotated.
// Token i of a row attends to [prefixStart[i], prefixEnd[i]) and [segmentStart[i], i]: plain causal
// attention is an empty prefix and segmentStart 0; a group's completions behind one shared prompt, or several examples
// packed into one row, are other choices. Keys and values are transposed per head once, so that the
// inner loops run over positions without horizontal sums.
import { exp4, madd, max4, sum4 } from './simd';

// @ts-ignore: decorator
@inline
function padded(n: i32): i32 {
  return (n + 3) & ~3;
}

/** Bytes between the rows of a transposed copy: room for reading past the end by one block. */
// @ts-ignore: decorator
@inline
function lineBytes(T: i32): usize {
  return (<usize>padded(T) + 8) << 2;
}

/** Floats of scratch that `attention` and `attentionGrad` need. */
export function attentionScratch(T: i32, headDim: i32): i32 {
  return (padded(T) + 8) * (2 * headDim + 4) + 64;
}

function transpose(from: usize, rowBytes: usize, T: i32, headDim: i32, out: usize): void {
  const line = lineBytes(T);
  for (let t = 0; t < T; t++) {
    for (let d = 0; d < headDim; d++) {
      store<f32>(out + <usize>d * line + (<usize>t << 2), load<f32>(from + (<usize>d << 2)));
    }
    from += rowBytes;
  }
}

/** out[j] = x · column (low + j) of a transposed copy, for j < count (whole blocks of four). */
function dots(x: usize, lines: usize, line: usize, low: i32, count: i32, headDim: i32, out: usize): void {
  lines += <usize>low << 2;
  let j = 0;
  for (; j + 4 < count; j += 8) {
    let s0 = f32x4.splat(0), s1 = f32x4.splat(0);
    let at = lines + (<usize>j << 2);
    for (let d = 0; d < headDim; d++) {
      const q = v128.load32_splat(x + (<usize>d << 2));
      s0 = madd(s0, q, v128.load(at));
      s1 = madd(s1, q, v128.load(at, 16));
      at += line;
    }
    v128.store(out + (<usize>j << 2), s0);
    v128.store(out + (<usize>j << 2), s1, 16);
  }
  for (; j < count; j += 4) {
    let s = f32x4.splat(0);
    let at = lines + (<usize>j << 2);
    for (let d = 0; d < headDim; d++) {
      s = madd(s, v128.load32_splat(x + (<usize>d << 2)), v128.load(at));
      at += line;
    }
    v128.store(out + (<usize>j << 2), s);
  }
}

/** Fills the unused lanes of the last block. */
// @ts-ignore: decorator
@inline
function fillTail(buffer: usize, count: i32, value: f32): void {
  for (let j = count; j < padded(count); j++) store<f32>(buffer + (<usize>j << 2), value);
}

/** out[d] += Σ_j weight[j] · row_j[d]. */
function weightedSum(
  weight: usize, from: usize, rowBytes: usize, count: i32, headDim: i32, out: usize,
): void {
  let d = 0;
  for (; d + 16 <= headDim; d += 16) {
    const o = out + (<usize>d << 2);
    let s0 = v128.load(o), s1 = v128.load(o, 16), s2 = v128.load(o, 32), s3 = v128.load(o, 48);
    let at = from + (<usize>d << 2);
    for (let j = 0; j < count; j++) {
      const w = v128.load32_splat(weight + (<usize>j << 2));
      s0 = madd(s0, w, v128.load(at));
      s1 = madd(s1, w, v128.load(at, 16));
      s2 = madd(s2, w, v128.load(at, 32));
      s3 = madd(s3, w, v128.load(at, 48));
      at += rowBytes;
    }
    v128.store(o, s0);
    v128.store(o, s1, 16);
    v128.store(o, s2, 32);
    v128.store(o, s3, 48);
  }
  for (; d < headDim; d += 4) {
    const o = out + (<usize>d << 2);
    let s = v128.load(o);
    let at = from + (<usize>d << 2);
    for (let j = 0; j < count; j++) {
      s = madd(s, v128.load32_splat(weight + (<usize>j << 2)), v128.load(at));
      at += rowBytes;
    }
    v128.store(o, s);
  }
}

/** row_j[d] += weight[j] · x[d]. */
function rankOne(
  weight: usize, x: usize, count: i32, headDim: i32, out: usize, rowBytes: usize,
): void {
  let d = 0;
  for (; d + 16 <= headDim; d += 16) {
    const o = x + (<usize>d << 2);
    const x0 = v128.load(o), x1 = v128.load(o, 16), x2 = v128.load(o, 32), x3 = v128.load(o, 48);
    let at = out + (<usize>d << 2);
    for (let j = 0; j < count; j++) {
      const w = v128.load32_splat(weight + (<usize>j << 2));
      v128.store(at, madd(v128.load(at), w, x0));
      v128.store(at, madd(v128.load(at, 16), w, x1), 16);
      v128.store(at, madd(v128.load(at, 32), w, x2), 32);
      v128.store(at, madd(v128.load(at, 48), w, x3), 48);
      at += rowBytes;
    }
  }
  for (; d < headDim; d += 4) {
    const x0 = v128.load(x + (<usize>d << 2));
    let at = out + (<usize>d << 2);
    for (let j = 0; j < count; j++) {
      const w = v128.load32_splat(weight + (<usize>j << 2));
      v128.store(at, madd(v128.load(at), w, x0));
      at += rowBytes;
    }
  }
}

// @ts-ignore: decorator
@inline
function zero(out: usize, headDim: i32): void {
  for (let d = 0; d < headDim; d += 4) v128.store(out + (<usize>d << 2), f32x4.splat(0));
}

/** Largest of the first `count` scores, whole blocks. */
function maximum(buffer: usize, blocks: i32): f32 {
  let m = f32x4.splat(-1e30);
  for (let j = 0; j < blocks; j += 4) m = f32x4.max(m, v128.load(buffer + (<usize>j << 2)));
  return max4(m);
}

/** buffer = exp(scale · (buffer − top)); returns the sum. */
function exponentials(buffer: usize, blocks: i32, top: f32, scale: f32): f32 {
  let sum = f32x4.splat(0);
  for (let j = 0; j < blocks; j += 4) {
    const at = buffer + (<usize>j << 2);
    const p = exp4(f32x4.mul(f32x4.sub(v128.load(at), f32x4.splat(top)), f32x4.splat(scale)));
    v128.store(at, p);
    sum = f32x4.add(sum, p);
  }
  return sum4(sum);
}

function multiply(buffer: usize, blocks: i32, factor: f32): void {
  for (let j = 0; j < blocks; j += 4) {
    const at = buffer + (<usize>j << 2);
    v128.store(at, f32x4.mul(v128.load(at), f32x4.splat(factor)));
  }
}

/** Raw scores of token i: prefix part, then segment part on the next block boundary. */
// @ts-ignore: decorator
@inline
function scores(
  q: usize, keys: usize, line: usize, low: i32, prefix: i32, start: i32, own: i32, headDim: i32, out: usize,
): i32 {
  const first = padded(prefix);
  dots(q, keys, line, low, prefix, headDim, out);
  fillTail(out, prefix, -1e30);
  const second = out + (<usize>first << 2);
  dots(q, keys, line, start, own, headDim, second);
  fillTail(second, own, -1e30);
  return first + padded(own);
}

/**
 * qkv (B·T, (H + 2·KV)·headDim) → out (B·T, H·headDim); stats (B·T, H, 2) keeps each softmax's
 * maximum and sum for the gradient.
 */
export function attention(
  qkv: usize, prefixStart: usize, prefixEnd: usize, segmentStart: usize, out: usize, stats: usize,
  B: i32, T: i32, H: i32, KV: i32, headDim: i32, scale: f32, scratch: usize,
): void {
  const head: usize = <usize>headDim << 2;
  const row: usize = <usize>(H + 2 * KV) * head;
  const line = lineBytes(T);
  const keys = scratch;
  const weights = keys + 2 * <usize>headDim * line;
  const group = H / KV;
  for (let b = 0; b < B; b++) {
    const base = qkv + <usize>(b * T) * row;
    for (let kv = 0; kv < KV; kv++) {
      transpose(base + <usize>(H + kv) * head, row, T, headDim, keys);
      const values = base + <usize>(H + KV + kv) * head;
      for (let h = kv * group; h < (kv + 1) * group; h++) {
        for (let i = 0; i < T; i++) {
          const token: usize = <usize>(b * T + i);
          const low = load<i32>(prefixStart + (token << 2));
          const prefix = load<i32>(prefixEnd + (token << 2)) - low;
          const start = load<i32>(segmentStart + (token << 2));
          const own = i + 1 - start;
          const q = base + <usize>i * row + <usize>h * head;
          const blocks = scores(q, keys, line, low, prefix, start, own, headDim, weights);
          const top = maximum(weights, blocks);
          const sum = exponentials(weights, blocks, top, scale);
          const o = out + (token * H + h) * head;
          zero(o, headDim);
          multiply(weights, blocks, <f32>1.0 / sum);
          weightedSum(weights, values + <usize>low * row, row, prefix, headDim, o);
          weightedSum(
            weights + (<usize>padded(prefix) << 2), values + <usize>start * row, row, own, headDim, o,
          );
          const stat = stats + ((token * H + h) << 3);
          store<f32>(stat, top);
          store<f32>(stat, sum, 4);
        }
      }
    }
  }
}

/** Gradient of `attention` with respect to qkv. */
export function attentionGrad(
  qkv: usize, prefixStart: usize, prefixEnd: usize, segmentStart: usize, stats: usize, dOut: usize, dQkv: usize,
  B: i32, T: i32, H: i32, KV: i32, headDim: i32, scale: f32, scratch: usize,
): void {
  const head: usize = <usize>headDim << 2;
  const row: usize = <usize>(H + 2 * KV) * head;
  const line = lineBytes(T);
  const keys = scratch;
  const values = keys + <usize>headDim * line;
  const weights = values + <usize>headDim * line;
  const dWeights = weights + 2 * line;
  const group = H / KV;
  memory.fill(dQkv, 0, <usize>(B * T) * row);
  for (let b = 0; b < B; b++) {
    const base = qkv + <usize>(b * T) * row;
    const dBase = dQkv + <usize>(b * T) * row;
    for (let kv = 0; kv < KV; kv++) {
      const keyAt = <usize>(H + kv) * head;
      const valueAt = <usize>(H + KV + kv) * head;
      transpose(base + keyAt, row, T, headDim, keys);
      transpose(base + valueAt, row, T, headDim, values);
      for (let h = kv * group; h < (kv + 1) * group; h++) {
        for (let i = 0; i < T; i++) {
          const token: usize = <usize>(b * T + i);
          const low = load<i32>(prefixStart + (token << 2));
          const prefix = load<i32>(prefixEnd + (token << 2)) - low;
          const start = load<i32>(segmentStart + (token << 2));
          const own = i + 1 - start;
          const second = <usize>padded(prefix) << 2;
          const q = base + <usize>i * row + <usize>h * head;
          const dO = dOut + (token * H + h) * head;
          const stat = stats + ((token * H + h) << 3);
          const blocks = scores(q, keys, line, low, prefix, start, own, headDim, weights);
          exponentials(weights, blocks, load<f32>(stat), scale);
          multiply(weights, blocks, <f32>1.0 / load<f32>(stat, 4));
          dots(dO, values, line, low, prefix, headDim, dWeights);
          fillTail(dWeights, prefix, 0);
          dots(dO, values, line, start, own, headDim, dWeights + second);
          fillTail(dWeights + second, own, 0);
          let inner = f32x4.splat(0);
          for (let j = 0; j < blocks; j += 4) {
            const at = <usize>j << 2;
            inner = madd(inner, v128.load(weights + at), v128.load(dWeights + at));
          }
          const mean = f32x4.splat(sum4(inner));
          for (let j = 0; j < blocks; j += 4) {
            const at = <usize>j << 2;
            const ds = f32x4.mul(
              v128.load(weights + at),
              f32x4.mul(f32x4.sub(v128.load(dWeights + at), mean), f32x4.splat(scale)),
            );
            v128.store(dWeights + at, ds);
          }
          const dq = dBase + <usize>i * row + <usize>h * head;
          const back = <usize>low * row;
          weightedSum(dWeights, base + keyAt + back, row, prefix, headDim, dq);
          rankOne(dWeights, q, prefix, headDim, dBase + keyAt + back, row);
          rankOne(weights, dO, prefix, headDim, dBase + valueAt + back, row);
          const from = <usize>start * row;
          weightedSum(dWeights + second, base + keyAt + from, row, own, headDim, dq);
          rankOne(dWeights + second, q, own, headDim, dBase + keyAt + from, row);
          rankOne(weights + second, dO, own, headDim, dBase + valueAt + from, row);
        }
      }
    }
  }
}

/**
 * One new token per sample. Appends the samples' qkv (R, row) to `cache` (R, capacity, row) at
 * position `step` and attends to the first promptLength tokens of its prompt in `prompts`
 * (P, T, row), then to its own tokens 0..step.
 */
export function attentionDecode(
  qkv: usize, prompts: usize, promptLength: usize, promptOf: usize, cache: usize, out: usize,
  R: i32, T: i32, capacity: i32, step: i32, H: i32, KV: i32, headDim: i32, scale: f32, scratch: usize,
): void {
  const head: usize = <usize>headDim << 2;
  const row: usize = <usize>(H + 2 * KV) * head;
  const group = H / KV;
  for (let r = 0; r < R; r++) {
    const own = cache + <usize>(r * capacity) * row;
    memory.copy(own + <usize>step * row, qkv + <usize>r * row, row);
    const p = load<i32>(promptOf + (<usize>r << 2));
    const length = load<i32>(promptLength + (<usize>p << 2));
    const prompt = prompts + <usize>(p * T) * row;
    const second = <usize>padded(length) << 2;
    const blocks = padded(length) + padded(step + 1);
    for (let h = 0; h < H; h++) {
      const kv = h / group;
      const q = qkv + <usize>r * row + <usize>h * head;
      const keyAt = <usize>(H + kv) * head;
      rowDots(q, prompt + keyAt, row, length, headDim, scratch);
      fillTail(scratch, length, -1e30);
      rowDots(q, own + keyAt, row, step + 1, headDim, scratch + second);
      fillTail(scratch + second, step + 1, -1e30);
      const top = maximum(scratch, blocks);
      const sum = exponentials(scratch, blocks, top, scale);
      multiply(scratch, blocks, <f32>1.0 / sum);
      const o = out + <usize>(r * H + h) * head;
      const valueAt = <usize>(H + KV + kv) * head;
      zero(o, headDim);
      weightedSum(scratch, prompt + valueAt, row, length, headDim, o);
      weightedSum(scratch + second, own + valueAt, row, step + 1, headDim, o);
    }
  }
}

/** out[j] = x · row_j. */
function rowDots(x: usize, from: usize, rowBytes: usize, count: i32, headDim: i32, out: usize): void {
  for (let j = 0; j < count; j++) {
    let s = f32x4.splat(0);
    for (let d = 0; d < headDim; d += 4) {
      s = madd(s, v128.load(x + (<usize>d << 2)), v128.load(from + (<usize>d << 2)));
    }
    store<f32>(out + (<usize>j << 2), sum4(s));
    from += rowBytes;
  }
}
