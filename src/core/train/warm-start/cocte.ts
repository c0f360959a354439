/** The warm start of Chain-of-CTEs: traces against real rows, with errors planted at any step (nursery/steps). */
import { Traces } from '../../data/nursery/steps/traces.ts';
import { trainSchemas } from '../../data/nursery/index.ts';
import { makeProtocol } from '../../episode/index.ts';
import { Stream } from '../../random/stream.ts';
import type { Recipe } from '../../recipe/schema.ts';
import type { Corpus } from '../sft.ts';
import type { SqlLoader, WarmStartKind } from './kind.ts';
import { nurseryOf } from './nursery.ts';

export const cocteWarmStart: WarmStartKind = {
  description: 'one CTE a turn, each run and shown',
  updates: { gold: 1200, planted: 600 },
  recipe: {
    data: { kind: 'nursery', world: 'steps' },
    turns: { max_turns: 6, observation_rows: 2 },
  },
  max_completion_length: 512,
  corpus: traces,
  sharpening: { sharpness: 1.15, failing: [0.1, 0.3] },
  limits: {
    greedy: [0.25, 0.45],
    'pass_at_8 - pass_at_1': [0.2, 1],
    all_wrong: [0, 0.5],
    failing: [0.1, 0.3],
    early: [0.3, 1],
  },
};

/** The endless corpus over the training schemas. */
async function traces(recipe: Recipe, goldUpdates: number, sql: SqlLoader): Promise<Corpus> {
  const { seed } = recipe;
  const protocol = makeProtocol(recipe.protocol, recipe.turns);
  const source = new Traces(seed, await sql(), protocol);
  const variants = trainSchemas(...nurseryOf(recipe));
  return (update, index) => {
    const stream = new Stream(seed, 'steps', update, index);
    const trace = source.draw(variants, stream, update <= goldUpdates);
    return { prompt: source.prompt(trace), turns: trace.turns };
  };
}
