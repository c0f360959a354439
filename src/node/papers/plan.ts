/** What follows from results so far: the learning rate of each arm, and how many seeds it takes. */
import { pairsNeeded } from '../../core/evaluate/hypothesis.ts';
import { mean, sampleStd } from '../../core/evaluate/statistics.ts';
import { differences, sideValues } from './contrast.ts';
import type { Contrast, Experiment } from './experiment.ts';
import type { RunResult, TrialResult } from './result.ts';

export interface TriedRate {
  rate: number;
  /** Mean over tuning seeds of greedy accuracy on tuning questions. */
  ex: number;
  seeds: number;
}

export interface ChosenRate {
  rate: number;
  tried: TriedRate[];
}

/** The rate with the best mean; of equals the smallest. Undefined without trials. */
export function chooseRate(trials: readonly TrialResult[]): ChosenRate | undefined {
  const rates = [...new Set(trials.map(({ rate }) => rate))].sort((a, b) => a - b);
  const tried = rates.map((rate): TriedRate => {
    const values = trials.filter((trial) => trial.rate === rate).map(({ ex }) => ex);
    return { rate, ex: mean(values), seeds: values.length };
  });
  const first = tried[0];
  if (!first) return undefined;
  const best = tried.reduce((a, b) => (b.ex > a.ex ? b : a), first);
  return { rate: best.rate, tried };
}

export interface SeedsNeeded {
  contrast: string;
  /** Deviation of the pilot's paired differences. */
  std: number;
  /** Distance from the bound of the claim that is to be found. */
  effect: number;
  seeds: number;
}

export interface Plan {
  contrasts: SeedsNeeded[];
  /** Seeds of the arms with a claim: the most that a contrast needs, within pilot and cap. */
  seeds: number;
  capped: boolean;
}

/** Distance between what is expected and the bound of the claim, in the metric's unit. */
function effectOf(
  { claim, b }: Contrast,
  experiment: Experiment,
  runs: readonly RunResult[],
): number {
  if (claim.is === 'not-worse') return claim.margin;
  if (typeof claim.effect === 'number') return claim.effect;
  return claim.effect.relative * mean([...sideValues(experiment, b, runs).values()]);
}

/**
 * Seeds such that each named contrast is found with power .8 at the strictest level Holm's correction
 * may ask for, .05 over their number: the pilot's deviation stands for the true one.
 */
export function planSeeds(experiment: Experiment, pilot: readonly RunResult[], cap: number): Plan {
  const alpha = 0.05 / Math.max(1, experiment.contrasts.length);
  const contrasts = experiment.contrasts.flatMap((contrast): SeedsNeeded[] => {
    const values = differences(experiment, contrast, pilot).map(({ value }) => value);
    if (values.length < 2) return [];
    const std = sampleStd(values);
    const effect = effectOf(contrast, experiment, pilot);
    if (!(effect > 0)) return [];
    return [{ contrast: contrast.name, std, effect, seeds: pairsNeeded(effect, std, { alpha }) }];
  });
  const needed = Math.max(experiment.pilot ?? 2, ...contrasts.map(({ seeds }) => seeds));
  return { contrasts, seeds: Math.min(needed, cap), capped: needed > cap };
}
