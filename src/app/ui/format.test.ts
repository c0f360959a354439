import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytes, compact, count, duration, number, percent, roughly } from './format.ts';

/** With plain spaces and hyphens, to be read here. */
const plain = (text: string): string =>
  text.replaceAll('\u00a0', ' ').replaceAll('\u202f', ' ').replaceAll('−', '-');

describe('numbers', () => {
  it('groups thousands', () => {
    expect([0, 999, 1000, 4000, -1_234_567].map((n) => plain(count(n)))).toEqual([
      '0',
      '999',
      '1 000',
      '4 000',
      '-1 234 567',
    ]);
  });

  it('keeps three digits that matter', () => {
    const cases: [number, string][] = [
      [0, '0'],
      [0.004791, '0.00479'],
      [-0.25, '-0.25'],
      [12.3456, '12.3'],
      [236.9921875, '237'],
      [1001, '1 001'],
      [999.7, '1 000'],
      [0.00001234, '1.2e-5'],
    ];
    for (const [value, text] of cases) expect(plain(number(value))).toBe(text);
  });

  it('is short on axes', () => {
    expect([0, 0.05, 150, 1500, 2_000_000, -100].map((n) => plain(compact(n)))).toEqual([
      '0',
      '0.05',
      '150',
      '1.5k',
      '2M',
      '-100',
    ]);
  });

  it('writes shares as percentages', () => {
    expect(plain(percent(0.34375))).toBe('34.4 %');
    expect(plain(percent(1, 0))).toBe('100 %');
  });

  it('marks what is missing, in every format', () => {
    for (const format of [count, number, compact, percent, duration, roughly, bytes]) {
      expect([format(NaN), format(null), format(undefined)]).toEqual(['–', '–', '–']);
    }
  });

  it('never writes NaN, undefined or a plain hyphen', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        for (const format of [count, number, compact, percent, duration, roughly, bytes]) {
          expect(format(value)).not.toMatch(/NaN|undefined|-/);
        }
      }),
    );
  });
});

describe('durations and sizes', () => {
  it('fits the unit to the length', () => {
    const cases: [number, string][] = [
      [0.02, '20 ms'],
      [0.4, '0.4 s'],
      [2, '2 s'],
      [45.4, '45 s'],
      [59.8, '1 min'],
      [720, '12 min'],
      [3600, '1 h'],
      [4200, '1 h 10 min'],
    ];
    for (const [seconds, text] of cases) expect(plain(duration(seconds))).toBe(text);
  });

  it('estimates roughly', () => {
    expect([3, 34, 55, 63, 170].map((s) => plain(roughly(s)))).toEqual([
      'a few seconds',
      'about 40 s',
      'about 1 min',
      'about 1 min',
      'about 3 min',
    ]);
  });

  it('writes sizes of files', () => {
    expect([812, 34_200, 999_900, 1_234_567, 5e9].map((n) => plain(bytes(n)))).toEqual([
      '812 B',
      '34 kB',
      '1 MB',
      '1.2 MB',
      '5 GB',
    ]);
  });
});
