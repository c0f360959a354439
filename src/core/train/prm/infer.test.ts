import { beforeAll, describe, expect, it } from 'vitest';
import { startNumericBackend } from '../../../../test/numeric-backend.test-helper.ts';
import type { Policy } from '../../model/policy.ts';
import { evaluateSampled } from '../evaluation.ts';
import { tokenizer } from '../tiny-run.test-helper.ts';
import { tasks, turnsContext, twoTurnPolicy } from '../turns.test-helper.ts';
import { evaluateBestOfN, evaluateGuided } from './infer.ts';
import type { PrmScorer, ScoreGroup } from './scorer.ts';

let policy: Policy;

beforeAll(async () => {
  await startNumericBackend();
  policy = (await twoTurnPolicy())();
});

/** Knows the gold queries. */
const knowing = {
  score: (groups: readonly ScoreGroup[]) =>
    Promise.resolve(
      groups.map(({ prompt, episodes }) => {
        const question = tokenizer.decode(prompt);
        const gold = tasks.find((task) => question.includes(task.question))!.gold![0];
        return episodes.map(({ steps }) =>
          steps.map(({ text }) => (text.trim() === gold ? 0.9 : 0.1)),
        );
      }),
    ),
} as unknown as PrmScorer;

const measure = { max_completion_length: 40, batch_size: 8, test_suite: false, seed: 0 };
const many = Array.from({ length: 24 }, (_, i) => ({ ...tasks[i % 3]!, id: `q${i}` }));

describe('a model that knows the answers', () => {
  it('chooses a right one of N wherever there is one', async () => {
    const context = turnsContext(policy, 2);
    const { groups, pass_at_k } = await evaluateSampled(context, many, { ...measure, k: 4 });
    const { accuracy, pass_at_n, questions } = await evaluateBestOfN(
      context,
      many,
      groups,
      knowing,
    );
    expect(pass_at_n).toBeCloseTo(pass_at_k, 12);
    expect(accuracy.last).toBe(pass_at_n);
    expect(accuracy.random).toBeLessThan(pass_at_n);
    expect(questions.last).toHaveLength(24);
    const without = await evaluateBestOfN(context, many, groups);
    expect(without.accuracy.majority).toBe(accuracy.majority);
    expect(without.accuracy.last).toBeUndefined();
  });

  it('guides the search to the answer, the same in any batches', async () => {
    const context = turnsContext(policy, 2);
    const sampling = {
      ...{ max_completion_length: 40, temperature: 1, top_p: 1 },
      eos_token_id: tokenizer.eosId!,
    };
    const search = (expansions: number, batch_size: number) =>
      evaluateGuided(context, many, knowing, sampling, {
        ...{ expansions, beam: 1, by: 'last', seed: 0, batch_size },
      });
    const eight = await search(8, 24);
    expect(eight.accuracy).toBeGreaterThan(0.9);
    expect(eight.expanded).toBe(16);
    expect(eight.steps).toBe(2);
    expect(await search(8, 5)).toEqual(eight);
    expect((await search(1, 24)).accuracy).toBeLessThan(0.7);
  });

  it('takes questions that leave no room to write as wrong', async () => {
    const context = turnsContext(policy, 2);
    const sampling = {
      ...{ max_completion_length: 40, temperature: 1, top_p: 1 },
      eos_token_id: tokenizer.eosId!,
    };
    const long = {
      ...many[0]!,
      question: 'which one '.repeat(policy.config.max_position_embeddings),
    };
    const found = await evaluateGuided(context, [long, many[1]!], knowing, sampling, {
      ...{ expansions: 8, beam: 1, by: 'last', seed: 0, batch_size: 2 },
    });
    expect(found).toMatchObject({
      questions: 2,
      accuracy: 0.5,
      right: [false, true],
      expanded: 16,
    });
  });
});
