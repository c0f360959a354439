import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { tf } from '#tfjs';
import { NUMERIC_BACKEND, startNumericBackend } from '../../../test/numeric-backend.test-helper.ts';
import { Stream, tokenUniform } from '../random/stream.ts';
import { usePlain } from '../tensor/ops.ts';
import { toTensors, pack } from './pack.ts';
import type { Policy } from './policy.ts';
import { draw, sample, type Completion, type SampleOptions } from './sample.ts';
import { distance, scores, someTokens, tinyPolicy } from './tiny.test-helper.ts';

const VOCABULARY = 32;
const EOS = 5;
const stream = new Stream(2, 'sample-test');
const prompts = [7, 17, 2, 30].map((length) => someTokens(length, VOCABULARY, stream));

const options: SampleOptions = {
  num_generations: 3,
  max_completion_length: 20,
  temperature: 1,
  top_p: 1,
  eos_token_id: EOS,
  uniform: (prompt, sample, position) => tokenUniform(9, 'test', 1, prompt, sample, position),
};
const greedy: SampleOptions = { ...options, num_generations: 1, temperature: 0 };

/** Logits after a text: the whole text in one forward pass, no cache. */
function nextLogits(policy: Policy, text: number[]): Float32Array {
  return tf.tidy(() => {
    const item = { prompt: Int32Array.from(text), completions: [] };
    const { input } = toTensors(pack([item], { rowLength: 1, multiple: 1 }));
    const hidden = policy.hidden(input);
    return policy.logits(tf.slice(hidden, [text.length - 1, 0], [1, -1])).dataSync();
  }) as Float32Array;
}

const argmax = (values: Float32Array): number => values.indexOf(Math.max(...values));

function greedyWithoutCache(policy: Policy, prompt: Int32Array, limit: number): number[] {
  const text = [...prompt];
  while (text.length < prompt.length + limit) {
    const token = argmax(nextLogits(policy, text));
    text.push(token);
    if (token === EOS) break;
  }
  return text.slice(prompt.length);
}

/** Bit for bit on wasm; others multiply matrices of other shapes in another order. */
function expectSameNumbers(actual: Float32Array, expected: Float32Array): void {
  if (NUMERIC_BACKEND === 'wasm') expect(actual).toEqual(expected);
  else expect(distance([...actual], [...expected])).toBeLessThan(1e-5);
}

function expectSame(actual: Completion[], expected: Completion[]): void {
  const written = (all: Completion[]): object[] =>
    all.map(({ tokens, terminated }) => ({ tokens, terminated }));
  expect(written(actual)).toEqual(written(expected));
  actual.forEach(({ logProbs, entropies }, i) => {
    expectSameNumbers(logProbs, expected[i]!.logProbs);
    expectSameNumbers(entropies, expected[i]!.entropies);
  });
}

beforeAll(startNumericBackend);
afterEach(() => usePlain(false));

describe('greedy sampling with the cache', () => {
  it.each([false, true])('equals re-running the whole text, plain twins: %s', async (plain) => {
    usePlain(plain);
    const policy = tinyPolicy();
    const written = (await sample(policy, prompts, greedy)).map(([one]) => [...one!.tokens]);
    expect(written).toEqual(prompts.map((prompt) => greedyWithoutCache(policy, prompt, 20)));
    expect(new Set(written.map(({ length }) => length)).size).toBeGreaterThan(1);
    policy.dispose();
  });
});

