import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { similarity, similarityBound } from './similarity.ts';

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `row ${from + i}`).join(' ');

describe('similarity', () => {
  // python3 -c "import difflib; print(difflib.SequenceMatcher(None, a, b).ratio())"
  it.each([
    ['abcd', 'bcde', 0.75],
    ['qabxcd', 'abycdf', 0.6666666666666666],
    ['private Thread currentThread;', 'private volatile Thread currentThread;', 0.8656716417910447],
    ['', 'abc', 0],
    ['', '', 1],
    ['x'.repeat(250) + 'abc', 'abc' + 'x'.repeat(249), 0.011881188118811881],
    [numbers(0, 60), numbers(5, 65), 0.009720534629404616],
  ])('is difflib’s: %#', (a, b, ratio) => {
    expect(similarity(a, b)).toBeCloseTo(ratio, 12);
  });

  it('is 1 for equal texts only, and at most its bound', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', ' '), maxLength: 30 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(similarity(a, a)).toBe(1);
        expect(similarity(a, b)).toBeLessThanOrEqual(similarityBound(a, b));
        if (a !== b) expect(similarity(a, b)).toBeLessThan(1);
      }),
    );
  });
});
