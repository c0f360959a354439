import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cell } from '../data/task.ts';
import { birdEqual, bestOf, compareRows, qatch, relaxedScores, softF1 } from './compare.ts';
import { spiderEqual } from './spider.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const BIG = 9007199254740993n; // 2^53 + 1: as a double it would be 2^53

describe('BIRD set equality', () => {
  const cases: [string, Cell[][], Cell[][], boolean][] = [
    ['both empty', [], [], true],
    ['duplicates ignored', [[1], [1], [2]], [[2], [1]], true],
    ['row order ignored', [['a'], ['b']], [['b'], ['a']], true],
    ['column order matters', [[1, 'a']], [['a', 1]], false],
    ['width matters', [[1]], [[1, 1]], false],
    ['1 == 1.0 and 0 == -0', [[1, -0]], [[1.0, 0]], true],
    ['floats exactly', [[0.1 + 0.2]], [[0.3]], false],
    ['number is not text', [[1]], [['1']], false],
    ['text is case-sensitive', [['a']], [['A']], false],
    ['NULL equals NULL only', [[null]], [[null]], true],
    ['NULL is not empty text', [[null]], [['']], false],
    ['bytes are not text', [[bytes(97)]], [['a']], false],
    ['equal bytes', [[bytes(0, 255)]], [[bytes(0, 255)]], true],
    ['integers beyond 2^53', [[BIG]], [[BIG - 1n]], false],
    ['integer against the equal double', [[2 ** 53]], [[2n ** 53n]], true],
    ['integer against a near double', [[2 ** 53]], [[BIG]], false],
    ['infinity', [[Infinity]], [[-Infinity]], false],
    ['NaN equals itself here', [[NaN]], [[NaN]], true],
    ['separators inside text', [['a,s1:b']], [['a', 'b']], false],
  ];
  it.each(cases)('%s', (_name, predicted, gold, equal) => {
    expect(birdEqual(predicted, gold)).toBe(equal);
  });
});

describe('Spider result_eq', () => {
  const cases: [string, Cell[][], Cell[][], boolean, boolean][] = [
    ['both empty', [], [], false, true],
    ['duplicates count', [[1], [1], [2]], [[1], [2], [2]], false, false],
    ['same bag', [[1], [2], [1]], [[1], [1], [2]], false, true],
    ['same bag, other order, ordered', [[1], [2]], [[2], [1]], true, false],
    ['columns permuted', [[1, 'a', 9]], [['a', 9, 1]], false, true],
    ['columns permuted, ordered', [[1, 'a'], [2, 'b']], [['a', 1], ['b', 2]], true, true],
    ['rows and columns permuted', [[1, 2], [3, 4]], [[4, 3], [2, 1]], false, true],
    // Each row has the same cells, each column too, yet no permutation maps one to the other.
    ['rows mixed', [[1, 2], [2, 1], [1, 1]], [[1, 2], [1, 2], [1, 1]], false, false],
    ['same rows unordered, columns inconsistent', [[1, 2], [3, 4]], [[2, 1], [3, 4]], false, false],
    ['width matters', [[1, 1]], [[1]], false, false],
    ['1 == 1.0', [[1, 10]], [[10.0, 1.0]], false, true],
    ['floats exactly', [[0.1 + 0.2]], [[0.3]], false, false],
    ['NULLs', [[null, 1]], [[1, null]], false, true],
    ['blobs', [[bytes(1), 'x']], [['x', bytes(1)]], false, true],
    ['integers beyond 2^53', [[BIG, 1]], [[1, BIG - 1n]], false, false],
    ['ragged answer', [[1, 2], [3, 4]], [[1, 2], [3]], false, false],
  ]; // prettier-ignore
  it.each(cases)('%s', (_name, predicted, gold, ordered, equal) => {
    expect(spiderEqual(predicted, gold, ordered)).toBe(equal);
  });

  it('is bounded on wide results made to defeat the search', () => {
    // Two 3-regular bipartite incidence structures on 60 columns: equal bags everywhere.
    const incidence = (step: number): Cell[][] =>
      Array.from({ length: 60 }, (_, r) =>
        Array.from({ length: 60 }, (__, c) => ([0, 1, step].includes((c - r + 60) % 60) ? 1 : 0)),
      );
    expect(typeof spiderEqual(incidence(7), incidence(11), false)).toBe('boolean');
    const same = Array.from({ length: 50 }, () => new Array<Cell>(2000).fill(1));
    expect(spiderEqual(same, same, false)).toBe(true);
  });
});

