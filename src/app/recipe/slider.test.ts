import { expect, it } from 'vitest';
import { positionOf, trackOf, valueAtPosition, type SliderRange } from './slider.ts';

const ranges: SliderRange[] = [
  { min: 1e-6, max: 1e-2, step: 'log' },
  { min: 0.1, max: 2, step: 0.05 },
];

/** As a browser does: the nearest position the track has. */
function snapped(position: number, range: SliderRange): number {
  const { min, max, step } = trackOf(range);
  return Math.min(max, min + Math.round((position - min) / step) * step);
}

it.each(ranges)('every arrow key moves a slider of step $step, to the end and back', (range) => {
  const { step } = trackOf(range);
  for (const [from, to, direction] of [
    [range.min, range.max, 1],
    [range.max, range.min, -1],
  ] as const) {
    let value: number = from;
    for (let presses = 0; value !== to; presses++) {
      const at = snapped(positionOf(value, range), range);
      const next = valueAtPosition(snapped(at + direction * step, range), range);
      expect(Math.sign(next - value)).toBe(direction);
      expect(presses).toBeLessThan(200);
      value = next;
    }
  }
});

it.each(ranges)('values outside $min to $max stand at the ends', (range) => {
  const { min, max } = trackOf(range);
  expect(positionOf(range.min / 2, range)).toBe(min);
  expect(positionOf(0, range)).toBe(min);
  expect(positionOf(range.max * 10, range)).toBe(max);
});

it('values are round', () => {
  expect(valueAtPosition(500, ranges[0]!)).toBe(1e-4);
  expect(valueAtPosition(510, ranges[0]!)).toBe(0.00011);
  expect(valueAtPosition(0.1 + 13 * 0.05, ranges[1]!)).toBe(0.75);
});
