/** Gradients of every loss through a whole policy, observations between its turns masked. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tf } from '#tfjs';
import { startNumericBackend } from '../../../test/numeric-backend.test-helper.ts';
import { scores, someTokens, tinyPolicy } from '../model/tiny.test-helper.ts';
import type { PackItem } from '../model/pack.ts';
import type { Policy } from '../model/policy.ts';
import { Stream } from '../random/stream.ts';
import { flatten, unflatten } from './gradients.ts';
import { surrogateOf, tokenWeight, type LossType, type SurrogateOptions } from './loss.ts';
import { runPass, type SurrogatePass } from './pass.ts';

const TEMPERATURE = 0.9;
/** Two questions, two and one completions of two turns with an observation in between. */
const turns = [
  { length: 9, observation: [3, 5] },
  { length: 6, observation: [2, 3] },
  { length: 7, observation: [4, 7] },
] as const;

let policy: Policy;
let reference: Policy;
let items: PackItem[];
let oldLogProbs: Float32Array;
let start: Float32Array;

const flat = (of: (turn: (typeof turns)[number], t: number, i: number) => number): Float32Array =>
  Float32Array.from(
    turns.flatMap((turn, i) => Array.from({ length: turn.length }, (_, t) => of(turn, t, i))),
  );
const mask = flat(({ observation: [from, to] }, t) => (t >= from && t < to ? 0 : 1));
/** One for each turn: the first right, then wasteful; and so on. */
const stepAdvantages = [[1.2, -0.4], [-0.9, -1.1], [0.3, 0.8]] as const; // prettier-ignore
const advantages = flat(({ observation: [from] }, t, i) => stepAdvantages[i]![t < from ? 0 : 1]);
const lengths = turns.map(({ length, observation: [from, to] }) => length - (to - from));
const total = lengths.reduce((sum, length) => sum + length, 0);

beforeAll(async () => {
  await startNumericBackend();
  policy = tinyPolicy();
  reference = tinyPolicy({}, 2);
  const stream = new Stream(3, 'pass-test');
  const tokens = turns.map(({ length }) => someTokens(length, 32, stream));
  items = [
    { prompt: someTokens(5, 32, stream), completions: tokens.slice(0, 2) },
    { prompt: someTokens(3, 32, stream), completions: tokens.slice(2) },
  ];
  // Off-policy by up to a few clip ranges; sampling knows no log-probability of an observation.
  const { logProbs } = scores(policy, items, TEMPERATURE);
  oldLogProbs = Float32Array.from(logProbs, (x, t) => (mask[t] ? x + 0.3 * stream.normal() : 0));
  start = await flatten(new Map([...policy.parameters].map(([name, p]) => [name, tf.clone(p)])));
});

afterAll(() => tf.disposeVariables());

function move(direction: Float32Array, by: number): void {
  const moved = unflatten(
    policy,
    start.map((x, i) => x + by * direction[i]!),
  );
  for (const [name, values] of moved) policy.parameters.get(name)!.assign(values);
  tf.dispose([...moved.values()]);
}

const passOf = (
  loss_type: LossType,
  options: SurrogateOptions,
  changes: Partial<SurrogatePass> = {},
): SurrogatePass => {
  const scale = {
    ...{ loss_type, max_completion_length: 12, sequences: 3, tokens: total },
    ...{ localTokens: total, localShare: 1 },
  };
  const weights = flat((_turn, _t, i) => tokenWeight(scale, lengths[i]!)).map(
    (w, t) => w * mask[t]!,
  );
  return {
    ...{ kind: 'surrogate', items, advantages, weights, mask, oldLogProbs },
    ...{ temperature: TEMPERATURE, options },
    ...changes,
  };
};

async function lossOf(pass: SurrogatePass): Promise<number> {
  const { values, grads } = await runPass(policy, reference, pass);
  tf.dispose([...grads.values()]);
  return values.loss;
}

const plain = { epsilon: 0.2, epsilon_high: null, delta: null, beta: 0 };
const variants: [string, typeof plain | SurrogateOptions][] = [
  ['clipped', plain],
  ['clip-higher and delta', { ...plain, epsilon_high: 0.28 as never, delta: 1.3 as never }],
  ['KL', { ...plain, beta: 0.2 }],
];
const cases = (['grpo', 'bnpo', 'dapo', 'dr_grpo', 'sapo'] as const).flatMap((loss_type) =>
  (['token', 'sequence'] as const).flatMap((importance_sampling_level) =>
    variants.map(
      ([name, options]) =>
        [
          ...([loss_type, importance_sampling_level, name] as const),
          {
            ...options,
            ...{ importance_sampling_level, surrogate: surrogateOf(loss_type) },
          } as SurrogateOptions,
        ] as const,
    ),
  ),
);

describe('the gradient of the surrogate through the policy', () => {
  it.each(cases)(
    '%s, %s ratios, %s: agrees with finite differences',
    async (type, _, __, options) => {
      const pass = passOf(type, options);
      const stream = new Stream(4, 'direction');
      const { grads } = await runPass(policy, reference, pass);
      const gradient = await flatten(grads);
      let largest = 0;
      for (let round = 0; round < 3; round++) {
        const direction = Float32Array.from(start, () => stream.normal() / Math.sqrt(start.length));
        const analytic = gradient.reduce((sum, g, i) => sum + g * direction[i]!, 0);
        const h = 4e-3;
        move(direction, h);
        const above = await lossOf(pass);
        move(direction, -h);
        const below = await lossOf(pass);
        move(direction, 0);
        const numeric = (above - below) / (2 * h);
        expect(Math.abs(numeric - analytic)).toBeLessThan(5e-4 + 0.02 * Math.abs(analytic));
        largest = Math.max(largest, Math.abs(analytic));
      }
      expect(largest).toBeGreaterThan(0.02);
    },
  );
});

describe('masked and padding tokens', () => {
  const options: SurrogateOptions = { ...plain, beta: 0.2, importance_sampling_level: 'sequence' };

  it('change neither loss nor gradient, whatever is said about them', async () => {
    const pass = passOf('dapo', options);
    const stream = new Stream(5, 'noise');
    const noisy = (values: Float32Array): Float32Array =>
      values.map((x, t) => (mask[t] ? x : -5 * stream.uniform()));
    const other = passOf('dapo', options, {
      ...{ advantages: noisy(advantages), oldLogProbs: noisy(oldLogProbs) },
    });
    const [a, b] = [
      await runPass(policy, reference, pass),
      await runPass(policy, reference, other),
    ];
    expect(b.values.loss).toBeCloseTo(a.values.loss, 6);
    const [first, second] = [await flatten(a.grads), await flatten(b.grads)];
    second.forEach((g, i) => expect(Math.abs(g - first[i]!)).toBeLessThan(1e-6));
  });

  it('do not depend on what shares a row, or fills it up', async () => {
    const together = await lossOf(passOf('dapo', options));
    const part = (item: number, from: number, to: number): SurrogatePass => {
      const pass = passOf('dapo', options);
      const cut = (values: Float32Array): Float32Array => values.slice(from, to);
      return {
        ...pass,
        ...{ items: [items[item]!], advantages: cut(pass.advantages), weights: cut(pass.weights) },
        ...{ mask: cut(pass.mask), oldLogProbs: cut(oldLogProbs) },
      };
    };
    const first = await lossOf(part(0, 0, 15));
    const second = await lossOf(part(1, 15, 22));
    expect(first + second).toBeCloseTo(together, 5);
  });
});
