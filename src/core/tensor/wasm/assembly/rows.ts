// Kernels that work row by row or element by element.
import { madd, sigmoid, sum4 } from './simd';

/** out[i] = table[index[i]] for rows of `width` floats. */
export function gatherRows(table: usize, index: usize, out: usize, count: i32, width: i32): void {
  const bytes = (<usize>width) << 2;
  for (let i = 0; i < count; i++) {
    const row = load<i32>(index + ((<usize>i) << 2));
    memory.copy(out + <usize>i * bytes, table + <usize>row * bytes, bytes);
  }
}

/** out = 0; out[index[i]] += rows[i], in order: the gradient of gatherRows, without atomics. */
export function scatterRows(
  rows: usize,
  index: usize,
  out: usize,
  count: i32,
  width: i32,
  outRows: i32,
): void {
  const bytes = (<usize>width) << 2;
  memory.fill(out, 0, <usize>outRows * bytes);
  for (let i = 0; i < count; i++) {
    const to = out + <usize>load<i32>(index + ((<usize>i) << 2)) * bytes;
    const from = rows + <usize>i * bytes;
    for (let d: usize = 0; d < bytes; d += 16) {
      v128.store(to + d, f32x4.add(v128.load(to + d), v128.load(from + d)));
    }
  }
}

/** y = x / rms(x) · weight over rows of `width`. */
export function rmsNorm(x: usize, weight: usize, y: usize, count: i32, width: i32, eps: f32): void {
  const bytes = (<usize>width) << 2;
  for (let i = 0; i < count; i++) {
    let square = f32x4.splat(0);
    for (let d: usize = 0; d < bytes; d += 16) {
      const v = v128.load(x + d);
      square = madd(square, v, v);
    }
    const r = f32x4.splat(<f32>1.0 / sqrt<f32>(sum4(square) / <f32>width + eps));
    for (let d: usize = 0; d < bytes; d += 16) {
      v128.store(y + d, f32x4.mul(f32x4.mul(v128.load(x + d), r), v128.load(weight + d)));
    }
    x += bytes;
    y += bytes;
  }
}

export function rmsNormGrad(
  x: usize,
  weight: usize,
  dY: usize,
  dX: usize,
  dWeight: usize,
  count: i32,
  width: i32,
  eps: f32,
): void {
  const bytes = (<usize>width) << 2;
  memory.fill(dWeight, 0, bytes);
  for (let i = 0; i < count; i++) {
    let square = f32x4.splat(0),
      inner = f32x4.splat(0);
    for (let d: usize = 0; d < bytes; d += 16) {
      const v = v128.load(x + d);
      square = madd(square, v, v);
      inner = madd(inner, v, f32x4.mul(v128.load(dY + d), v128.load(weight + d)));
    }
    const rms: f32 = <f32>1.0 / sqrt<f32>(sum4(square) / <f32>width + eps);
    const r = f32x4.splat(rms);
    const c = f32x4.splat((sum4(inner) * rms * rms * rms) / <f32>width);
    for (let d: usize = 0; d < bytes; d += 16) {
      const v = v128.load(x + d);
      const g = v128.load(dY + d);
      const direct = f32x4.mul(f32x4.mul(g, v128.load(weight + d)), r);
      v128.store(dX + d, f32x4.sub(direct, f32x4.mul(v, c)));
      v128.store(dWeight + d, madd(v128.load(dWeight + d), g, f32x4.mul(v, r)));
    }
    x += bytes;
    dY += bytes;
    dX += bytes;
  }
}

/**
 * Rotates the query and key heads of qkv (count, (H + 2·KV)·headDim) by their position (Llama's
 * half-split layout); values are copied. `sign` −1 undoes it, which is also the gradient.
 */
export function rotary(
  qkv: usize,
  position: usize,
  cosTable: usize,
  sinTable: usize,
  out: usize,
  count: i32,
  heads: i32,
  valueHeads: i32,
  headDim: i32,
  sign: f32,
): void {
  const half = (<usize>(headDim >> 1)) << 2;
  const head = half << 1;
  const signs = f32x4.splat(sign);
  for (let i = 0; i < count; i++) {
    const at = <usize>load<i32>(position + ((<usize>i) << 2)) * half;
    for (let h = 0; h < heads; h++) {
      for (let d: usize = 0; d < half; d += 16) {
        const c = v128.load(cosTable + at + d);
        const s = f32x4.mul(v128.load(sinTable + at + d), signs);
        const a = v128.load(qkv + d);
        const b = v128.load(qkv + half + d);
        v128.store(out + d, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)));
        v128.store(out + half + d, f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s)));
      }
      qkv += head;
      out += head;
    }
    const rest = <usize>valueHeads * head;
    memory.copy(out, qkv, rest);
    qkv += rest;
    out += rest;
  }
}

