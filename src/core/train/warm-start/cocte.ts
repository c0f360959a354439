/** The warm start of Chain-of-CTEs: traces against real rows, with errors planted at any step (nursery/steps). */
import { Traces } from '../../data/nursery/steps/traces.ts';
import { trainSchemas } from '../../data/nursery/index.ts';
import { makeProtocol } from '../../episode/index.ts';
import { Stream } from '../../random/stream.ts';
import { COCTE } from '../../recipe/presets.ts';
import type { Recipe } from '../../recipe/schema.ts';
import { goOn } from '../episodes.ts';
import { monteCarloValues } from '../prm/values.ts';
import type { Corpus } from '../sft.ts';
import type { SqlLoader, WarmStartKind } from './kind.ts';
import { nurseryOf } from './nursery.ts';

export const cocteWarmStart: WarmStartKind = {
  description: 'one CTE a turn, each run and shown',
  // The direct warm start knows SQL and schemas; from new weights it takes four times as long.
  start: 'warm',
  updates: { gold: 1800, planted: 1200 },
  batch_size: 16,
  recipe: COCTE,
  corpus: traces,
  sharpening: { sharpness: 1.8, failing: [0.1, 0.29] },
  limits: {
    greedy: [0.25, 0.45],
    'pass_at_8 - pass_at_1': [0.2, 1],
    all_wrong: [0, 0.5],
    failing: [0.1, 0.3],
    early: [0.3, 1],
  },
  measure,
};

/** The endless corpus over the training schemas. */
async function traces(recipe: Recipe, goldUpdates: number, sql: SqlLoader): Promise<Corpus> {
  const { seed } = recipe;
  const protocol = makeProtocol(recipe.protocol, recipe.turns);
  const source = new Traces(seed, await sql(), protocol);
  const variants = trainSchemas(...nurseryOf(recipe));
  return (update, index) => {
    const gold = update <= goldUpdates;
    const stream = new Stream(seed, gold ? 'steps' : 'steps planted', update, index);
    const trace = source.draw(variants, stream, gold);
    return { prompt: source.prompt(trace), turns: trace.turns };
  };
}

const JUDGE = { supervision: ['gold', 'answer'] as const };

/** Questions whose samples are valued step by step: eight completions of every prefix take their time. */
const VALUED = 60;
const COMPLETIONS = 8;

/**
 * `early`: share of wrong episodes that go wrong before their last step, which is after the first step from which
 * none of eight completions ends right. `ctes` and `cte_failing`: CTEs of an episode, and share that do not run.
 */
async function measure(
  ...[context, , sampled, options]: Parameters<NonNullable<WarmStartKind['measure']>>
): Promise<Record<string, number>> {
  const groups = sampled.groups.slice(0, VALUED);
  const { max_completion_length, batch_size, seed } = options;
  const { values } = await monteCarloValues(
    (openings, samples, draws) =>
      inBatches(openings, batch_size, (batch, first) =>
        goOn(context, batch, JUDGE, {
          ...{ num_generations: samples, max_completion_length, temperature: 1, top_p: 1 },
          eos_token_id: context.tokenizer.eosId!,
          draws: { ...draws, prompts: draws.prompts.slice(first, first + batch.length) },
        }),
      ),
    groups.map((episodes, number) => ({ task: episodes[0]!.task, number, episodes })),
    {
      ...{ samples: COMPLETIONS, maxTurns: context.prompts.protocol.maxTurns },
      draws: { seed, purpose: 'warm start values', update: 0 },
    },
  );
  const wrong = values.flat().filter((steps) => steps.at(-1) === 0);
  const early = wrong.filter((steps) => steps.indexOf(0) < steps.length - 1);
  const ctes = sampled.groups.flat(2).flatMap(({ steps }) => steps.filter((s) => s.kind === 'cte'));
  const episodes = sampled.groups.flat().length;
  return {
    'pass_at_8 - pass_at_1': sampled.pass_at_k - sampled.pass_at_1,
    early: early.length / Math.max(1, wrong.length),
    ctes: ctes.length / Math.max(1, episodes),
    cte_failing:
      ctes.filter(({ outcome }) => outcome?.kind !== 'rows').length / Math.max(1, ctes.length),
  };
}

async function inBatches<T, R>(
  items: readonly T[],
  size: number,
  each: (batch: T[], first: number) => Promise<R[]>,
): Promise<R[]> {
  const all: R[] = [];
  for (let first = 0; first < items.length; first += size) {
    all.push(...(await each(items.slice(first, first + size), first)));
  }
  return all;
}
