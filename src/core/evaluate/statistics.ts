/**
 * Means and t-intervals over seeds. Student's t from the regularised incomplete beta function
 * (continued fraction, Numerical Recipes §6.4), on portable functions.
 */
import { badInput } from '../errors.ts';
import { pow } from '../random/math.ts';

export function mean(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** Sample standard deviation (n − 1). NaN for fewer than two values. */
export function sampleStd(values: readonly number[]): number {
  const centre = mean(values);
  let squares = 0;
  for (const value of values) squares += (value - centre) * (value - centre);
  return Math.sqrt(squares / (values.length - 1));
}

/** B(df/2, 1/2) for a whole df ≥ 1, by B(a + 1, b) = B(a, b) · a / (a + b). */
function halfBeta(df: number): number {
  let beta = df % 2 === 1 ? Math.PI : 2;
  for (let a = df % 2 === 1 ? 0.5 : 1; a < df / 2; a++) beta *= a / (a + 0.5);
  return beta;
}

/** The continued fraction of I_x(a, b), by Lentz's method; converges for x < (a + 1) / (a + b + 2). */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const kept = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / kept(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    for (const term of [even, odd]) {
      d = 1 / kept(1 + term * d);
      c = kept(1 + term / c);
      fraction *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return fraction;
}

/** P(T > t) for Student's t. */
export function tUpperTail(t: number, df: number): number {
  if (!Number.isInteger(df) || df < 1) throw badInput('df', df, 'a whole number from 1');
  return t >= 0 ? upperTail(t, df) : 1 - upperTail(-t, df);
}

/** P(T > t) for t ≥ 0: half of I_x(df/2, 1/2) at x = df / (df + t²). */
function upperTail(t: number, df: number): number {
  const a = df / 2;
  const x = df / (df + t * t);
  const rest = (t * t) / (df + t * t);
  const front = (pow(x, a) * Math.sqrt(rest)) / halfBeta(df);
  return x < (a + 1) / (a + 2.5)
    ? (front * betaFraction(x, a, 0.5)) / a / 2
    : (1 - front * betaFraction(rest, 0.5, a) * 2) / 2;
}

/** The t with P(T ≤ t) = p under Student's distribution. `df` is a whole number from 1. */
export function tQuantile(p: number, df: number): number {
  if (!(p > 0 && p < 1)) throw badInput('p', p, 'a probability between 0 and 1');
  if (!Number.isInteger(df) || df < 1) throw badInput('df', df, 'a whole number from 1');
  if (p < 0.5) return -tQuantile(1 - p, df);
  let low = 0;
  let high = 1;
  while (upperTail(high, df) > 1 - p) high *= 2;
  for (;;) {
    const middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return middle;
    if (upperTail(middle, df) > 1 - p) low = middle;
    else high = middle;
  }
}

export interface Interval {
  n: number;
  mean: number;
  /** Sample standard deviation. */
  std: number;
  /** mean ± half: the interval of Student's t at `level`. Infinite for a single value. */
  low: number;
  high: number;
  half: number;
}

/** Two-sided t-interval for the mean, for instance over seeds. */
export function tInterval(values: readonly number[], level = 0.95): Interval {
  const n = values.length;
  if (n === 0) throw badInput('values', values, 'at least one value');
  const centre = mean(values);
  const std = sampleStd(values);
  const half = n > 1 ? (tQuantile((1 + level) / 2, n - 1) * std) / Math.sqrt(n) : Infinity;
  return { n, mean: centre, std, low: centre - half, high: centre + half, half };
}

/** t-interval for the mean of after − before, paired by position: the same seed, task or split. */
export function pairedInterval(
  before: readonly number[],
  after: readonly number[],
  level = 0.95,
): Interval {
  if (before.length !== after.length) {
    throw badInput('after', after.length, `${before.length} values, one per value of before`);
  }
  return tInterval(
    after.map((value, i) => value - before[i]!),
    level,
  );
}

/** The 97.5 % quantile of the normal distribution. */
const Z95 = 1.959963984540054;

/** 95 % interval of a share from `right` of `count` independent questions (Wilson 1927), in [0, 1]. */
export function wilsonInterval(right: number, count: number): { low: number; high: number } {
  if (!(count > 0 && right >= 0 && right <= count)) {
    throw badInput('right', right, `0 to ${count}, the number of questions`);
  }
  const p = right / count;
  const z = (Z95 * Z95) / count;
  const centre = p + z / 2;
  const half = Z95 * Math.sqrt((p * (1 - p) + z / 4) / count);
  // At the ends the formula gives 0 and 1 but for rounding.
  return {
    low: right === 0 ? 0 : (centre - half) / (1 + z),
    high: right === count ? 1 : (centre + half) / (1 + z),
  };
}
