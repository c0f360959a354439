/**
 * Process-weighted group advantages (Reward-SQL, arXiv 2505.04671; papers.md §4.3, §4.5): the group compares
 * whole episodes, R = o + c · (mean step value); within an episode credit goes to steps by their values σ_j, and
 * blame by 1 − σ_j.
 *
 * - `clean` (default): mean over steps; a better than average episode gives A · σ_j, a worse one A · (1 − σ_j).
 * - `literal`, as the released code of v1 does it: token rewards r_j = c · σ_j + o; R is the mean of the *different*
 *   ones that are not zero; credit (r − 1 where r > 1, else r) · A, blame (1 − r) · A, so that a right episode
 *   below the average is still rewarded. There c is 1.
 *
 * `weighting` is this project's reading of v3's entropy-based step weights (its formula could not be found):
 * factors w σ and w (1 − σ), with w = 1 − H(σ) in bits (`belief`), or w ~ 1 / (ε + mean entropy of the policy's
 * tokens in the step), of mean 1 over the episode (`token_entropy`). Weighting inside the blame (1 − w σ) would
 * blame the least certain step most.
 */
import * as v from 'valibot';
import { badInput } from '../errors.ts';
import { choice, flag, number } from '../recipe/controls.ts';
import { beliefWeights, checkedValue, weightedMean } from '../reward/step-values.ts';
import { spread, type CreditEpisode, type CreditFunction } from './credit.ts';
import { moments } from './moments.ts';

const EPSILON = 1e-6;

export const processWeightedOptions = v.pipe(
  v.strictObject({
    variant: choice(
      ['clean', 'literal'],
      'clean',
      'credit σ and blame 1 − σ over all steps, or exactly what the released code does',
    ),
    process_coefficient: number(
      0.5,
      { min: 0, max: 1, step: 0.05 },
      'weight of the mean step value beside the outcome (released code: 1)',
    ),
    weighting: choice(
      ['none', 'belief', 'token_entropy'],
      'none',
      'steps weighted alike, by 1 − entropy of their value, or by 1 / entropy of their tokens',
    ),
    entropy_epsilon: number(
      0.1,
      { min: 1e-6, max: 10, step: 0.05 },
      'nats added to a token entropy before it divides',
    ),
    rescale: flag(
      false,
      'factors of an episode’s steps have mean 1: values move credit between steps and never shrink it',
    ),
  }),
  v.forward(
    v.check(
      ({ variant, weighting }) => variant === 'clean' || weighting === 'none',
      'none with the literal variant, which knows no weights',
    ),
    ['weighting'],
  ),
  v.forward(
    v.check(
      ({ variant, rescale }) => variant === 'clean' || !rescale,
      'false with the literal variant, whose factors are its own',
    ),
    ['rescale'],
  ),
);

export type ProcessWeightedOptions = v.InferOutput<typeof processWeightedOptions>;

/** σ of every step of an episode. Throws where the reward gave none. */
function valuesOf({ rewards, steps }: CreditEpisode): readonly number[] {
  if (rewards.length !== steps.length) {
    const wanted = `${steps.length} values of steps: a reward with a process reward model, such as reward-sql`;
    throw badInput('steps', rewards, wanted);
  }
  rewards.forEach((value, i) => checkedValue(value, `steps[${i}]`));
  return rewards;
}

/** Weight of every step. */
export function stepWeights(episode: CreditEpisode, options: ProcessWeightedOptions): number[] {
  const values = valuesOf(episode);
  if (options.weighting === 'none') return values.map(() => 1);
  if (options.weighting === 'belief') return beliefWeights(values);
  const { entropies } = episode;
  if (entropies?.length !== values.length) {
    throw badInput('entropies', entropies ?? null, 'the mean token entropy of each step');
  }
  return withMeanOne(entropies.map((entropy) => 1 / (options.entropy_epsilon + entropy)));
}

/** Divided by their mean; all 1 where they are all 0. */
function withMeanOne(values: readonly number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => (mean > 0 ? value / mean : 1));
}

/** R of an episode. */
export function trajectoryReward(episode: CreditEpisode, options: ProcessWeightedOptions): number {
  const { process_coefficient: c } = options;
  const values = valuesOf(episode);
  if (options.variant === 'clean') {
    return episode.outcome + c * weightedMean(values, stepWeights(episode, options));
  }
  const different = new Set(values.map((value) => c * value + episode.outcome));
  different.delete(0);
  if (different.size === 0) return 0;
  return [...different].reduce((sum, reward) => sum + reward, 0) / different.size;
}

/** From the advantage of an episode to those of its steps. */
function ofSteps(a: number, episode: CreditEpisode, options: ProcessWeightedOptions): number[] {
  const values = valuesOf(episode);
  if (options.variant === 'literal') {
    return values.map((value) => {
      const reward = options.process_coefficient * value + episode.outcome;
      if (a <= 0) return (1 - reward) * a;
      return (reward > 1 ? reward - 1 : reward) * a;
    });
  }
  const weights = stepWeights(episode, options);
  const factors = values.map((value, j) => weights[j]! * (a > 0 ? value : 1 - value));
  return (options.rescale ? withMeanOne(factors) : factors).map((factor) => factor * a);
}

/** (R − mean) / (σ + 1e-6); 0 alone in the group, and where the outcome is missing. */
export function processWeightedAdvantages(
  group: readonly CreditEpisode[],
  options: ProcessWeightedOptions,
): number[][] {
  const totals = group.map((episode) =>
    Number.isNaN(episode.outcome) ? NaN : trajectoryReward(episode, options),
  );
  const { mean, std } = moments(totals);
  return group.map((episode, i) =>
    Number.isNaN(totals[i]!)
      ? episode.steps.map(() => 0)
      : // + 0: no −0 in logs
        ofSteps((totals[i]! - mean) / (std + EPSILON), episode, options).map((a) => a + 0),
  );
}

export const processWeighted =
  (options: ProcessWeightedOptions): CreditFunction =>
  (groups) =>
    groups.map((group) =>
      processWeightedAdvantages(group, options).map((advantages, i) =>
        spread(advantages, group[i]!),
      ),
    );
