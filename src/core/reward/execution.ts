/**
 * Reward of "Reinforcing Code Generation: Improving Text-to-SQL with Execution-Based Learning"
 * (arXiv 2506.06093): learns from the answer to a question, without gold SQL.
 *
 * From the paper: −100 when the query does not execute; +1 when it does; a partial reward of 0–100 by
 * Relaxed Exact Match (REM); +1000 for an exact match.
 *
 * This project's reading, since the paper leaves it open:
 * - the terms add, so that a wrong query earns at most 1 + 100 and a right one 1 + 1000 (the paper
 *   reports 101 for over-broad answers, which only a sum explains);
 * - REM = |gold ∩ prediction| / |gold| over the bags of normalised cells, a recall, and exact means
 *   equal bags: an answer set containing the gold one then earns the full partial reward, as reported;
 * - an exact match earns no partial reward on top;
 * - a missing, refused or timed-out query counts as one that does not execute.
 *
 * `precisionGuard` is this project's: it takes F1 instead of recall, so that n cells with one right out
 * of one earn 100 · 2 / (n + 1) instead of 100. Off by default: without it this is the paper's reward.
 *
 * An empty answer is matched by every query that returns nothing. Leave such tasks out of training.
 */
import * as v from 'valibot';
import { answerStep } from '../episode/episode.ts';
import type { RewardFunction } from './reward.ts';
import { missingReward } from './reward.ts';

const value = (initial: number, description: string) =>
  v.optional(v.pipe(v.number(), v.finite(), v.description(description)), initial);

const nonNegative = (initial: number, description: string) =>
  v.optional(
    v.pipe(
      v.number(),
      v.finite(),
      v.minValue(0, 'a number of at least 0'),
      v.description(description),
    ),
    initial,
  );

export const executionOptions = v.pipe(
  v.strictObject({
    error: value(-100, 'reward when the query does not execute'),
    executes: value(1, 'reward for executing, under the partial and exact rewards'),
    partial: nonNegative(100, 'most that a wrong result can add, scaled by Relaxed Exact Match'),
    exact: nonNegative(1000, 'what a right result adds'),
    precisionGuard: v.optional(
      v.pipe(
        v.boolean(),
        v.description('F1 instead of recall in Relaxed Exact Match (not in the paper)'),
      ),
      false,
    ),
  }),
  // No wrong answer outscores a right one (ARCHITECTURE.md): the options may not undo that.
  v.forward(
    v.check(
      ({ executes, partial, exact }) => executes + partial < executes + exact,
      'less than `exact`, or an over-broad result would earn as much as a right one',
    ),
    ['partial'],
  ),
  v.forward(
    v.check(
      ({ error, executes }) => error <= executes,
      'at most `executes`, or failing would earn more than running',
    ),
    ['error'],
  ),
);

export type ExecutionOptions = v.InferOutput<typeof executionOptions>;

/** R = error | executes + exact | executes + partial · REM. */
export function execution(options: ExecutionOptions): RewardFunction {
  const { error, executes, partial, exact, precisionGuard } = options;
  return (episode) => {
    const step = answerStep(episode);
    if (step?.outcome?.kind !== 'rows') {
      return { total: error, terms: { execution: error, partial: 0, exact: 0 }, steps: [] };
    }
    const { comparison } = step;
    if (!comparison) return missingReward();
    const rem = precisionGuard ? comparison.f1 : comparison.recall;
    const terms = {
      execution: executes,
      partial: comparison.exact ? 0 : partial * rem,
      exact: comparison.exact ? exact : 0,
    };
    return { total: terms.execution + terms.partial + terms.exact, terms, steps: [] };
  };
}
