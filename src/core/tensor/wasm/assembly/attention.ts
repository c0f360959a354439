// Causal attention over rows of [query heads | key heads | value heads], positions already rotated.
// Token i of a row attends to [prefixStart[i], prefixEnd[i]) and [segmentStart[i], i]: plain causal
// attention is an empty prefix and segmentStart 0; a group's completions behind one shared prompt, or several examples
// packed into one row, are other choices. Tokens that follow one another and see the same ranges are a
// block, whose scores and mixtures are products of matrices; keys are transposed per head once for them.
import { LOG2E } from './simd';
import { fill, maximum, padded, powers, scaleBy } from './softmax';
import { gatherHead, multiply, transpose } from './tile';

/** Most tokens of a block. */
export const BLOCK: i32 = 16;

/** Bytes between the rows of a transposed copy: room for reading past the end by one block. */
// @ts-ignore: decorator
@inline
export function lineBytes(T: i32): usize {
  return (<usize>padded(T) + 8) << 2;
}

/** Bytes between the rows of a block's scores: prefix and segment, each padded, and a cache line. */
// @ts-ignore: decorator
@inline
export function scoreBytes(T: i32): usize {
  return (<usize>padded(T) + 24) << 2;
}

/** Floats of scratch that `attention` and `attentionGrad` need. */
export function attentionScratch(T: i32, headDim: i32): i32 {
  return <i32>((5 * <usize>headDim * lineBytes(T) + 2 * BLOCK * scoreBytes(T)) >> 2) + 64;
}

// @ts-ignore: decorator
@inline
function at(list: usize, token: i32): i32 {
  return load<i32>(list + (<usize>token << 2));
}

/** How many tokens from `i` of a row see the same prefix and begin at the same place: at most BLOCK. */
export function blockLength(
  prefixStart: usize, prefixEnd: usize, segmentStart: usize, row: i32, i: i32, T: i32,
): i32 {
  const first = row + i;
  let n = 1;
  while (
    n < BLOCK &&
    i + n < T &&
    at(segmentStart, first + n) == at(segmentStart, first) &&
    at(prefixStart, first + n) == at(prefixStart, first) &&
    at(prefixEnd, first + n) == at(prefixEnd, first)
  ) {
    n++;
  }
  return n;
}

/**
 * scores (n, scoreBytes) = 2^(scale · q · k − top) of a block, its first token the own-th of its
 * segment: prefix, then segment on the next multiple of four, zero where a token does not see.
 * `stats` gets each row's top and sum, or has them (`known`), and then rows are divided by their sum.
 */
export function blockScores(
  q: usize, qStep: usize, keys: usize, line: usize, low: i32, prefix: i32, start: i32, own: i32,
  n: i32, headDim: i32, scale: f32, scores: usize, step: usize, stats: usize, statStep: usize, known: bool,
): void {
  const first = padded(prefix);
  const widest = padded(own + n - 1);
  const second = <usize>first << 2;
  multiply(q, qStep, 4, keys + (<usize>low << 2), line, scores, step, n, first, headDim, true);
  multiply(q, qStep, 4, keys + (<usize>start << 2), line, scores + second, step, n, widest, headDim, true);
  for (let r = 0; r < n; r++) {
    const sees = own + r;
    const count = first + padded(sees);
    fill(scores, prefix, first, -1e30);
    fill(scores + second, sees, padded(sees), -1e30);
    if (!known) store<f32>(stats, maximum(scores, count) * scale);
    const sum = powers(scores, scores, count, scale, load<f32>(stats));
    if (known) scaleBy(scores, count, <f32>1.0 / load<f32>(stats, 4));
    else store<f32>(stats, sum, 4);
    fill(scores + second, sees, widest, 0);
    scores += step;
    stats += statStep;
  }
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
  const outRow: usize = <usize>H * head;
  const statRow: usize = <usize>H << 3;
  const line = lineBytes(T);
  const step = scoreBytes(T);
  const keys = scratch;
  const values = keys + <usize>headDim * line;
  const scores = values + <usize>headDim * line;
  const group = H / KV;
  const scale2 = scale * LOG2E;
  for (let b = 0; b < B; b++) {
    const base = qkv + <usize>(b * T) * row;
    for (let kv = 0; kv < KV; kv++) {
      transpose(base + <usize>(H + kv) * head, row, T, headDim, keys, line);
      gatherHead(base + <usize>(H + KV + kv) * head, row, T, head, values);
      let n = 0;
      for (let i = 0; i < T; i += n) {
        n = blockLength(prefixStart, prefixEnd, segmentStart, b * T, i, T);
        const token = b * T + i;
        const low = at(prefixStart, token);
        const prefix = at(prefixEnd, token) - low;
        const start = at(segmentStart, token);
        const second = <usize>padded(prefix) << 2;
        for (let h = kv * group; h < (kv + 1) * group; h++) {
          const q = base + <usize>i * row + <usize>h * head;
          const o = out + <usize>token * outRow + <usize>h * head;
          const stat = stats + <usize>token * statRow + (<usize>h << 3);
          blockScores(
            q, row, keys, line, low, prefix, start, i + 1 - start,
            n, headDim, scale2, scores, step, stat, statRow, false,
          );
          multiply(
            scores, step, 4, values + <usize>low * head, head, o, outRow, n, headDim, prefix, true,
          );
          multiply(
            scores + second, step, 4, values + <usize>start * head, head, o, outRow,
            n, headDim, i + n - start, false,
          );
          for (let r: usize = 0; r < <usize>n; r++) {
            scaleBy(o + r * outRow, headDim, <f32>1.0 / load<f32>(stat + r * statRow, 4));
          }
        }
      }
    }
  }
}
