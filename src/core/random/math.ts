/**
 * exp, log, pow, sin and cos built from +, −, ×, ÷ only, which IEEE 754 defines to the last bit:
 * unlike Math.exp and friends these agree in every engine. After fdlibm (Sun Microsystems, 1993).
 */

const LN2_HIGH = 6.9314718036912381649e-1;
const LN2_LOW = 1.90821492927058770002e-10;
const bits = new DataView(new ArrayBuffer(8));

/** x · 2^k for |k| ≤ 2098, exact unless the result is subnormal. */
function scale(x: number, k: number): number {
  while (k > 1023) {
    x *= 8.98846567431158e307; // 2^1023
    k -= 1023;
  }
  while (k < -1022) {
    x *= 2.2250738585072014e-308; // 2^-1022
    k += 1022;
  }
  bits.setUint32(0, (k + 1023) << 20);
  bits.setUint32(4, 0);
  return x * bits.getFloat64(0);
}

export function exp(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x > 709.782712893384) return Infinity;
  if (x < -745.133219101941) return 0;
  const k = Math.round(x * 1.442695040888963387);
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = high - low;
  const t = r * r;
  const c =
    r -
    t *
      (1.66666666666666019037e-1 +
        t *
          (-2.77777777770155933842e-3 +
            t *
              (6.61375632143793436117e-5 +
                t * (-1.6533902205465251539e-6 + t * 4.13813679705723846039e-8))));
  return scale(1 - (low - (r * c) / (2 - c) - high), k);
}

export function log(x: number): number {
  if (Number.isNaN(x) || x < 0) return NaN;
  if (x === 0) return -Infinity;
  if (x === Infinity) return Infinity;
  let k = 0;
  if (x < 2.2250738585072014e-308) {
    x *= 18014398509481984; // 2^54
    k = -54;
  }
  bits.setFloat64(0, x);
  let head = bits.getUint32(0);
  k += (head >>> 20) - 1023;
  head &= 0xfffff;
  const shift = (head + 0x95f64) & 0x100000; // move to [√2/2, √2)
  bits.setUint32(0, head | (shift ^ 0x3ff00000));
  k += shift >>> 20;
  const f = bits.getFloat64(0) - 1;
  const s = f / (2 + f);
  const z = s * s;
  const r =
    z *
    (6.66666666666673513e-1 +
      z *
        (3.999999999940941908e-1 +
          z *
            (2.857142874366239149e-1 +
              z *
                (2.222219843214978396e-1 +
                  z *
                    (1.818357216161805012e-1 +
                      z * (1.531383769920937332e-1 + z * 1.479819860511658591e-1))))));
  const half = 0.5 * f * f;
  return k * LN2_HIGH - (half - (s * (half + r) + k * LN2_LOW) - f);
}

/** x^y for x > 0. */
export function pow(x: number, y: number): number {
  if (y === 0) return 1;
  if (x === 0) return y > 0 ? 0 : Infinity;
  return exp(y * log(x));
}

function kernelSin(x: number): number {
  const z = x * x;
  return (
    x +
    x *
      z *
      (-1.66666666666666324348e-1 +
        z *
          (8.33333333332248946124e-3 +
            z *
              (-1.98412698298579493134e-4 +
                z *
                  (2.75573137070700676789e-6 +
                    z * (-2.50507602534068634195e-8 + z * 1.58969099521155010221e-10)))))
  );
}

function kernelCos(x: number): number {
  const z = x * x;
  return (
    1 -
    (0.5 * z -
      z *
        z *
        (4.16666666666666019037e-2 +
          z *
            (-1.38888888888741095749e-3 +
              z *
                (2.48015872894767294178e-5 +
                  z *
                    (-2.75573143513906633035e-7 +
                      z * (2.0875723212981748279e-9 - z * 1.13596475577881948265e-11))))))
  );
}

/** Quadrant and remainder of x / (π/2), accurate for |x| up to about 10^5. */
function reduce(x: number): [number, number] {
  const n = Math.round(x * 6.36619772367581382433e-1);
  const y = x - n * 1.57079632673412561417 - n * 6.07710050650619224932e-11;
  return [((n % 4) + 4) % 4, y];
}

export function sin(x: number): number {
  const [quadrant, y] = reduce(x);
  if (quadrant === 0) return kernelSin(y);
  if (quadrant === 1) return kernelCos(y);
  return quadrant === 2 ? -kernelSin(y) : -kernelCos(y);
}

export function cos(x: number): number {
  const [quadrant, y] = reduce(x);
  if (quadrant === 0) return kernelCos(y);
  if (quadrant === 1) return -kernelSin(y);
  return quadrant === 2 ? -kernelCos(y) : kernelSin(y);
}
