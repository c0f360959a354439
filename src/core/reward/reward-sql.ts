/**
 * Reward of Reward-SQL (arXiv 2505.04671): the outcome o in {0, 1}, and beside it a process reward model's
 * value σ_j of every step (`Step.value`).
 *
 * By default `total` is o and `steps` are the σ_j, for credit to combine (`credit/process-weighted.ts`).
 * `process_coefficient` c > 0 adds c · R_proc to the total instead, for credit that sees whole episodes only;
 * c < 1 and R_proc in [0, 1] keep every right answer above every wrong one. R_proc is the mean of the σ_j,
 * weighted by how sure the model is (`belief`) or not; the weighting is this project's reading (papers.md §4.5).
 * It is logged as the term `process` either way.
 */
import * as v from 'valibot';
import { choice, number } from '../recipe/controls.ts';
import { comparisonOption } from './options.ts';
import { missingReward, type RewardFunction } from './reward.ts';
import { beliefWeights, stepValues, weightedMean } from './step-values.ts';
import { verdictOf } from './verdict.ts';

export const rewardSqlOptions = v.strictObject({
  comparison: comparisonOption,
  process_coefficient: number(
    0,
    { min: 0, max: 0.99, step: 0.05 },
    'weight of the mean step value in the reward of the episode; 0 leaves process rewards to credit',
  ),
  weighting: choice(
    ['none', 'belief'],
    'none',
    'mean of the step values: plain, or weighted by 1 − entropy of the value',
  ),
});

/** Throws `bad_input` where a step has no value: there is no process reward model, or it was not asked. */
export function rewardSql(options: v.InferOutput<typeof rewardSqlOptions>): RewardFunction {
  const { comparison, process_coefficient, weighting } = options;
  return (episode) => {
    const verdict = verdictOf(episode, comparison);
    if (verdict === 'missing') return missingReward();
    const steps = stepValues(episode.steps, episode.task.id);
    const weights = weighting === 'belief' ? beliefWeights(steps) : steps.map(() => 1);
    const process = weightedMean(steps, weights);
    const outcome = verdict === 'right' ? 1 : 0;
    const shaping = process_coefficient * process;
    return {
      total: outcome + shaping,
      terms: { outcome, ...(process_coefficient > 0 && { shaping }), process },
      steps,
    };
  };
}
