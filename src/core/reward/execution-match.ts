/**
 * Execution match: the outcome reward of the GRPO baselines (papers such as Reasoning-SQL and SkyRL-SQL
 * add terms to it, none does without it).
 */
import * as v from 'valibot';
import { comparisonOption } from './options.ts';
import { missingReward, type RewardFunction } from './reward.ts';
import { verdictOf } from './verdict.ts';

export const executionMatchOptions = v.strictObject({ comparison: comparisonOption });

export type ExecutionMatchOptions = v.InferOutput<typeof executionMatchOptions>;

/**
 * 1 when the answer's result matches, else 0; a query that fails, is refused or is missing is 0 too.
 * The default comparison is BIRD's set equality, as in the published GRPO baselines for text-to-SQL.
 */
export function executionMatch({ comparison }: ExecutionMatchOptions): RewardFunction {
  return (episode) => {
    const verdict = verdictOf(episode, comparison);
    if (verdict === 'missing') return missingReward();
    const total = verdict === 'right' ? 1 : 0;
    return { total, terms: { execution_match: total }, steps: [] };
  };
}
