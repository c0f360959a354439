/** The warm start of the direct protocol: gold SQL, then gold with planted errors (data/nursery/planted.ts). */
import { Habits, plantedExample } from '../../data/nursery/planted.ts';
import { renderSql, toSchema, trainSchemas } from '../../data/nursery/index.ts';
import { Stream } from '../../random/stream.ts';
import type { Recipe } from '../../recipe/schema.ts';
import { directPrompt } from '../../text/prompt.ts';
import type { Corpus } from '../sft.ts';
import type { WarmStartKind } from './kind.ts';
import { nurseryOf } from './nursery.ts';

export const directWarmStart: WarmStartKind = {
  description: 'SQL in one go',
  updates: { gold: 2700, planted: 1800 },
  recipe: {},
  corpus: plantedCorpus,
  sharpening: { sharpness: 1.25, failing: [0.22, 0.31] },
  // Outside them groups are too often all wrong or all right to learn from.
  limits: {
    greedy: [0.25, 0.35],
    pass_at_1: [0.2, 0.35],
    pass_at_8: [0.55, 0.75],
    all_wrong: [0.25, 0.45],
    all_right: [0, 0.1],
    failing: [0.2, 0.3],
    'level easy': [0.05, 0.7],
    'level medium': [0.05, 0.7],
    'level hard': [0.05, 0.7],
    'level extra': [0.05, 0.7],
  },
};

/** The endless planted corpus over the training schemas of a Nursery. */
function plantedCorpus(recipe: Recipe, goldUpdates: number): Corpus {
  const { seed } = recipe;
  const variants = trainSchemas(...nurseryOf(recipe));
  const habits = new Habits(seed);
  const schemas = new Map(variants.map((variant) => [variant, toSchema(variant)]));
  return (update, index) => {
    const stream = new Stream(seed, 'planted', update, index);
    const example = plantedExample(variants, stream, seed, habits);
    const { variant, question } = example;
    const sql = update <= goldUpdates ? renderSql(example.query) : example.sql;
    const prompt = directPrompt(schemas.get(variant)!, { question }, { style: 'compact' });
    return { prompt, turns: [{ text: sql }] };
  };
}