describe('sampling', () => {
  it('draws the same for a sample whatever else is in the batch, bit for bit', async () => {
    const policy = tinyPolicy();
    const together = await sample(policy, prompts, options);
    for (const [p, prompt] of prompts.entries()) {
      const [alone] = await sample(policy, [prompt], {
        ...options,
        num_generations: 1,
        uniform: (_, __, position) => options.uniform(p, 2, position),
      });
      expectSame(alone!, [together[p]![2]!]);
    }
    const reversed = await sample(policy, prompts.toReversed(), {
      ...options,
      uniform: (prompt, ...rest) => options.uniform(prompts.length - 1 - prompt, ...rest),
    });
    expectSame(reversed.reverse().flat(), together.flat());
    policy.dispose();
  });

  it('goes on as it began when more tokens are allowed', async () => {
    const policy = tinyPolicy();
    const short = (await sample(policy, prompts, { ...options, max_completion_length: 6 })).flat();
    const long = (await sample(policy, prompts, options)).flat();
    short.forEach(({ tokens, logProbs }, i) => {
      expect(long[i]!.tokens.subarray(0, 6)).toEqual(tokens);
      expectSameNumbers(long[i]!.logProbs.subarray(0, 6), logProbs);
    });
    policy.dispose();
  });

  it.each([
    { temperature: 1, top_p: 1 },
    { temperature: 0.6, top_p: 1 },
    { temperature: 1.5, top_p: 0.8 },
  ])('records what tokenLogProbs gives: $temperature, $top_p', async (choice) => {
    const policy = tinyPolicy();
    const groups = await sample(policy, prompts, { ...options, ...choice });
    const items = prompts.map((prompt, p) => ({
      prompt,
      completions: groups[p]!.map(({ tokens }) => tokens),
    }));
    const expected = scores(policy, items, choice.temperature);
    const all = groups.flat();
    const logProbs = all.flatMap((one) => [...one.logProbs]);
    const entropies = all.flatMap((one) => [...one.entropies]);
    expect(distance(logProbs, expected.logProbs)).toBeLessThan(1e-5);
    expect(distance(entropies, expected.entropies)).toBeLessThan(1e-5);
    policy.dispose();
  });

  it('ends at the end-of-sequence token, kept, or at the length limit', async () => {
    const policy = tinyPolicy();
    const all = (await sample(policy, prompts, options)).flat();
    for (const { tokens, logProbs, entropies, terminated } of all) {
      const first = tokens.indexOf(EOS);
      expect(terminated).toBe(first >= 0);
      expect(tokens.length).toBe(terminated ? first + 1 : 20);
      expect([logProbs.length, entropies.length]).toEqual([tokens.length, tokens.length]);
    }
    expect(new Set(all.map(({ terminated }) => terminated)).size).toBe(2);
    policy.dispose();
  });

  it('the plain twins write the same tokens', async () => {
    const policy = tinyPolicy();
    const fused = await sample(policy, prompts, options);
    usePlain(true);
    const plain = await sample(policy, prompts, options);
    expect(plain.flat().map(({ tokens }) => tokens)).toEqual(fused.flat().map((one) => one.tokens));
    policy.dispose();
  });

  it.each([false, true])('leaves no tensors behind, plain twins: %s', async (plain) => {
    usePlain(plain);
    const policy = tinyPolicy();
    const { numTensors, numBytes } = tf.memory();
    await sample(policy, prompts, options);
    expect(tf.memory()).toMatchObject({ numTensors, numBytes });
    policy.dispose();
  });

  it('of nothing is nothing', async () => {
    const policy = tinyPolicy();
    expect(await sample(policy, [], options)).toEqual([]);
    expect(await sample(policy, prompts, { ...options, num_generations: 0 })).toEqual([
      [],
      [],
      [],
      [],
    ]);
    policy.dispose();
  });

  it('refuses texts longer than the policy has positions', async () => {
    const policy = tinyPolicy({ max_position_embeddings: 48 });
    await expect(sample(policy, prompts, options)).rejects.toThrow(
      /max_position_embeddings: got 48, expected at least 50/,
    );
    policy.dispose();
  });
});

const distribution = fc
  .array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 20 })
  .filter((weights) => weights.some((w) => w > 0))
  .map((weights) => {
    const total = weights.reduce((sum, w) => sum + w, 0);
    return Float32Array.from(weights, (w) => w / total);
  });

/** Shares of tokens over evenly spaced uniforms. */
function shares(p: Float32Array, topP: number): number[] {
  const counts = Array<number>(p.length).fill(0);
  const draws = 4000;
  for (let i = 0; i < draws; i++) counts[draw(p, (i + 0.5) / draws, topP)]! += 1 / draws;
  return counts;
}

describe('draw', () => {
  it('is the inverse CDF', () => {
    fc.assert(
      fc.property(distribution, (p) => {
        expect(distance(shares(p, 1), p)).toBeLessThan(1e-3);
      }),
      { numRuns: 30 },
    );
  });

  it('keeps the smallest set of likeliest tokens that reaches top_p, renormalised', () => {
    fc.assert(
      fc.property(distribution, fc.double({ min: 0.05, max: 0.95, noNaN: true }), (p, topP) => {
        const order = [...p.keys()].sort((a, b) => p[b]! - p[a]! || a - b);
        const nucleus = new Set<number>();
        let mass = 0;
        for (const token of order) {
          if (mass >= topP) break;
          nucleus.add(token);
          mass += p[token]!;
        }
        const expected = Array.from(p, (x, token) => (nucleus.has(token) ? x / mass : 0));
        expect(distance(shares(p, topP), expected)).toBeLessThan(1e-3);
      }),
      { numRuns: 30 },
    );
  });

  it('never draws a token of probability zero', () => {
    const p = Float32Array.of(0, 0.5, 0, 0.5, 0);
    for (const uniform of [0, 0.25, 0.5, 1 - 1 / 0x1000000]) {
      for (const topP of [1, 0.9]) expect(p[draw(p, uniform, topP)]).toBe(0.5);
    }
  });
});
