// One row's softmax in pieces, shared by attention and what is made of logits.
import { max4, pow2, sum4 } from './simd';

// @ts-ignore: decorator
@inline
export function padded(n: i32): i32 {
  return (n + 3) & ~3;
}

/** Sets lanes count … end of a buffer. */
// @ts-ignore: decorator
@inline
export function fill(buffer: usize, count: i32, end: i32, value: f32): void {
  for (let j = count; j < end; j++) store<f32>(buffer + (<usize>j << 2), value);
}

/** Largest of the first `count` values, a multiple of four. */
export function maximum(buffer: usize, count: i32): f32 {
  let m0 = f32x4.splat(-1e30), m1 = m0;
  const end = buffer + (<usize>count << 2);
  while (buffer + 32 <= end) {
    m0 = f32x4.pmax(m0, v128.load(buffer));
    m1 = f32x4.pmax(m1, v128.load(buffer, 16));
    buffer += 32;
  }
  if (buffer < end) m0 = f32x4.pmax(m0, v128.load(buffer));
  return max4(f32x4.pmax(m0, m1));
}

/** to = 2^(scale · from − shift) for `count` values, a multiple of four; returns the sum. */
export function powers(from: usize, to: usize, count: i32, scale: f32, shift: f32): f32 {
  const factor = f32x4.splat(scale);
  const shifts = f32x4.splat(shift);
  const end = from + (<usize>count << 2);
  let sum0 = f32x4.splat(0), sum1 = sum0;
  while (from + 32 <= end) {
    const x = f32x4.sub(f32x4.mul(v128.load(from), factor), shifts);
    const y = f32x4.sub(f32x4.mul(v128.load(from, 16), factor), shifts);
    const p = pow2(x);
    const q = pow2(y);
    v128.store(to, p);
    v128.store(to, q, 16);
    sum0 = f32x4.add(sum0, p);
    sum1 = f32x4.add(sum1, q);
    from += 32;
    to += 32;
  }
  if (from < end) {
    const p = pow2(f32x4.sub(f32x4.mul(v128.load(from), factor), shifts));
    v128.store(to, p);
    sum0 = f32x4.add(sum0, p);
  }
  return sum4(f32x4.add(sum0, sum1));
}

/** buffer · factor for `count` values, a multiple of four. */
export function scaleBy(buffer: usize, count: i32, factor: f32): void {
  const factors = f32x4.splat(factor);
  for (let d: usize = 0; d < <usize>count << 2; d += 16) {
    v128.store(buffer + d, f32x4.mul(v128.load(buffer + d), factors));
  }
}
