/**
 * Reward of FineStep ("Every Step Counts", arXiv 2605.04719): the outcome, and beside it process rewards that
 * the executor gives each step independently of the outcome.
 *
 * The paper's summaries name the two parts and no constants. Events, values and the outcome's −1 (SkyRL-SQL's
 * public scheme) are this project's reading (papers.md §1.3): in units of `alpha`, +1 for a call that returns
 * something new, 0 for an empty result, −1 for a failing one, −2 for a repeated or malformed one; the answering
 * step earns nothing here. `alpha` is .02 because with alpha = 1 − gamma useless new calls would be free.
 *
 * `total` is the outcome alone: what becomes of the process rewards (`steps`) is credit's choice. Rule 4 then
 * depends on both, and on the number of turns: `dominance.ts`, checked when a recipe is read.
 */
import * as v from 'valibot';
import { number } from '../recipe/controls.ts';
import { eventsOf, type StepEvent } from './events.ts';
import { comparisonOption, value } from './options.ts';
import { missingReward, type RewardFunction } from './reward.ts';
import { verdictOf } from './verdict.ts';

const units = (initial: number, description: string) =>
  number(initial, { min: -100, max: 100, step: 0.5 }, description);

export const finestepOptions = v.pipe(
  v.strictObject({
    comparison: comparisonOption,
    right: value(1, 'outcome of a right answer'),
    wrong: value(0, 'outcome of a wrong or failing answer'),
    unanswered: value(-1, 'outcome of an episode without an answer that could be read'),
    alpha: number(0.02, { min: 0, max: 10, step: 0.01 }, 'unit of the process rewards'),
    novel: units(1, 'a call that returns something new, in units of alpha'),
    empty: units(0, 'a call that returns nothing, in units of alpha'),
    failed: units(-1, 'a call that fails or times out, in units of alpha'),
    repeated: units(-2, 'a call, or the result of one, seen before, in units of alpha'),
    malformed: units(-2, 'a step that neither calls nor answers, in units of alpha'),
  }),
  v.forward(
    v.check(
      ({ right, wrong }) => wrong < right,
      'less than `right`, or a wrong answer would earn as much as a right one',
    ),
    ['wrong'],
  ),
  v.forward(
    v.check(
      ({ wrong, unanswered }) => unanswered <= wrong,
      'at most `wrong`, or not answering would earn more than trying',
    ),
    ['unanswered'],
  ),
);

export type FinestepOptions = v.InferOutput<typeof finestepOptions>;

/** Process reward of each event; the answering step's is 0. */
export function eventRewards(options: FinestepOptions): Record<StepEvent, number> {
  const { alpha, novel, empty, failed, repeated, malformed } = options;
  // + 0: no −0 in logs
  const worth = (units: number): number => alpha * units + 0;
  return {
    novel: worth(novel),
    empty: worth(empty),
    failed: worth(failed),
    repeated: worth(repeated),
    malformed: worth(malformed),
    answer: 0,
  };
}

/**
 * `total`: right, wrong or unanswered. `steps`: a process reward each. `terms`: `outcome`, and
 * `process`, the sum of the process rewards. Works on episodes of any protocol (a CTE is a call).
 */
export function finestep(options: FinestepOptions): RewardFunction {
  const worth = eventRewards(options);
  return (episode) => {
    const verdict = verdictOf(episode, options.comparison);
    if (verdict === 'missing') return missingReward();
    const total =
      verdict === 'right' ? options.right : verdict === 'none' ? options.unanswered : options.wrong;
    const steps = eventsOf(episode.steps).map((event) => worth[event]);
    const process = steps.reduce((sum, reward) => sum + reward, 0);
    return { total, terms: { outcome: total, process }, steps };
  };
}
