// Arithmetic shared by the kernels. No tables: the module must have no data segment, because it lives
// in tfjs's memory and would overwrite it.

/** log₂ e: softmax works with powers of two, so that the factor joins the temperature. */
export const LOG2E: f32 = 1.44269504088896341;

/**
 * 2^t on four lanes for t ≤ 126: the integer part in the exponent, the rest by a polynomial of degree 5 in
 * few and mostly independent steps (Estrin), relative error about 1e-7. 2^0 is 1, below −125 it is
 * 2^−125, NaN stays NaN. Adding 1.5·2²³ rounds to an integer, which then is the low bits of the sum.
 */
// @ts-ignore: decorator
@inline
export function pow2(t: v128): v128 {
  t = f32x4.pmax(t, f32x4.splat(-125));
  const shifted = f32x4.add(t, f32x4.splat(12582912));
  const f = f32x4.sub(t, f32x4.sub(shifted, f32x4.splat(12582912)));
  const square = f32x4.mul(f, f);
  const p01 = madd(f32x4.splat(1), f, f32x4.splat(0.6931469775979743));
  const p23 = madd(f32x4.splat(0.24022242084571155), f, f32x4.splat(0.05550733744961564));
  const p45 = madd(f32x4.splat(0.009671512676531813), f, f32x4.splat(0.0013264726682940334));
  return i32x4.add(madd(p01, square, madd(p23, square, p45)), i32x4.shl(shifted, 23));
}

/** 1 / (1 + exp(−x)) on four lanes. */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  const one = f32x4.splat(1);
  const t = f32x4.pmin(f32x4.mul(x, f32x4.splat(-LOG2E)), f32x4.splat(126));
  return f32x4.div(one, f32x4.add(one, pow2(t)));
}

/** Natural logarithm of a positive normal number (Cephes logf); NaN and infinity stay what they are. */
export function logf(x: f32): f32 {
  if (!(x < f32.MAX_VALUE)) return x;
  let bits = reinterpret<i32>(x);
  let e = ((bits >> 23) & 0xff) - 126;
  bits = (bits & 0x007fffff) | 0x3f000000;
  let m = reinterpret<f32>(bits); // in [0.5, 1)
  if (m < <f32>0.707106781186547524) {
    e -= 1;
    m = m + m - <f32>1.0;
  } else {
    m = m - <f32>1.0;
  }
  const z = m * m;
  let y: f32 = 7.0376836292e-2;
  y = y * m + <f32>-1.1514610310e-1;
  y = y * m + <f32>1.1676998740e-1;
  y = y * m + <f32>-1.2420140846e-1;
  y = y * m + <f32>1.4249322787e-1;
  y = y * m + <f32>-1.6668057665e-1;
  y = y * m + <f32>2.0000714765e-1;
  y = y * m + <f32>-2.4999993993e-1;
  y = y * m + <f32>3.3333331174e-1;
  y = y * m * z;
  const f = <f32>e;
  y = y + f * <f32>-2.12194440e-4;
  y = y - <f32>0.5 * z;
  return m + y + f * <f32>0.693359375;
}

/** Sum of the four lanes, in a fixed order. */
// @ts-ignore: decorator
@inline
export function sum4(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) +
    f32x4.extract_lane(v, 1) +
    (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}

// @ts-ignore: decorator
@inline
export function max4(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

/** c += a · b on four lanes. */
// @ts-ignore: decorator
@inline
export function madd(c: v128, a: v128, b: v128): v128 {
  return f32x4.add(c, f32x4.mul(a, b));
}
