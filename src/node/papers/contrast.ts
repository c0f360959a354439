/** The named contrasts of an experiment: paired differences over seeds, and whether the claims hold. */
import { holm, pairedP } from '../../core/evaluate/hypothesis.ts';
import { mean, tInterval, type Interval } from '../../core/evaluate/statistics.ts';
import { SPLITS, type Contrast, type Experiment, type Side } from './experiment.ts';
import { measured, METRICS } from './metrics.ts';
import type { RunResult } from './result.ts';

/** What a side measured, by seed. */
export function sideValues(
  { name }: Pick<Experiment, 'name'>,
  { arm, metric }: Side,
  runs: readonly RunResult[],
  split: string = SPLITS.dev,
): Map<number, number> {
  const values = new Map<number, number>();
  for (const run of runs) {
    if (run.experiment !== name || run.arm !== arm) continue;
    const value = measured(metric, run.splits[split]);
    if (value !== undefined) values.set(run.seed, value);
  }
  return values;
}

export interface Difference {
  seed: number;
  /** a − b, turned so that larger is better for a. */
  value: number;
}

/** Of the seeds that both sides have. */
export function differences(
  experiment: Experiment,
  { a, b }: Contrast,
  runs: readonly RunResult[],
): Difference[] {
  const [left, right] = [a, b].map((side) => sideValues(experiment, side, runs));
  const sign = METRICS[a.metric].better === 'lower' ? -1 : 1;
  return [...left!.entries()]
    .filter(([seed]) => right!.has(seed))
    .sort(([s], [t]) => s - t)
    .map(([seed, value]) => ({ seed, value: sign * (value - right!.get(seed)!) }));
}

export interface ContrastResult {
  contrast: Contrast;
  differences: Difference[];
  /** Of the differences; undefined without any. */
  interval: Interval | undefined;
  /** Share of b's mean that the mean difference is. */
  relative: number;
  /** Directional p against the claim's bound, as it is and adjusted over all named contrasts. */
  p: number;
  holm: number;
  /** Undefined while there are fewer than two seeds. */
  holds: boolean | undefined;
}

/** All named contrasts; those not measured yet count for Holm's correction. */
export function contrastResults(
  experiment: Experiment,
  runs: readonly RunResult[],
): ContrastResult[] {
  const found = experiment.contrasts.map((contrast) => {
    const pairs = differences(experiment, contrast, runs);
    const values = pairs.map(({ value }) => value);
    const { claim } = contrast;
    const base = sideValues(experiment, contrast.b, runs);
    const of = mean(pairs.map(({ seed }) => base.get(seed)!));
    return {
      ...{ contrast, differences: pairs },
      interval: values.length > 0 ? tInterval(values) : undefined,
      relative: values.length > 0 ? mean(values) / of : NaN,
      p: pairedP(values, claim.is === 'not-worse' ? -claim.margin : 0),
    };
  });
  const adjusted = holm(found.map(({ p }) => p));
  return found.map((result, i) => {
    const { claim } = result.contrast;
    const large =
      claim.is === 'not-worse' ||
      typeof claim.effect === 'number' ||
      result.relative >= claim.effect.relative;
    const p = adjusted[i]!;
    return { ...result, holm: p, holds: Number.isNaN(p) ? undefined : p < 0.05 && large };
  });
}
