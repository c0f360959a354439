/**
 * Execution match: the outcome reward of the GRPO baselines (papers such as Reasoning-SQL and SkyRL-SQL
 * add terms to it, none does without it).
 */
import * as v from 'valibot';
import { answerStep } from '../episode/episode.ts';
import type { RewardFunction } from './reward.ts';
import { missingReward } from './reward.ts';

export const executionMatchOptions = v.strictObject({
  comparison: v.optional(
    v.pipe(
      v.picklist(['bird', 'spider', 'exact']),
      v.description(
        'what counts as a match: bird (equal sets of rows), spider (equal bags, order if the gold ' +
          'orders, columns in any order), exact (equal bags of cells)',
      ),
    ),
    'bird',
  ),
});

export type ExecutionMatchOptions = v.InferOutput<typeof executionMatchOptions>;

/**
 * 1 when the answer's result matches, else 0; a query that fails, is refused or is missing is 0 too.
 * The default comparison is BIRD's set equality, as in the published GRPO baselines for text-to-SQL.
 */
export function executionMatch({ comparison }: ExecutionMatchOptions): RewardFunction {
  return (episode) => {
    const step = answerStep(episode);
    if (step?.outcome?.kind === 'rows' && !step.comparison) return missingReward();
    const total = step?.comparison?.[comparison] ? 1 : 0;
    return { total, terms: { execution_match: total }, steps: [] };
  };
}
