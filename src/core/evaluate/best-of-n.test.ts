import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Step } from '../episode/episode.ts';
import { aggregate, AGGREGATES, bestOf, scoreBestOfN, type Candidate } from './best-of-n.ts';
import { guidedSearch, type SearchPorts } from './guided-search.ts';

const candidate = (changes: Partial<Candidate> = {}): Candidate => ({
  ...{ runs: true, key: 'a', right: false, values: [0.5] },
  ...changes,
});

const values = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 6 });

describe('aggregates', () => {
  it('are the papers’ of three steps', () => {
    const sigma = [0.9, 0.55, 0.8];
    expect(aggregate(sigma, 'min')).toBe(0.55);
    expect(aggregate(sigma, 'product')).toBeCloseTo(0.396, 12);
    expect(aggregate(sigma, 'last')).toBe(0.8);
    expect(aggregate(sigma, 'mean')).toBeCloseTo(0.75, 12);
    expect(aggregate(sigma, 'weighted')).toBeCloseTo(0.8628, 4); // papers.md §4.5
  });

  it('stay in [0, 1], and are the value itself for one step', () => {
    fc.assert(
      fc.property(values, (sigma) => {
        for (const how of AGGREGATES) {
          const all = aggregate(sigma, how);
          expect(all).toBeGreaterThanOrEqual(0);
          expect(all).toBeLessThanOrEqual(1 + 1e-12);
          expect(aggregate(sigma.slice(0, 1), how)).toBeCloseTo(sigma[0]!, 9);
          expect(aggregate([], how)).toBe(0);
        }
      }),
    );
  });

  it('refuse a name they do not know', () => {
    expect(() => aggregate([1], 'median' as never)).toThrow(/^aggregate: got "median"/);
  });
});

describe('best of N', () => {
  it('never takes a candidate that does not run, however it scores', () => {
    const group = [
      candidate({ runs: false, values: [1] }),
      candidate({ values: [0.1] }),
      candidate({ values: [0.2] }),
    ];
    for (const how of AGGREGATES) {
      expect(bestOf(group, how)).toBe(2);
      expect(bestOf(group.slice(0, 1), how)).toBe(-1);
    }
  });

  it('takes the first of equals, and needs values', () => {
    expect(bestOf([candidate(), candidate()], 'min')).toBe(0);
    expect(() => bestOf([{ runs: true, key: 'a', right: false }], 'min')).toThrow(/^values: /);
  });

  it('is between nothing and pass@N, and random is what executable ones are worth on average', () => {
    const some = fc.array(
      fc.array(
        fc.record({
          runs: fc.boolean(),
          key: fc.constantFrom('a', 'b', undefined),
          right: fc.boolean(),
          values,
        }),
        { minLength: 1, maxLength: 8 },
      ),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(some, (drawn) => {
        // What does not run is not right.
        const groups = drawn.map((group) =>
          group.map((one) => ({ ...one, right: one.right && one.runs })),
        );
        const { accuracy, pass_at_n, pass_at_1 } = scoreBestOfN(groups);
        expect(pass_at_1).toBeLessThanOrEqual(pass_at_n);
        expect(accuracy.random).toBeGreaterThanOrEqual(pass_at_1 - 1e-12);
        for (const value of Object.values(accuracy)) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(pass_at_n + 1e-12);
        }
      }),
    );
  });

  it('counts by question: a perfect model reaches pass@N, the majority may not', () => {
    const group = [
      candidate({ key: 'wrong', values: [0.1] }),
      candidate({ key: 'wrong', values: [0.1] }),
      candidate({ key: 'right', right: true, values: [0.9] }),
      candidate({ runs: false, key: undefined, values: [0.99] }),
    ];
    const scores = scoreBestOfN([group, [candidate({ values: [1] })]]);
    expect(scores).toMatchObject({ n: 4, pass_at_1: 0.125, pass_at_n: 0.5 });
    expect(scores.accuracy).toMatchObject({ majority: 0, min: 0.5, random: 1 / 6 });
    expect(scores.questions.min).toEqual([1, 0]);
    const unscored = { runs: true, key: 'a', right: false };
    expect(Object.keys(scoreBestOfN([[unscored]]).accuracy)).toEqual(['random', 'majority']);
  });
});

