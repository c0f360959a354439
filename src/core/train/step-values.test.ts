import { beforeAll, describe, expect, it } from 'vitest';
import { startNumericBackend } from '../../../test/numeric-backend.test-helper.ts';
import type { Policy } from '../model/policy.ts';
import { Stream } from '../random/stream.ts';
import type { WrittenGroup } from './annotator.ts';
import { makeAnnotators } from './annotators.ts';
import type { RunContext } from './context.ts';
import { sampleEpisodes } from './episodes.ts';
import type { PrmModel } from './prm/scorer.ts';
import { endsRight } from './prm/values.ts';
import { grpoRecipe, memory, tokenizer } from './tiny-run.test-helper.ts';
import { tasks, turnsContext, twoTurnPolicy } from './turns.test-helper.ts';

let makePolicy: () => Policy;
let start: Policy;

beforeAll(async () => {
  await startNumericBackend();
  makePolicy = await twoTurnPolicy();
  start = makePolicy();
});

type Context = Omit<RunContext, 'annotators'>;

const contextFor = (process_values: object, policy = start): Context =>
  ({
    ...turnsContext(policy, 2),
    recipe: grpoRecipe({ max_completion_length: 40 }, { process_values }),
  }) as unknown as Context;

async function written(context: Context): Promise<WrittenGroup[]> {
  const groups = await sampleEpisodes(
    context,
    tasks,
    { supervision: ['gold'] },
    {
      ...{ num_generations: 6, max_completion_length: 40, temperature: 1, top_p: 1 },
      eos_token_id: tokenizer.eosId!,
      draws: { seed: 0, purpose: 'sample', update: 1, prompts: [0, 1, 2] },
    },
  );
  return tasks.map((task, i) => ({
    ...{ task, prompt: context.prompts.of(task), episodes: groups[i]! },
  }));
}

const valuesOf = (groups: WrittenGroup[]): (number | undefined)[][] =>
  groups.flatMap(({ episodes }) => episodes.map(({ steps }) => steps.map(({ value }) => value)));

async function annotated(
  process_values: object,
  {
    processModel,
    policy,
    update = 1,
  }: { processModel?: PrmModel; policy?: Policy; update?: number } = {},
) {
  const context = contextFor(process_values, policy);
  const [annotator] = await makeAnnotators(context, { start, processModel });
  const groups = await written(context);
  await annotator!.annotate(groups, update);
  return {
    groups,
    values: valuesOf(groups),
    metrics: annotator!.metrics!(),
    annotator: annotator!,
  };
}

const prm = (changes: Partial<PrmModel> = {}): PrmModel => ({
  ...{ policy: start, tokenizer, protocol: 'direct', calibration: { slope: 1, offset: 0 } },
  ...changes,
});

describe('values of steps', () => {
  it('are not written unless a recipe asks for them', async () => {
    expect(await makeAnnotators(contextFor({}), { start })).toEqual([]);
  });

  it('by the oracle are shares of completions, and outcomes where an episode has ended', async () => {
    const { groups, values, metrics } = await annotated({ source: 'oracle', rollouts: 8 });
    const episodes = groups.flatMap((group) => group.episodes);
    episodes.forEach((episode, i) => {
      expect(values[i]!.at(-1)).toBe(Number(endsRight(episode)));
      for (const value of values[i]!) expect((value! * 8) % 1).toBe(0);
    });
    expect(new Set(values.map(([first]) => first)).size).toBeGreaterThan(2);
    expect(metrics['process/auc']).toBeGreaterThan(0.8);
    // A right first query is mostly repeated: worth more than another.
    const firsts = episodes.map(({ steps, task }, i) => ({
      right: steps[0]!.text.trim() === task.gold![0],
      value: values[i]![0]!,
    }));
    const mean = (right: boolean): number => {
      const some = firsts.filter((first) => first.right === right);
      return some.reduce((sum, { value }) => sum + value, 0) / some.length;
    };
    expect(mean(true)).toBeGreaterThan(mean(false) + 0.2);
  });

  it('by the oracle are the same for equal beginnings, and drawn anew each update', async () => {
    const once = await annotated({ source: 'oracle', rollouts: 4 });
    const again = await annotated({ source: 'oracle', rollouts: 4 });
    const later = await annotated({ source: 'oracle', rollouts: 4 }, { update: 2 });
    expect(again.values).toEqual(once.values);
    expect(later.values).not.toEqual(once.values);
    for (const { episodes } of once.groups) {
      const known = new Map<string, number>();
      for (const { steps } of episodes) {
        const { text, value } = steps[0]!;
        if (steps.length > 1) expect(known.get(text) ?? value).toBe(value);
        if (steps.length > 1) known.set(text, value!);
      }
    }
  });

  it('by the oracle are those of the policy that the recipe names', async () => {
    const other = makePolicy();
    other.setWeights((await start.weights()).map((x) => 0.3 * x)); // writes at random
    const options = { source: 'oracle', rollouts: 8 };
    const { values: initial, annotator } = await annotated({ ...options, policy: 'initial' });
    expect(initial).toEqual((await annotated(options)).values);
    const { numTensors } = memory();
    annotator.dispose!();
    expect(memory().numTensors).toBeLessThan(numTensors);
    const lost = await annotated(options, { policy: other });
    expect(Math.max(...lost.values.flat().map((value) => value!))).toBeLessThan(0.5);
  });

  it('by a model are its scores; shuffled, the same scores elsewhere', async () => {
    const scored = await annotated({ source: 'prm' }, { processModel: prm() });
    const shuffled = await annotated({ source: 'shuffled' }, { processModel: prm() });
    const sorted = (values: (number | undefined)[][]): number[] =>
      values
        .flat()
        .map((value) => value!)
        .sort((a, b) => a - b);
    for (const value of scored.values.flat()) {
      expect(value).toBeGreaterThan(0);
      expect(value).toBeLessThan(1);
    }
    expect(shuffled.values).not.toEqual(scored.values);
    expect(sorted(shuffled.values)).toEqual(sorted(scored.values));
    const values = scored.values.flat().map((value) => value!);
    const order = new Stream(0, 'process-values', 1).shuffle(values);
    expect(shuffled.values.flat()).toEqual(order);
  });

  it('refuse a model that is missing, or cannot read the episodes', async () => {
    const wanted = { source: 'prm' };
    await expect(annotated(wanted)).rejects.toThrow(/^process_values\.checkpoint: got null/);
    await expect(annotated(wanted, { processModel: prm({ protocol: 'cocte' }) })).rejects.toThrow(
      /a model for the protocol direct/,
    );
  });
});
