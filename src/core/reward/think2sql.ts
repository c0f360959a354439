/**
 * Reward of Think2SQL (arXiv 2504.15077; spapicchio/Think2SQL; papers.md §5): .85 · task + .10 · format + .05 ·
 * tag count, the task being execution accuracy or QATCH (mean of cell precision, cell recall and tuple
 * cardinality). Its current configuration is .85 / .15 / 0; its "small update" takes 0 on failure and else
 * max(.1, task).
 *
 * QATCH looks at sets of cells, so that a wrong result can reach 1 and a right one (equal as sets of rows, with
 * duplicates) less. This project's: a match counts 1, and anything else `wrong_cap` at most.
 */
import * as v from 'valibot';
import type { Episode } from '../episode/episode.ts';
import { answerStep } from '../episode/episode.ts';
import { choice, flag, number } from '../recipe/controls.ts';
import { comparisonOption } from './options.ts';
import { missingReward, type RewardFunction } from './reward.ts';
import { wellFormed } from './skyrl.ts';
import { verdictOf } from './verdict.ts';

const weight = (initial: number, description: string) =>
  number(initial, { min: 0, max: 100, step: 0.05 }, description);

export const think2sqlOptions = v.strictObject({
  comparison: comparisonOption,
  task: choice(['qatch', 'ex'], 'qatch', 'what a result is judged by: QATCH or a match alone'),
  task_weight: weight(0.85, 'weight of the task'),
  format_weight: weight(0.1, 'weight of the format: a thought and then SQL'),
  tag_weight: weight(0.05, 'weight of the share of tags that are there exactly once'),
  small_update: flag(false, 'SQL that runs earns at least .1 of the task'),
  wrong_cap: number(0.9, { min: 0, max: 0.99, step: 0.05 }, 'most of the task without a match'),
});

const TAGS = ['<think>', '</think>'];

/** Share of tags that each turn has exactly once; 1 in protocols without thoughts. */
function tagCount({ steps }: Episode): number {
  const thinking = steps.filter(({ thought }) => thought !== undefined);
  if (thinking.length === 0) return 1;
  const once = thinking.flatMap(({ text }) =>
    TAGS.filter((tag) => text.split(tag).length === 2),
  ).length;
  return once / (TAGS.length * thinking.length);
}

export function think2sql(options: v.InferOutput<typeof think2sqlOptions>): RewardFunction {
  const { comparison, task, small_update, wrong_cap } = options;
  return (episode) => {
    const verdict = verdictOf(episode, comparison);
    if (verdict === 'missing') return missingReward();
    let score = 0;
    if (verdict === 'right') score = 1;
    else if (verdict === 'wrong') {
      const partial = task === 'qatch' ? answerStep(episode)!.comparison!.qatch : 0;
      score = Math.min(wrong_cap, small_update ? Math.max(0.1, partial) : partial);
    }
    const terms = {
      task: options.task_weight * score,
      format: wellFormed(episode) ? options.format_weight : 0,
      tags: options.tag_weight * tagCount(episode),
    };
    return { total: terms.task + terms.format + terms.tags, terms, steps: [] };
  };
}
