// What is made of rows of logits: log-probabilities and their gradient, probabilities, drawn tokens.
import { LOG2E, logf, madd, pow2, sum4 } from './simd';
import { maximum, powers, scaleBy } from './softmax';

const LN2: f32 = 0.693147180559945309;

/**
 * Of softmax(logits · inverse): writes log Σ exp, then the entropy in nats, and to `powersOut`, unless it is 0,
 * e = exp(logit · inverse − top), whose sum it returns. The entropy is log Σ e − Σ e · log e / Σ e.
 */
function normaliser(logits: usize, V: i32, inverse: f32, lse: usize, entropy: usize, powersOut: usize): f32 {
  const top = maximum(logits, V);
  const factor = f32x4.splat(inverse * LOG2E);
  const shifts = f32x4.splat(top * (inverse * LOG2E));
  let sums0 = f32x4.splat(0), sums1 = sums0;
  let means0 = sums0, means1 = sums0;
  const end = logits + (<usize>V << 2);
  while (logits + 32 <= end) {
    const x = f32x4.sub(f32x4.mul(v128.load(logits), factor), shifts);
    const y = f32x4.sub(f32x4.mul(v128.load(logits, 16), factor), shifts);
    const e = pow2(x);
    const f = pow2(y);
    if (powersOut != 0) {
      v128.store(powersOut, e);
      v128.store(powersOut, f, 16);
      powersOut += 32;
    }
    sums0 = f32x4.add(sums0, e);
    sums1 = f32x4.add(sums1, f);
    means0 = madd(means0, x, e);
    means1 = madd(means1, y, f);
    logits += 32;
  }
  if (logits < end) {
    const x = f32x4.sub(f32x4.mul(v128.load(logits), factor), shifts);
    const e = pow2(x);
    if (powersOut != 0) v128.store(powersOut, e);
    sums0 = f32x4.add(sums0, e);
    means0 = madd(means0, x, e);
  }
  const sum = sum4(f32x4.add(sums0, sums1));
  const logSum = logf(sum);
  store<f32>(lse, top * inverse + logSum);
  store<f32>(entropy, logSum - (sum4(f32x4.add(means0, means1)) / sum) * LN2);
  return sum;
}

/** Log-probability of one token and entropy per row of logits (count, V). */
export function tokenLogProbs(
  logits: usize, tokens: usize, logProbs: usize, entropies: usize, count: i32, V: i32, temperature: f32,
): void {
  const inverse: f32 = <f32>1.0 / temperature;
  for (let i: usize = 0; i < <usize>count << 2; i += 4) {
    const token = <usize>load<i32>(tokens + i) << 2;
    normaliser(logits, V, inverse, logProbs + i, entropies + i, 0);
    store<f32>(logProbs + i, load<f32>(logits + token) * inverse - load<f32>(logProbs + i));
    logits += <usize>V << 2;
  }
}

/** dLogits = dLogProb / temperature · (one-hot(token) − softmax(logits / temperature)). */
export function tokenLogProbsGrad(
  logits: usize, tokens: usize, dLogProbs: usize, dLogits: usize, count: i32, V: i32, temperature: f32,
): void {
  const bytes = <usize>V << 2;
  const inverse: f32 = <f32>1.0 / temperature;
  const factor: f32 = inverse * LOG2E;
  for (let i: usize = 0; i < <usize>count << 2; i += 4) {
    const g: f32 = load<f32>(dLogProbs + i) * inverse;
    if (g == 0) {
      memory.fill(dLogits, 0, bytes);
    } else {
      const token = <usize>load<i32>(tokens + i) << 2;
      const sum = powers(logits, dLogits, V, factor, maximum(logits, V) * factor);
      scaleBy(dLogits, V, -g / sum);
      store<f32>(dLogits + token, load<f32>(dLogits + token) + g);
    }
    logits += bytes;
    dLogits += bytes;
  }
}

/** Probabilities and entropy per row. */
export function softmaxEntropy(
  logits: usize, probs: usize, entropies: usize, count: i32, V: i32, temperature: f32,
): void {
  const bytes = <usize>V << 2;
  const inverse: f32 = <f32>1.0 / temperature;
  for (let i: usize = 0; i < <usize>count << 2; i += 4) {
    const sum = normaliser(logits, V, inverse, entropies + i, entropies + i, probs);
    scaleBy(probs, V, <f32>1.0 / sum);
    logits += bytes;
    probs += bytes;
  }
}

/** Bytes of powers that are summed as one step of the search. */
const STRIDE: usize = 64;

// @ts-ignore: decorator
@inline
function strideSum(from: usize, end: usize): f64 {
  let sum = v128.load(from);
  for (let at = from + 16; at < end; at += 16) sum = f32x4.add(sum, v128.load(at));
  return <f64>sum4(sum);
}

/** The first index where the running sum of V powers exceeds `uniform` of their whole; −1 for NaN. */
function search(powers: usize, V: i32, uniform: f64): i32 {
  const end = powers + (<usize>V << 2);
  let total: f64 = 0;
  for (let at = powers; at < end; at += STRIDE) total += strideSum(at, min(at + STRIDE, end));
  let left = uniform * total;
  for (let at = powers; at < end; at += STRIDE) {
    const next = min(at + STRIDE, end);
    const sum = strideSum(at, next);
    if (left >= sum) {
      left -= sum;
      continue;
    }
    for (let e = at; e < next; e += 4) {
      left -= <f64>load<f32>(e);
      if (left < 0) return <i32>((e - powers) >> 2);
    }
  }
  return -1;
}

function likeliest(logits: usize, V: i32): i32 {
  let best = 0;
  for (let i = 1; i < V; i++) {
    if (load<f32>(logits + (<usize>i << 2)) > load<f32>(logits + (<usize>best << 2))) best = i;
  }
  return best;
}

/**
 * One token per row of logits (count, V), by inverse CDF at `uniforms` or the likeliest (`greedy`), its
 * log-probability and the row's entropy: out (3, count). `scratch` holds V floats.
 */
export function drawTokens(
  logits: usize, uniforms: usize, out: usize, count: i32, V: i32, temperature: f32, greedy: bool, scratch: usize,
): void {
  const inverse: f32 = <f32>1.0 / temperature;
  const line = <usize>count << 2;
  for (let i: usize = 0; i < line; i += 4) {
    const logProb = out + line + i;
    normaliser(logits, V, inverse, logProb, logProb + line, scratch);
    let token = greedy ? -1 : search(scratch, V, <f64>load<f32>(uniforms + i));
    if (token < 0) token = likeliest(logits, V);
    store<f32>(out + i, <f32>token);
    store<f32>(logProb, load<f32>(logits + (<usize>token << 2)) * inverse - load<f32>(logProb));
    logits += <usize>V << 2;
  }
}