/** gateUp (count, 2·width) → silu(gate) · up (count, width). */
export function swiGlu(gateUp: usize, out: usize, count: i32, width: i32): void {
  const bytes = (<usize>width) << 2;
  for (let i = 0; i < count; i++) {
    for (let d: usize = 0; d < bytes; d += 16) {
      const g = v128.load(gateUp + d);
      v128.store(out + d, f32x4.mul(f32x4.mul(g, sigmoid(g)), v128.load(gateUp + bytes + d)));
    }
    gateUp += 2 * bytes;
    out += bytes;
  }
}

export function swiGluGrad(
  gateUp: usize,
  dOut: usize,
  dGateUp: usize,
  count: i32,
  width: i32,
): void {
  const bytes = (<usize>width) << 2;
  const one = f32x4.splat(1);
  for (let i = 0; i < count; i++) {
    for (let d: usize = 0; d < bytes; d += 16) {
      const g = v128.load(gateUp + d);
      const u = v128.load(gateUp + bytes + d);
      const dy = v128.load(dOut + d);
      const s = sigmoid(g);
      const slope = f32x4.mul(s, f32x4.add(one, f32x4.mul(g, f32x4.sub(one, s))));
      v128.store(dGateUp + d, f32x4.mul(f32x4.mul(dy, u), slope));
      v128.store(dGateUp + bytes + d, f32x4.mul(dy, f32x4.mul(g, s)));
    }
    gateUp += 2 * bytes;
    dGateUp += 2 * bytes;
    dOut += bytes;
  }
}

/** Floats that are summed as float32 before they join a float64. */
const SUMMED: usize = 256;

/** total + Σ x² over `count` numbers, written to `out` too. */
export function sumSquares(x: usize, count: i32, total: f64, out: usize): f64 {
  const end = x + (<usize>count << 2);
  const whole = end - (<usize>(count & 3) << 2);
  while (x < whole) {
    const stop = min(x + (SUMMED << 2), whole);
    let sum = f32x4.splat(0);
    for (; x < stop; x += 16) {
      const v = v128.load(x);
      sum = f32x4.add(sum, f32x4.mul(v, v));
    }
    total += <f64>sum4(sum);
  }
  for (; x < end; x += 4) {
    const v = <f64>load<f32>(x);
    total += v * v;
  }
  store<f32>(out, <f32>total);
  return total;
}

/** AdamW in place (Loshchilov & Hutter 2019), gradients scaled by `gradScale` (clipping) first. */
export function adamW(
  param: usize,
  grad: usize,
  m: usize,
  v: usize,
  count: i32,
  gradScale: f32,
  learningRate: f32,
  beta1: f32,
  beta2: f32,
  correction1: f32,
  correction2: f32,
  eps: f32,
  decay: f32,
): void {
  const b1 = f32x4.splat(beta1),
    b2 = f32x4.splat(beta2);
  const c1 = f32x4.splat(<f32>1.0 - beta1),
    c2 = f32x4.splat(<f32>1.0 - beta2);
  const s = f32x4.splat(gradScale);
  const keep = f32x4.splat(<f32>1.0 - learningRate * decay);
  const rate = f32x4.splat(learningRate / correction1);
  const inverse2 = f32x4.splat(<f32>1.0 / correction2);
  const e = f32x4.splat(eps);
  const bytes = (<usize>count) << 2;
  for (let d: usize = 0; d < bytes; d += 16) {
    const g = f32x4.mul(v128.load(grad + d), s);
    const m1 = f32x4.add(f32x4.mul(v128.load(m + d), b1), f32x4.mul(g, c1));
    const v1 = f32x4.add(f32x4.mul(v128.load(v + d), b2), f32x4.mul(f32x4.mul(g, g), c2));
    v128.store(m + d, m1);
    v128.store(v + d, v1);
    const step = f32x4.div(f32x4.mul(rate, m1), f32x4.add(f32x4.sqrt(f32x4.mul(v1, inverse2)), e));
    v128.store(param + d, f32x4.sub(f32x4.mul(v128.load(param + d), keep), step));
  }
}
