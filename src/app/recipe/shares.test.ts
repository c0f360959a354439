import fc from 'fast-check';
import { expect, it } from 'vitest';
import { percentages } from './shares.ts';

it('percentages add up to 100 and stay within a point of the shares', () => {
  const shares = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), {
    minLength: 4,
    maxLength: 4,
  });
  fc.assert(
    fc.property(shares, (each) => {
      const total = each.reduce((a, b) => a + b, 0);
      fc.pre(total > 1e-6);
      const percent = percentages(each);
      expect(percent.reduce((a, b) => a + b, 0)).toBe(100);
      percent.forEach((p, i) => expect(Math.abs(p - (100 * each[i]!) / total)).toBeLessThan(1.01));
    }),
  );
  expect(percentages([25, 35, 22, 18])).toEqual([25, 35, 22, 18]);
  expect(percentages([1, 1, 1, 0])).toEqual([34, 33, 33, 0]);
  expect(percentages([0, 0, 0, 0])).toEqual([0, 0, 0, 0]);
});
