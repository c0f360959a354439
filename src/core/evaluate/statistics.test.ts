import { describe, expect, it } from 'vitest';
import {
  mean,
  pairedInterval,
  sampleStd,
  tInterval,
  tQuantile,
  wilsonInterval,
} from './statistics.ts';

describe('Student’s t quantile', () => {
  // Published tables (two-sided 90, 95, 99 and 99.9 %).
  it.each([
    [0.95, 1, 6.313752],
    [0.975, 1, 12.706205],
    [0.995, 1, 63.656741],
    [0.9995, 1, 636.619249],
    [0.975, 2, 4.302653],
    [0.95, 4, 2.131847],
    [0.975, 4, 2.776445],
    [0.995, 4, 4.604095],
    [0.9995, 4, 8.610302],
    [0.975, 5, 2.570582],
    [0.975, 9, 2.262157],
    [0.995, 10, 3.169273],
    [0.975, 30, 2.042272],
    [0.975, 120, 1.97993],
    [0.975, 1000, 1.962339],
    [0.6, 7, 0.263167],
  ])('p = %d, df = %d', (p, df, expected) => {
    expect(tQuantile(p, df)).toBeCloseTo(expected, 5);
    expect(tQuantile(1 - p, df)).toBeCloseTo(-expected, 5);
  });

  it('is 0 at the median and refuses what is no probability', () => {
    expect(tQuantile(0.5, 3)).toBeCloseTo(0, 12);
    expect(() => tQuantile(1, 3)).toThrow(/p: got 1/);
    expect(() => tQuantile(0.9, 1.5)).toThrow(/df: got 1.5/);
  });
});

describe('intervals', () => {
  const values = [50, 52, 54, 49, 55];

  it('has mean, deviation and bounds worked by hand', () => {
    expect(mean(values)).toBe(52);
    expect(sampleStd(values)).toBeCloseTo(Math.sqrt(26 / 4), 12);
    const { n, low, high, half } = tInterval(values);
    expect(n).toBe(5);
    expect(half).toBeCloseTo((2.776445 * Math.sqrt(6.5)) / Math.sqrt(5), 5);
    expect([low, high]).toEqual([52 - half, 52 + half]);
    expect(tInterval(values, 0.99).half).toBeCloseTo(half * (4.604095 / 2.776445), 5);
  });

  it('is infinite for one value and refuses none', () => {
    expect(tInterval([3])).toMatchObject({ n: 1, mean: 3, low: -Infinity, high: Infinity });
    expect(() => tInterval([])).toThrow(/values/);
  });

  it('pairs by position', () => {
    const before = values.map((value, i) => value - 10 - (i % 2));
    const paired = pairedInterval(before, values);
    expect(paired.mean).toBeCloseTo(10.4, 12);
    expect(paired.std).toBeCloseTo(sampleStd([10, 11, 10, 11, 10]), 12);
    expect(() => pairedInterval([1], [1, 2])).toThrow(/after: got 2, expected 1 values/);
  });
});

describe('wilsonInterval', () => {
  it('gives the published interval of 81 in 263', () => {
    // Newcombe 1998, Statistics in Medicine 17, table I.
    const { low, high } = wilsonInterval(81, 263);
    expect(low).toBeCloseTo(0.2553, 4);
    expect(high).toBeCloseTo(0.3662, 4);
  });

  it('stays inside [0, 1] and refuses what is no share', () => {
    expect(wilsonInterval(0, 5).low).toBe(0);
    expect(wilsonInterval(5, 5).high).toBe(1);
    expect(() => wilsonInterval(3, 2)).toThrow('expected 0 to 2');
    expect(() => wilsonInterval(0, 0)).toThrow('right: got 0');
  });
});