describe('relaxed scores', () => {
  it('counts cells as bags', () => {
    // gold {a, a, b}, predicted {a, b, b, c}: common {a, b}
    const scores = relaxedScores([['a'], ['b'], ['b'], ['c']], [['a'], ['a'], ['b']]);
    expect(scores.exact).toBe(false);
    expect(scores.recall).toBeCloseTo(2 / 3, 12);
    expect(scores.f1).toBeCloseTo(4 / 7, 12);
  });

  it('gives the over-broad result of 2506.06093 full recall and F1 2 / (n + 1)', () => {
    const cities = ['Oslo', 'Rome', 'Bonn', 'Lima'].map((city) => [city]);
    const scores = relaxedScores(cities, [['Rome']]);
    expect(scores).toEqual({ exact: false, recall: 1, f1: 2 / 5 });
  });

  const equal: [string, Cell, Cell, boolean][] = [
    ['trimmed, collapsed, lower-cased', '  New   York ', 'new york', true],
    ['numeric text', '42', 42, true],
    ['numeric text with fraction', '3.50', 3.5, true],
    ['code with leading zero', '007', 7, false],
    ['exponent is text', '1e3', 1000, false],
    ['sum in another order', 0.1 + 0.2, 0.3, true],
    ['sum close to an integer', 1000.0000000000001, 1000, true],
    ['six digits apart', 0.333333, 0.3333333, false],
    ['big integer in text', '9007199254740993', BIG, true],
    ['big integers apart', BIG - 1n, BIG, false],
    ['NULL is not the text null', null, 'null', false],
    ['NaN', NaN, NaN, true],
    ['blob against its text', bytes(97), 'a', false],
  ];
  it.each(equal)('%s', (_name, a, b, same) => {
    expect(relaxedScores([[a]], [[b]]).exact).toBe(same);
    expect(relaxedScores([[b]], [[a]]).exact).toBe(same);
  });

  it('handles empty results', () => {
    expect(relaxedScores([], [])).toEqual({ exact: true, recall: 1, f1: 1 });
    expect(relaxedScores([[1]], [])).toEqual({ exact: false, recall: 0, f1: 0 });
    expect(relaxedScores([], [[1]])).toEqual({ exact: false, recall: 0, f1: 0 });
  });
});

describe('BIRD Soft-F1', () => {
  it('both empty is 1, one empty is 0', () => {
    expect(softF1([], [])).toBe(1);
    expect(softF1([[1]], [])).toBe(0);
    expect(softF1([], [[1]])).toBe(0);
  });

  it('drops duplicates, then pairs rows by position', () => {
    expect(softF1([[1], [1], [2]], [[1], [2], [2]])).toBe(1);
    expect(softF1([[2], [1]], [[1], [2]])).toBe(0);
  });

  it('agrees with a hand-worked case', () => {
    // Row 1: 'a' matched, 'x' only predicted, 'b' only gold (each 1/2). Row 2: both matched (1).
    // Row 3: only in gold (1). tp = 1.5, fp = .5, fn = 1.5; P = .75, R = .5, F1 = .6.
    const predicted = [['a', 'x'], ['c', 'd']]; // prettier-ignore
    const gold = [['a', 'b'], ['d', 'c'], ['e', 'f']]; // prettier-ignore
    expect(softF1(predicted, gold)).toBeCloseTo(0.6, 12);
  });

  it('divides by the gold width', () => {
    // One matched, one only predicted, over width 1: P = 1 / 2, R = 1, F1 = 2 / 3.
    expect(softF1([[1, 2]], [[1]])).toBeCloseTo(2 / 3, 12);
  });
});

