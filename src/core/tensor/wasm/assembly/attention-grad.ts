// Gradient of attention: the scores of a block are computed again, and all five products are of matrices.
import { blockLength, BLOCK, blockScores, lineBytes, scoreBytes } from './attention';
import { LOG2E, madd, sum4 } from './simd';
import { fill, padded } from './softmax';
import { gatherHead, multiply, scatterHead, transpose } from './tile';

/** dScores = scale · weights · (dWeights − Σ weights · dWeights), in place of dWeights. */
function softmaxGrad(weights: usize, dWeights: usize, count: i32, scale: f32): void {
  let inner = f32x4.splat(0);
  for (let d: usize = 0; d < <usize>count << 2; d += 16) {
    inner = madd(inner, v128.load(weights + d), v128.load(dWeights + d));
  }
  const mean = f32x4.splat(sum4(inner));
  const scales = f32x4.splat(scale);
  for (let d: usize = 0; d < <usize>count << 2; d += 16) {
    const centred = f32x4.sub(v128.load(dWeights + d), mean);
    v128.store(dWeights + d, f32x4.mul(v128.load(weights + d), f32x4.mul(centred, scales)));
  }
}

/** Gradient of `attention` with respect to qkv. */
export function attentionGrad(
  qkv: usize, prefixStart: usize, prefixEnd: usize, segmentStart: usize, stats: usize, dOut: usize, dQkv: usize,
  B: i32, T: i32, H: i32, KV: i32, headDim: i32, scale: f32, scratch: usize,
): void {
  const head: usize = <usize>headDim << 2;
  const row: usize = <usize>(H + 2 * KV) * head;
  const outRow: usize = <usize>H * head;
  const statRow: usize = <usize>H << 3;
  const line = lineBytes(T);
  const step = scoreBytes(T);
  const part = <usize>headDim * line;
  const keys = scratch; // transposed, as are the values
  const values = keys + part;
  const keyRows = values + part;
  const dKeys = keyRows + part;
  const dValues = dKeys + part;
  const weights = dValues + part;
  const dWeights = weights + BLOCK * step;
  const group = H / KV;
  const scale2 = scale * LOG2E;
  memory.fill(dQkv, 0, <usize>(B * T) * row);
  for (let b = 0; b < B; b++) {
    const base = qkv + <usize>(b * T) * row;
    const dBase = dQkv + <usize>(b * T) * row;
    for (let kv = 0; kv < KV; kv++) {
      const keyAt = <usize>(H + kv) * head;
      const valueAt = <usize>(H + KV + kv) * head;
      transpose(base + keyAt, row, T, headDim, keys, line);
      transpose(base + valueAt, row, T, headDim, values, line);
      gatherHead(base + keyAt, row, T, head, keyRows);
      memory.fill(dKeys, 0, 2 * part);
      let n = 0;
      for (let i = 0; i < T; i += n) {
        n = blockLength(prefixStart, prefixEnd, segmentStart, b * T, i, T);
        const token = <usize>(b * T + i);
        const low = load<i32>(prefixStart + (token << 2));
        const prefix = load<i32>(prefixEnd + (token << 2)) - low;
        const start = load<i32>(segmentStart + (token << 2));
        const own = i + 1 - start;
        const widest = own + n - 1;
        const first = padded(prefix);
        const second = <usize>first << 2;
        const back = <usize>low * head;
        const from = <usize>start * head;
        for (let h = kv * group; h < (kv + 1) * group; h++) {
          const q = base + <usize>i * row + <usize>h * head;
          const dQ = dBase + <usize>i * row + <usize>h * head;
          const dO = dOut + token * outRow + <usize>h * head;
          const stat = stats + token * statRow + (<usize>h << 3);
          blockScores(
            q, row, keys, line, low, prefix, start, own,
            n, headDim, scale2, weights, step, stat, statRow, true,
          );
          multiply(
            dO, outRow, 4, values + (<usize>low << 2), line, dWeights, step, n, first, headDim, true,
          );
          multiply(
            dO, outRow, 4, values + (<usize>start << 2), line, dWeights + second, step,
            n, padded(widest), headDim, true,
          );
          for (let r = 0; r < n; r++) {
            const dRow = dWeights + <usize>r * step;
            fill(dRow, prefix, first, 0);
            fill(dRow + second, own + r, padded(widest), 0);
            softmaxGrad(weights + <usize>r * step, dRow, first + padded(own + r), scale);
          }
          multiply(dWeights, step, 4, keyRows + back, head, dQ, row, n, headDim, prefix, false);
          multiply(dWeights, 4, step, q, row, dKeys + back, head, prefix, headDim, n, false);
          multiply(weights, 4, step, dO, outRow, dValues + back, head, prefix, headDim, n, false);
          const dOwn = dWeights + second;
          multiply(dOwn, step, 4, keyRows + from, head, dQ, row, n, headDim, widest, false);
          multiply(dOwn, 4, step, q, row, dKeys + from, head, widest, headDim, n, false);
          multiply(weights + second, 4, step, dO, outRow, dValues + from, head, widest, headDim, n, false);
        }
      }
      scatterHead(dKeys, T, head, dBase + keyAt, row);
      scatterHead(dValues, T, head, dBase + valueAt, row);
    }
  }
}