/** Numbers as steps: 9 answers, 0 does not run. */
interface Word {
  tokens: number[];
  steps: Step[];
}

const word = (tokens: number[]): Word => ({
  tokens,
  steps: tokens.map((token, i) => ({
    ...{ kind: token === 9 ? 'answer' : 'cte', start: i, end: i + 1, text: String(token) },
    outcome:
      token === 0
        ? { kind: 'error', message: 'no such table' }
        : { kind: 'rows', columns: [], rows: [], rowCount: 1, truncated: false },
  })),
});

/** Tries `next` after every word; a step is worth its number / 10. */
const ports = (next: (tokens: number[]) => number[]) => {
  const asked: number[] = [];
  const all: SearchPorts<Word> = {
    expand: (words) => {
      asked.push(words.length);
      return Promise.resolve(
        words.map(({ tokens }) => next(tokens).map((token) => word([...tokens, token]))),
      );
    },
    values: (groups) =>
      Promise.resolve(groups.map((group) => group.map(({ tokens }) => tokens.map((t) => t / 10)))),
  };
  return { ...all, asked };
};

const options = { beam: 1, maxSteps: 5, by: 'last' as const };

describe('guided search', () => {
  it('goes on from the best step that runs, until it answers', async () => {
    const found = await guidedSearch(
      [word([])],
      ports((tokens) => (tokens.length < 2 ? [0, 3, 5, 2] : [1, 9])),
      options,
    );
    expect(found[0]).toMatchObject({ best: { tokens: [5, 5, 9] }, deadEnds: 0, expanded: 10 });
  });

  it('prunes what does not run even when the model likes it', async () => {
    const liked = {
      ...ports(() => [0, 1]),
      values: (groups: readonly (readonly Word[])[]) =>
        Promise.resolve(
          groups.map((group) => group.map(({ tokens }) => tokens.map((t) => 1 - t / 10))),
        ),
    };
    const [found] = await guidedSearch([word([])], liked, { ...options, maxSteps: 3 });
    expect(found!.best.tokens).toEqual([1, 1, 1]);
  });

  it('counts dead ends and goes on from one, for the next step may repair it', async () => {
    const [found] = await guidedSearch(
      [word([])],
      ports((tokens) => (tokens.length === 0 ? [0, 0] : [9])),
      options,
    );
    expect(found).toMatchObject({ best: { tokens: [0, 9] }, deadEnds: 1, expanded: 3 });
  });

  it('asks only for questions that have no answer yet, and not again for equal beginnings', async () => {
    const some = ports((tokens) => (tokens[0] === 1 ? [9, 9] : tokens.length < 3 ? [2, 2] : [9]));
    const found = await guidedSearch([word([1]), word([2])], some, { ...options, beam: 2 });
    expect(found.map(({ best }) => best.tokens)).toEqual([
      [1, 9],
      [2, 2, 2, 9],
    ]);
    expect(some.asked).toEqual([2, 1, 1]);
  });

  it('with a beam keeps what is second best now and best in the end', async () => {
    const tree = (tokens: number[]): number[] =>
      tokens.length === 0 ? [5, 4] : tokens.at(-1) === 5 ? [1] : tokens.at(-1) === 4 ? [9] : [1];
    const greedy = await guidedSearch([word([])], ports(tree), { ...options, maxSteps: 3 });
    expect(greedy[0]!.best.tokens).toEqual([5, 1, 1]);
    const wide = await guidedSearch([word([])], ports(tree), { ...options, maxSteps: 3, beam: 2 });
    expect(wide[0]!.best.tokens).toEqual([4, 9]);
  });

  it('gives back the beginning where the steps are used up', async () => {
    const [found] = await guidedSearch(
      [word([])],
      ports(() => [1, 2]),
      { ...options, maxSteps: 2 },
    );
    expect(found).toMatchObject({ best: { tokens: [2, 2] }, expanded: 4 });
  });
});