describe('QATCH', () => {
  it('is the mean of cell precision, cell recall and tuple cardinality', () => {
    expect(qatch([], [])).toBe(1);
    expect(qatch([[1]], [])).toBe(0);
    expect(qatch([], [[1]])).toBe(0);
    // Cells {1, 2, 3} against {1, 2}: precision 2/3, recall 1; 3 rows against 2.
    expect(qatch([[1], [2], [3]], [[1], [2]])).toBeCloseTo((2 / 3 + 1 + 2 / 3) / 3, 12);
    // The same cells in other places are not told apart: why a wrong result is capped in the reward.
    expect(qatch([[1, 2], [3, 4]], [[3, 2], [1, 4]])).toBe(1); // prettier-ignore
  });
});

describe('properties', () => {
  const cell: fc.Arbitrary<Cell> = fc.oneof(
    fc.constantFrom<Cell>(null, 0, -0, 1, 2, 'a', 'b', '', NaN, BIG, bytes(1)),
    fc.double(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.string(),
    fc.uint8Array({ maxLength: 4 }),
  );
  const table = fc
    .integer({ min: 1, max: 5 })
    .chain((width) => fc.array(fc.array(cell, { minLength: width, maxLength: width })));
  const shuffled = <T>(items: readonly T[]): fc.Arbitrary<T[]> =>
    fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length });

  it('every mode is reflexive', () => {
    fc.assert(
      fc.property(table, fc.boolean(), (rows, ordered) => {
        const all = compareRows(rows, rows, ordered);
        expect(all).toEqual({
          bird: true,
          spider: true,
          exact: true,
          recall: 1,
          f1: 1,
          softF1: 1,
          qatch: 1,
        });
      }),
    );
  });

  it('bags and sets ignore row order; Spider also column order', () => {
    const cases = table.chain((rows) =>
      fc.tuple(fc.constant(rows), shuffled(rows), shuffled([...(rows[0] ?? []).keys()])),
    );
    fc.assert(
      fc.property(cases, ([rows, mixed, permutation]) => {
        expect(birdEqual(mixed, rows)).toBe(true);
        expect(relaxedScores(mixed, rows).exact).toBe(true);
        const turned = mixed.map((row) => permutation.map((c) => row[c]!));
        expect(spiderEqual(turned, rows, false)).toBe(true);
        const inOrder = rows.map((row) => permutation.map((c) => row[c]!));
        expect(spiderEqual(inOrder, rows, true)).toBe(true);
      }),
    );
  });

  it('equality modes are symmetric, and Spider agrees with trying every permutation', () => {
    const small = fc.integer({ min: 1, max: 3 }).chain((width) => {
      const row = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: width, maxLength: width });
      return fc.tuple(fc.array(row, { maxLength: 5 }), fc.array(row, { maxLength: 5 }));
    });
    fc.assert(
      fc.property(small, fc.boolean(), ([a, b], ordered) => {
        expect(birdEqual(a, b)).toBe(birdEqual(b, a));
        expect(spiderEqual(a, b, ordered)).toBe(bruteForce(a, b, ordered));
      }),
      { numRuns: 2000 },
    );
  });
});

function bruteForce(a: number[][], b: number[][], ordered: boolean): boolean {
  if (a.length !== b.length) return false;
  if (a.length === 0) return true;
  const key = (rows: number[][]): string => {
    const keys = rows.map(String);
    return (ordered ? keys : keys.sort()).join(';');
  };
  return permutations([...a[0]!.keys()]).some(
    (order) => key(a.map((row) => order.map((c) => row[c]!))) === key(b),
  );
}

function permutations(items: number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) =>
    permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  );
}

it('bestOf takes each mode for itself', () => {
  const a = compareRows([[1, 2]], [[2, 1]], false);
  const b = { ...compareRows([[1]], [[2]], false), testSuite: true };
  expect(bestOf(a, b)).toEqual({ ...a, testSuite: true });
});
