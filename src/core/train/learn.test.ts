/** The methods learn: a fixed seed, a bandit of three questions and four queries, some 60 updates. */
import { beforeAll, describe, expect, it } from 'vitest';
import { mean } from '../evaluate/statistics.ts';
import type { Policy } from '../model/policy.ts';
import { startBackend } from '../tensor/backend.ts';
import * as tiny from './tiny-run.test-helper.ts';

let policy: () => Policy;

beforeAll(async () => {
  await startBackend('wasm');
  policy = await tiny.undecidedPolicy();
});

/** Mean reward of the first and of the last five updates. */
async function rewards(run: Promise<tiny.Finished>): Promise<[first: number, last: number]> {
  const all = (await run).updates.map(({ metrics }) => metrics['reward']!);
  return [mean(all.slice(0, 5)), mean(all.slice(-5))];
}

const long = { num_updates: 60, num_generations: 16, num_iterations: 2 };
// Twice this rate learns too, but some seeds stay for long with one of the three questions unlearnt.
const slower = { optimizer: { learning_rate: 0.002 } };

describe('GRPO', () => {
  it.each([
    {},
    { mini_batches: 3, beta: 0.001 },
    { importance_sampling_level: 'sequence', mini_batches: 3 },
    { loss_type: 'dr_grpo', epsilon_high: 0.28, delta: 2 },
  ])('raises the reward: %o', async (options) => {
    const [first, last] = await rewards(
      tiny.complete(tiny.grpoRecipe({ ...long, ...options }, slower), policy()),
    );
    expect(first).toBeLessThan(0.4);
    expect(last).toBeGreaterThan(0.8);
  });

  it('does not with shuffled rewards', async () => {
    const recipe = tiny.grpoRecipe({ ...long, shuffle_rewards: true }, slower);
    const [first, last] = await rewards(tiny.complete(recipe, policy()));
    expect(last).toBeLessThan(first + 0.1);
  });

  it('raises the reward of answers, without gold SQL', async () => {
    const tasks = tiny.data.splits.get('train')!.map(({ gold: _, ...task }, i) => ({
      ...task,
      answer: [[[3, 9, 8][i]!]],
    }));
    const data = { ...tiny.data, splits: new Map([['train', tasks]]) };
    const recipe = tiny.grpoRecipe(long, { ...slower, reward: { name: 'execution' } });
    const { updates } = await tiny.complete(recipe, policy(), { data });
    const right = updates.map(({ metrics }) => metrics['sql/ex']!);
    expect(mean(right.slice(0, 5))).toBeLessThan(0.4);
    expect(mean(right.slice(-5))).toBeGreaterThan(0.8);
  });
});

describe('rejection sampling', () => {
  it('raises the reward', async () => {
    const [first, last] = await rewards(
      tiny.complete(tiny.rejectionRecipe(long, slower), policy()),
    );
    expect(first).toBeLessThan(0.4);
    expect(last).toBeGreaterThan(0.9);
  });
});

describe('SFT', () => {
  it.each([true, false])('learns gold SQL from scratch, completion only: %s', async (only) => {
    const recipe = tiny.sftRecipe(
      { num_updates: 100, completion_only_loss: only },
      { eval: { every: 100, split: 'train' } },
    );
    const { updates, events } = await tiny.complete(recipe, tiny.freshPolicy());
    expect(updates[0]!.metrics['loss']).toBeGreaterThan(5);
    if (only) expect(updates.at(-1)!.metrics['loss']).toBeLessThan(0.05);
    const evaluations = events.filter((event) => event.type === 'evaluation');
    expect(evaluations.map(({ metrics }) => metrics['eval/ex'])).toEqual([0, 1]);
  });
});
