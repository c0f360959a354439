/**
 * Reward of Arctic-Text2SQL-R1 (arXiv 2505.20315; papers.md §5): 1 for a match, 0.1 for SQL that runs, else 0.
 * Its authors report that finer partial rewards made policies "lazy".
 */
import * as v from 'valibot';
import { number } from '../recipe/controls.ts';
import { comparisonOption } from './options.ts';
import { missingReward, type RewardFunction } from './reward.ts';
import { verdictOf } from './verdict.ts';

export const arcticOptions = v.strictObject({
  comparison: comparisonOption,
  executable: number(
    0.1,
    { min: 0, max: 0.99, step: 0.05 },
    'reward of SQL that runs and does not match; a match earns 1',
  ),
});

export function arctic(options: v.InferOutput<typeof arcticOptions>): RewardFunction {
  return (episode) => {
    const verdict = verdictOf(episode, options.comparison);
    if (verdict === 'missing') return missingReward();
    const terms = {
      match: verdict === 'right' ? 1 : 0,
      executable: verdict === 'wrong' ? options.executable : 0,
    };
    return { total: terms.match + terms.executable, terms, steps: [] };
  };
}
