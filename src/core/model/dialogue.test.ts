import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startNumericBackend } from '../../../test/numeric-backend.test-helper.ts';
import { Stream, tokenUniform } from '../random/stream.ts';
import { usePlain } from '../tensor/ops.ts';
import { sample, type Completion, type EndedTurn, type SampleOptions } from './sample.ts';
import { distance, scores, someTokens, tinyPolicy } from './tiny.test-helper.ts';

const VOCABULARY = 32;
const EOS = 5;
const stream = new Stream(3, 'dialogue-test');
const prompts = [9, 21, 4].map((length) => someTokens(length, VOCABULARY, stream));

/** The second turn is the last; what a sample reads after the first depends on what it wrote. */
const answer = ({ start, tokens }: EndedTurn): Int32Array | null =>
  start > 0 ? null : Int32Array.of(7, tokens[0]!, EOS, 8);

const options: SampleOptions = {
  num_generations: 6,
  max_completion_length: 40,
  temperature: 1,
  top_p: 1,
  eos_token_id: EOS,
  uniform: (prompt, sample, position) => tokenUniform(4, 'test', 1, prompt, sample, position),
  environment: (turns) => Promise.resolve(turns.map(answer)),
};

const dialogues = async (changes: Partial<SampleOptions> = {}): Promise<Completion[][]> => {
  const policy = tinyPolicy();
  const completions = await sample(policy, prompts, { ...options, ...changes });
  policy.dispose();
  return completions;
};

beforeAll(startNumericBackend);
afterEach(() => usePlain(false));

describe('sampling with an environment', () => {
  it.each([false, true])('reads answers and goes on; plain twins: %s', async (plain) => {
    usePlain(plain);
    const asked: EndedTurn[] = [];
    const all = await dialogues({
      environment: (turns) => {
        asked.push(...turns);
        return Promise.resolve(turns.map(answer));
      },
    });
    let finished = 0;
    for (const [p, group] of all.entries()) {
      for (const [s, { tokens, mask, logProbs, entropies, terminated }] of group.entries()) {
        const turns = asked.filter((turn) => turn.prompt === p && turn.sample === s);
        expect(mask.length).toBe(tokens.length);
        if (turns.length === 0) continue;
        const first = turns[0]!.tokens;
        expect(first.at(-1)).toBe(EOS);
        const read = [7, first[0]!, EOS, 8];
        const before = first.length;
        expect([...tokens.subarray(0, before)]).toEqual([...first]);
        if (tokens.length === before) continue; // no room for the answer
        const there = tokens.length - before;
        expect([...tokens.subarray(before, before + 4)]).toEqual(read.slice(0, there));
        expect([...mask]).toEqual(Array.from(tokens, (_, t) => +(t < before || t >= before + 4)));
        mask.forEach((m, t) => {
          if (!m) expect([logProbs[t], entropies[t]]).toEqual([0, 0]);
        });
        expect(terminated).toBe(turns.length === 2);
        finished += +terminated;
      }
    }
    expect(finished).toBeGreaterThan(3);
  });

  it.each([false, true])('scores as training does; plain twins: %s', async (plain) => {
    usePlain(plain);
    const all = await dialogues();
    const policy = tinyPolicy();
    const items = all.map((group, p) => ({
      prompt: prompts[p]!,
      completions: group.map(({ tokens }) => tokens),
    }));
    const trained = scores(policy, items);
    policy.dispose();
    const sampled = all.flat();
    const mask = sampled.flatMap((one) => [...one.mask]);
    for (const key of ['logProbs', 'entropies'] as const) {
      const recorded = sampled.flatMap((one) => [...one[key]]);
      const expected = trained[key].map((value, t) => (mask[t] ? value : 0));
      expect(distance(recorded, expected)).toBeLessThan(2e-5);
    }
  });

  it('ends a sample that has no room left for what it is to read', async () => {
    const all = (await dialogues({ max_completion_length: 12 })).flat();
    for (const { tokens, mask, terminated } of all) {
      expect(tokens.length).toBeLessThanOrEqual(12);
      expect(mask.at(-1)).toBe(1);
      if (tokens.length < 12) expect(tokens.at(-1)).toBe(EOS);
      if (!mask.includes(0)) expect(terminated).toBe(false);
    }
  });

  it('writes the same whatever else is in the batch', async () => {
    const together = await dialogues();
    const policy = tinyPolicy();
    const [alone] = await sample(policy, [prompts[1]!], {
      ...options,
      num_generations: 1,
      uniform: (_, __, position) => options.uniform(1, 4, position),
    });
    policy.dispose();
    expect(alone![0]!.tokens).toEqual(together[1]![4]!.tokens);
  });
});
