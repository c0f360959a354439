/**
 * A start for the reward hack of execution-only learning (data/nursery/over-broad.ts): almost never right, often
 * over-broad. Its protocol is the direct one.
 */
import { Habits } from '../../data/nursery/planted.ts';
import { overBroadExample } from '../../data/nursery/over-broad.ts';
import { renderSql, toSchema, trainSchemas } from '../../data/nursery/index.ts';
import { answerStep } from '../../episode/episode.ts';
import { accuracy } from '../../evaluate/metrics.ts';
import { Stream } from '../../random/stream.ts';
import { directPrompt } from '../../text/prompt.ts';
import type { Corpus } from '../sft.ts';
import type { WarmStartKind } from './kind.ts';
import { nurseryOf } from './nursery.ts';

export const broadWarmStart: WarmStartKind = {
  description: 'SQL in one go, almost never right, often over-broad',
  updates: { gold: 2700, planted: 600 },
  corpusName: 'over-broad',
  recipe: { protocol: 'direct' },
  corpus: overBroadCorpus,
  sharpening: { sharpness: 1.25, failing: [0.1, 0.3] },
  limits: {
    pass_at_1: [0.01, 0.1],
    over_broad: [0.1, 0.35],
    failing: [0.05, 0.3],
  },
  measure: (_context, _tasks, { groups }) => {
    const judged = groups.flat().map((episode) => {
      const { outcome, comparison } = answerStep(episode) ?? {};
      return { outcome, comparison };
    });
    return Promise.resolve({ over_broad: accuracy(judged).over_broad_rate });
  },
};

function overBroadCorpus(...[recipe, goldUpdates]: Parameters<WarmStartKind['corpus']>): Corpus {
  const { seed } = recipe;
  const variants = trainSchemas(...nurseryOf(recipe));
  const habits = new Habits(seed);
  const schemas = new Map(variants.map((variant) => [variant, toSchema(variant)]));
  return (update, index) => {
    const stream = new Stream(seed, 'over-broad', update, index);
    const { variant, question, query, sql } = overBroadExample(variants, stream, seed, habits);
    const prompt = directPrompt(schemas.get(variant)!, { question }, { style: 'compact' });
    return { prompt, turns: [{ text: update <= goldUpdates ? renderSql(query) : sql }] };
  };
}
