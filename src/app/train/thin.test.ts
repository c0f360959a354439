import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stretchesOf, thinExtremes, thinLast, thinSteps } from './thin.ts';

it('keeps the extremes of each stretch, in order', () => {
  const bounds = stretchesOf(8, 2);
  expect(bounds).toEqual([0, 4, 8]);
  expect(thinSteps([1, 2, 3, 4, 5, 6, 7, 8], bounds)).toEqual([1, 4, 5, 8]);
  expect(thinExtremes([3, 9, 1, 5, null, null, null, null], bounds)).toEqual([9, 1, null, null]);
  expect(thinLast([3, 9, null, null, null, null, null, null], bounds)).toEqual([
    null,
    9,
    null,
    null,
  ]);
});

describe('for any series', () => {
  const series = fc.array(fc.option(fc.double({ noNaN: true })), { minLength: 1, maxLength: 300 });
  const room = fc.integer({ min: 1, max: 40 });

  it('has at most two points a stretch, with ascending steps', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), room, (rows, stretches) => {
        const bounds = stretchesOf(rows, stretches);
        const steps = thinSteps(
          Array.from({ length: rows }, (_, i) => i),
          bounds,
        );
        expect(steps.length).toBeLessThanOrEqual(2 * stretches);
        expect(steps.at(-1)).toBe(rows - 1);
        for (let i = 1; i < steps.length; i++) {
          expect(steps[i]).toBeGreaterThanOrEqual(steps[i - 1]!);
        }
      }),
    );
  });

  it('loses neither the lowest nor the highest value, and invents none', () => {
    fc.assert(
      fc.property(series, room, (values, stretches) => {
        const bounds = stretchesOf(values.length, stretches);
        const there = values.filter((value) => value !== null);
        const kept = thinExtremes(values, bounds).filter((value) => value !== null);
        expect(kept.length > 0).toBe(there.length > 0);
        expect(Math.min(...kept)).toBe(Math.min(...there));
        expect(Math.max(...kept)).toBe(Math.max(...there));
        for (const value of thinLast(values, bounds)) {
          if (value !== null) expect(there).toContain(value);
        }
      }),
    );
  });

  it('leaves the stretches of a growing series where they are', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), room, (rows, stretches) => {
        const now = stretchesOf(rows, stretches).slice(0, -1);
        const later = stretchesOf(rows + 1, stretches).slice(0, -1);
        expect(later.every((bound) => now.includes(bound) || bound === rows)).toBe(true);
      }),
    );
  });
});
