import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cell } from '../data/task.ts';
import type { Comparison, Outcome } from '../sql/outcome.ts';
import {
  accuracy,
  accuracyByDifficulty,
  groupShares,
  isOverBroad,
  majority,
  majorityAtK,
  meanPassAtK,
  passAtK,
  type Judged,
} from './metrics.ts';
import { resultKey } from './result-key.ts';
import { rVes, timeRatio, vesCredit } from './ves.ts';

const rows = (cells: Cell[][], rowCount = cells.length): Outcome => ({
  kind: 'rows',
  columns: [],
  rows: cells,
  rowCount,
  truncated: false,
});
const verdict = (changes: Partial<Comparison>): Comparison => ({
  bird: false,
  spider: false,
  exact: false,
  recall: 0,
  f1: 0,
  softF1: 0,
  qatch: 0,
  ...changes,
});

describe('accuracy', () => {
  const all = { bird: true, spider: true, exact: true, recall: 1, f1: 1, softF1: 1, qatch: 1 };
  const right = verdict({ ...all, testSuite: true });
  const judged: Judged[] = [
    { outcome: rows([['a']]), comparison: right, difficulty: 'easy' },
    { outcome: rows([['a'], ['a']]), comparison: verdict({ bird: true }), difficulty: 'easy' },
    { outcome: rows([]), comparison: verdict({ testSuite: false }), difficulty: 'hard' },
    { outcome: rows([['a'], ['b']]), comparison: verdict({ recall: 1, f1: 2 / 3, softF1: 0.5 }) },
    { outcome: { kind: 'error', message: '' }, difficulty: 'hard' },
    { outcome: { kind: 'timeout', limitMs: 1 } },
    { outcome: { kind: 'refused', reason: '' } },
    {},
  ];

  it('counts matches, failures, empty and over-broad results', () => {
    expect(accuracy(judged)).toEqual({
      count: 8,
      ex: 2 / 8,
      ts: 1 / 8,
      soft_f1: 1.5 / 8,
      error_rate: 4 / 8,
      empty_rate: 1 / 8,
      over_broad_rate: 1 / 8,
    });
    expect(accuracy(judged, 'spider').ex).toBe(1 / 8);
    expect(accuracy([])).toMatchObject({ count: 0, ex: 0 });
    expect(accuracy([{}])).not.toHaveProperty('ts');
  });

  it('takes a database without variants for its own test suite', () => {
    const spider = verdict({ spider: true });
    const items = [right, spider, verdict({})].map((comparison) => ({
      outcome: rows([['a']]),
      comparison,
    }));
    expect(accuracy(items).ts).toBe(2 / 3);
  });

  it('splits by difficulty', () => {
    const levels = accuracyByDifficulty(judged);
    expect(Object.keys(levels)).toEqual(['easy', 'hard']);
    expect(levels['easy']).toMatchObject({ count: 2, ex: 1 });
    expect(levels['hard']).toMatchObject({ count: 2, ex: 0, error_rate: 0.5, empty_rate: 0.5 });
  });

  it('calls a result over-broad exactly when it holds the gold among twice its cells', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 0, max: 200 }),
        (gold, extra) => {
          const f1 = (2 * gold) / (gold + gold + extra);
          expect(isOverBroad(verdict({ recall: 1, f1 }))).toBe(gold + extra >= 2 * gold);
        },
      ),
    );
    expect(isOverBroad(verdict({ recall: 1, f1: 0 }))).toBe(false);
  });
});

describe('pass@k', () => {
  it('equals the binomial form', () => {
    const choose = (n: number, k: number): number =>
      k === 0 ? 1 : n < k ? 0 : (choose(n - 1, k - 1) * n) / k;
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 20 })
          .chain((n) =>
            fc.tuple(
              fc.constant(n),
              fc.integer({ min: 0, max: n }),
              fc.integer({ min: 1, max: n }),
            ),
          ),
        ([n, c, k]) => {
          expect(passAtK(n, c, k)).toBeCloseTo(1 - choose(n - c, k) / choose(n, k), 10);
        },
      ),
    );
  });

  it('is the share of right samples for k = 1, and refuses more samples than there are', () => {
    expect(passAtK(8, 3, 1)).toBeCloseTo(3 / 8, 14);
    expect(passAtK(8, 0, 8)).toBe(0);
    expect(passAtK(8, 1, 8)).toBe(1);
    expect(
      meanPassAtK(
        [
          [true, false],
          [false, false],
        ],
        2,
      ),
    ).toBe(0.5);
    expect(() => passAtK(8, 1, 9)).toThrow(/k: got 9, expected 1 to 8/);
  });
});

describe('voting', () => {
  it('takes the largest group, the earliest in a tie, and nothing when nothing can vote', () => {
    expect(majority(['a', 'b', 'b', undefined, undefined, undefined])).toBe(1);
    expect(majority(['b', 'a', 'a', 'b'])).toBe(0);
    expect(majority([undefined, undefined])).toBe(-1);
    expect(majority([])).toBe(-1);
  });

  it('counts questions whose majority among the first k is right', () => {
    const question = [
      { key: 'x', match: false },
      { key: 'y', match: true },
      { key: 'y', match: true },
    ];
    expect(majorityAtK([question], 3)).toBe(1);
    expect(majorityAtK([question], 2)).toBe(0);
    expect(majorityAtK([question, [{ key: undefined, match: true }]], 3)).toBe(0.5);
  });

  it('groups results as sets of rows and leaves out empty ones and failures', () => {
    expect(resultKey(rows([[1], [2], [2]]))).toBe(resultKey(rows([[2], [1]])));
    expect(resultKey(rows([[1]]))).not.toBe(resultKey(rows([['1']])));
    expect(resultKey(rows([[null]]))).not.toBe(resultKey(rows([['null']])));
    expect(resultKey(rows([[9007199254740992n]]))).toBe(resultKey(rows([[9007199254740992]])));
    expect(resultKey(rows([['a', 'b']]))).not.toBe(resultKey(rows([['a'], ['b']])));
    expect(resultKey(rows([[new Uint8Array([1])]]))).not.toBe(resultKey(rows([['x01']])));
    expect(resultKey(rows([[1]], 400))).not.toBe(resultKey(rows([[1]], 401)));
    expect(resultKey(rows([]))).toBeUndefined();
    expect(resultKey({ kind: 'error', message: 'x' })).toBeUndefined();
    expect(resultKey(undefined)).toBeUndefined();
  });

  it('shares out groups that are all wrong or all right', () => {
    expect(groupShares([[false, false], [true, true], [true, false], [false]])).toEqual({
      all_wrong: 0.5,
      all_right: 0.25,
    });
  });
});

describe('R-VES', () => {
  it('credits by the published steps', () => {
    expect([3, 2, 1.99, 1, 0.99, 0.5, 0.49, 0.25, 0.1].map(vesCredit)).toEqual([
      1.25, 1.25, 1, 1, 0.75, 0.75, 0.5, 0.5, 0.25,
    ]);
  });

  it('drops ratios outside three standard deviations, and keeps equal ones', () => {
    expect(timeRatio([...Array<number>(99).fill(1), 1000])).toBe(1);
    expect(timeRatio([1, 1, 4])).toBe(2);
    expect(timeRatio([0.7, 0.7, 0.7])).toBeCloseTo(0.7, 14);
  });

  it('averages √credit, wrong predictions earning 0', () => {
    expect(rVes([[2, 2], [0.25], null, [1]])).toBeCloseTo(
      (Math.sqrt(1.25) + Math.sqrt(0.5) + 0 + 1) / 4,
      14,
    );
  });
});
