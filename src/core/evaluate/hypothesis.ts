/**
 * Whether a difference over seeds is one: paired t-tests, Holm's correction for several of them, and
 * how many pairs it takes to find a difference of a given size.
 */
import { badInput } from '../errors.ts';
import { exp, log } from '../random/math.ts';
import { mean, sampleStd, tQuantile, tUpperTail } from './statistics.ts';

/**
 * Two-sided p of one direction: twice the probability, were the mean difference `bound`, of differences at
 * least this far above it; 1 at most. Below .05 exactly when the 95 % t-interval of the mean lies above
 * `bound`, so that a difference in the wrong direction never counts. With `bound` = −margin it is the
 * non-inferiority test at one-sided .025.
 *
 * @param differences one per pair, larger is better. NaN for fewer than two.
 */
export function pairedP(differences: readonly number[], bound = 0): number {
  const n = differences.length;
  if (n < 2) return NaN;
  const above = mean(differences) - bound;
  const error = sampleStd(differences) / Math.sqrt(n);
  // Equal differences: all of them are above the bound, or none is.
  if (error === 0) return above > 0 ? 0 : 1;
  return Math.min(1, 2 * tUpperTail(above / error, n - 1));
}

/**
 * Holm's step-down adjustment (Holm 1979), as R's `p.adjust(p, "holm")`: the p of each hypothesis such that
 * comparing it with α keeps the chance of any false one within α. NaN stays NaN and still counts as a
 * hypothesis: one that could not be tested yet does not make the others easier.
 */
export function holm(p: readonly number[]): number[] {
  const order = [...p.keys()].filter((i) => !Number.isNaN(p[i])).sort((a, b) => p[a]! - p[b]!);
  const adjusted = p.map(() => NaN);
  let highest = 0;
  order.forEach((i, rank) => {
    highest = Math.max(highest, Math.min(1, (p.length - rank) * p[i]!));
    adjusted[i] = highest;
  });
  return adjusted;
}

/** Standard normal distribution function, by the series of Marsaglia (2004). */
function normalCdf(x: number): number {
  if (x > 8) return 1;
  if (x < -8) return 0;
  let sum = x;
  for (let term = x, i = 3, before = 0; sum !== before; i += 2) {
    before = sum;
    term *= (x * x) / i;
    sum += term;
  }
  return 0.5 + sum * exp(-0.5 * x * x) * 0.3989422804014327;
}

const STEPS = 4000;

/**
 * P(T > t) for the noncentral t: a normal around `shift`, divided by the root of a chi-square over its
 * `df`, which is what the sum goes over.
 */
function noncentralUpperTail(t: number, df: number, shift: number): number {
  const widest = 1 + 12 / Math.sqrt(2 * df);
  const logWeight = (u: number): number => (df === 1 ? 0 : (df - 1) * log(u)) - (df * u * u) / 2;
  const highest = logWeight(Math.sqrt(Math.max(df - 1, 1e-9) / df));
  let above = 0;
  let all = 0;
  for (let i = 0; i < STEPS; i++) {
    const u = ((i + 0.5) / STEPS) * widest;
    const weight = exp(logWeight(u) - highest);
    all += weight;
    above += weight * normalCdf(shift - t * u);
  }
  return above / all;
}

/**
 * Chance that `pairedP` of n pairs falls below `alpha` when the differences have this mean above the bound
 * and this deviation (Cohen 1988; R's `power.t.test(type = "paired")`, the tail that counts).
 */
export function pairedPower(n: number, effect: number, std: number, alpha = 0.05): number {
  if (n < 2) return 0;
  if (std === 0) return effect > 0 ? 1 : 0;
  const critical = tQuantile(1 - alpha / 2, n - 1);
  return noncentralUpperTail(critical, n - 1, (effect / std) * Math.sqrt(n));
}

/**
 * The smallest number of pairs, from 2, with this power; `most` when even those do not suffice.
 *
 * @param effect difference sought, above 0
 * @param std deviation of the differences, for instance a pilot's
 */
export function pairsNeeded(
  effect: number,
  std: number,
  { alpha = 0.05, power = 0.8, most = 1000 } = {},
): number {
  if (!(effect > 0)) throw badInput('effect', effect, 'a difference above 0');
  for (let n = 2; n < most; n++) if (pairedPower(n, effect, std, alpha) >= power) return n;
  return most;
}

/** Pearson's correlation; NaN where one side does not vary. */
export function correlation(x: readonly number[], y: readonly number[]): number {
  if (x.length !== y.length)
    throw badInput('y', y.length, `${x.length} values, one per value of x`);
  const [mx, my] = [mean(x), mean(y)];
  let [xy, xx, yy] = [0, 0, 0];
  x.forEach((value, i) => {
    const [dx, dy] = [value - mx, y[i]! - my];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  });
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : NaN;
}
