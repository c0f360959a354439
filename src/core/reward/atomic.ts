/**
 * FINER-SQL's atomic reward (2605.03465, `atomic_ops/` of the released code): how many operations a query shares
 * with the gold, shaped so that the first few that match count most.
 *
 *     J = |A ∩ B| / |A ∪ B|        a(J) = e · J + (1 − e) · β · J^γ
 *
 * The best over several golds counts. A query that cannot be read has no operations and scores 0. With the
 * trainer's defaults a ≤ e + (1 − e) · β = 0.8005. (The released class has other defaults, 0.30, 0.71 and 5.0,
 * which its trainer does not use.)
 */
import { pow } from '../random/math.ts';

export interface AtomicShape {
  /** Share of the linear part, e. */
  linear: number;
  /** Most of the curved part, β. */
  scale: number;
  /** Its exponent, γ: below 1 early matches count most. */
  exponent: number;
}

/** "S3", with which the released trainer calls it. */
export const ATOMIC_SHAPE: AtomicShape = { linear: 0.05, scale: 0.79, exponent: 0.2 };

/** Jaccard index of two sets; 0 where both are empty. */
export function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let common = 0;
  for (const item of a) if (b.has(item)) common++;
  const union = a.size + b.size - common;
  return union === 0 ? 0 : common / union;
}

/** a(J) for J in [0, 1]. */
export function shaped(index: number, { linear, scale, exponent }: AtomicShape): number {
  return index === 0 ? 0 : linear * index + (1 - linear) * scale * pow(index, exponent);
}

/** The most that `shaped` gives. */
export const mostShaped = ({ linear, scale }: AtomicShape): number => linear + (1 - linear) * scale;

/** The atomic score of a prediction against the best of several golds, all as operations. */
export function atomicScore(
  prediction: ReadonlySet<string>,
  golds: readonly ReadonlySet<string>[],
  shape: AtomicShape = ATOMIC_SHAPE,
): number {
  return golds.reduce((best, gold) => Math.max(best, shaped(jaccard(prediction, gold), shape)), 0);
}
