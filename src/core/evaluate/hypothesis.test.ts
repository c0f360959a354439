import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { correlation, holm, pairedP, pairedPower, pairsNeeded } from './hypothesis.ts';
import { pairedInterval, tUpperTail } from './statistics.ts';

/** Student's own example (1908), R's `sleep`: hours gained with either drug. */
const FIRST = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2];
const SECOND = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
const gained = SECOND.map((value, i) => value - FIRST[i]!);

describe('pairedP', () => {
  it('is R’s t.test(extra ~ group, sleep, paired = TRUE)', () => {
    // t = -4.0621, df = 9, p-value = 0.002833, interval -2.4598858 to -0.7001142
    expect(pairedP(gained)).toBeCloseTo(0.002833, 6);
    expect(2 * tUpperTail(4.062128, 9)).toBeCloseTo(0.002833, 6);
    const { low, high } = pairedInterval(FIRST, SECOND);
    expect(low).toBeCloseTo(0.7001142, 7);
    expect(high).toBeCloseTo(2.4598858, 7);
  });

  it('never finds the wrong direction', () => {
    expect(pairedP(gained.map((value) => -value))).toBe(1);
  });

  it('tests against a margin', () => {
    const [low, high] = [0.7001142, 2.4598858];
    expect(pairedP(gained, low)).toBeCloseTo(0.05, 6);
    expect(pairedP(gained, low - 0.1)).toBeLessThan(0.05);
    expect(pairedP(gained, low + 0.1)).toBeGreaterThan(0.05);
    expect(
      pairedP(
        gained.map((value) => -value),
        -high,
      ),
    ).toBeCloseTo(0.05, 6);
  });

  it('needs two pairs, and knows equal differences', () => {
    expect(pairedP([1])).toBeNaN();
    expect(pairedP([0.5, 0.5])).toBe(0);
    expect(pairedP([0, 0])).toBe(1);
  });
});

describe('holm', () => {
  it('is R’s p.adjust(…, "holm")', () => {
    const close = (found: number[], expected: number[]) =>
      found.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 12));
    close(holm([0.01, 0.02, 0.03, 0.04, 0.05]), [0.05, 0.08, 0.09, 0.09, 0.09]);
    close(holm([0.04, 0.01, 0.03]), [0.06, 0.03, 0.06]);
    close(holm([0.9, 0.6]), [1, 1]);
  });

  it('counts what could not be tested', () => {
    expect(holm([0.02, NaN])).toEqual([0.04, NaN]);
  });

  it('never lowers a p, and keeps their order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (p) => {
        const adjusted = holm(p);
        p.forEach((value, i) => {
          expect(adjusted[i]).toBeGreaterThanOrEqual(value);
          p.forEach((other, j) => {
            if (value < other) expect(adjusted[i]).toBeLessThanOrEqual(adjusted[j]!);
          });
        });
      }),
    );
  });
});

describe('power', () => {
  it('is that of R and G*Power', () => {
    // power.t.test(n = 34, delta = .5, type = "paired"): 0.8077775; n = 20: 0.5644829
    expect(pairedPower(34, 0.5, 1)).toBeCloseTo(0.8077775, 4);
    expect(pairedPower(20, 0.5, 1)).toBeCloseTo(0.5644829, 4);
    expect(pairedPower(34, 1, 2)).toBe(pairedPower(34, 0.5, 1));
  });

  it.each([
    [0.2, 199],
    [0.5, 34],
    [0.8, 15],
    [1, 10],
  ])('finds the pairs of power.t.test(delta = %d, power = .8, type = "paired"): %d', (d, n) => {
    expect(pairsNeeded(d, 1)).toBe(n);
  });

  it('asks for more pairs when the level is stricter, and stops at the most', () => {
    expect(pairsNeeded(1, 1, { alpha: 0.05 / 3 })).toBeGreaterThan(10);
    expect(pairsNeeded(0.01, 1, { most: 12 })).toBe(12);
    expect(pairsNeeded(1, 0)).toBe(2);
    expect(() => pairsNeeded(0, 1)).toThrow('effect: got 0');
  });
});

describe('correlation', () => {
  it('is Pearson’s', () => {
    // R: cor(c(1, 2, 3, 4), c(1, 3, 2, 5)) = 0.8315218
    expect(correlation([1, 2, 3, 4], [1, 3, 2, 5])).toBeCloseTo(0.8315218, 7);
    expect(correlation([1, 2], [5, 5])).toBeNaN();
  });
});
