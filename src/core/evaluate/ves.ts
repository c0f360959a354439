/** R-VES, BIRD's reward-based valid efficiency score (bird-bench/mini_dev `evaluation_ves.py`). */
import { mean } from './statistics.ts';

/**
 * Mean of gold time / predicted time over repeated runs, without what lies outside mean ± 3 standard
 * deviations (of the population, as numpy's). Equal ratios are kept, where the official script fails.
 */
export function timeRatio(ratios: readonly number[]): number {
  const centre = mean(ratios);
  const sigma = Math.sqrt(mean(ratios.map((ratio) => (ratio - centre) * (ratio - centre))));
  const kept = ratios.filter((ratio) => Math.abs(ratio - centre) < 3 * sigma);
  return mean(kept.length ? kept : ratios);
}

/** Credit of a right prediction that takes 1 / ratio of the gold's time. */
export function vesCredit(ratio: number): number {
  if (ratio >= 2) return 1.25;
  if (ratio >= 1) return 1;
  if (ratio >= 0.5) return 0.75;
  return ratio >= 0.25 ? 0.5 : 0.25;
}

/**
 * Mean of √credit, from 0 to √1.25.
 *
 * @param queries time ratios of each prediction's runs; null for one that is wrong, which earns 0
 */
export function rVes(queries: readonly (readonly number[] | null)[]): number {
  return queries.length
    ? mean(queries.map((ratios) => (ratios ? Math.sqrt(vesCredit(timeRatio(ratios))) : 0)))
    : 0;
}
