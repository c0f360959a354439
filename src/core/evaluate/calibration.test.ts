import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Stream } from '../random/stream.ts';
import {
  calibrated,
  calibrationError,
  fitPlatt,
  logit,
  logLoss,
  reliability,
  rocAuc,
  rocAucWithin,
  sigmoid,
  type Forecast,
} from './calibration.ts';

const forecasts = fc.array(
  fc.record({
    score: fc.integer({ min: 0, max: 20 }).map((n) => n / 20),
    label: fc.integer({ min: 0, max: 8 }).map((n) => n / 8),
  }),
  { minLength: 2, maxLength: 40 },
);

describe('rocAuc', () => {
  it('is the share of right–wrong pairs in the right order', () => {
    const of = (...pairs: [number, number][]): number =>
      rocAuc(pairs.map(([score, label]) => ({ score, label })));
    expect(of([0.9, 1], [0.1, 0])).toBe(1);
    expect(of([0.1, 1], [0.9, 0])).toBe(0);
    expect(of([0.5, 1], [0.5, 0])).toBe(0.5);
    expect(of([0.8, 1], [0.6, 0], [0.4, 1], [0.2, 0])).toBe(0.75);
    expect(of([0.8, 1], [0.2, 1])).toBeNaN();
  });

  it('takes a soft label as so many observations', () => {
    fc.assert(
      fc.property(forecasts, (items) => {
        const observed = items.flatMap(({ score, label }) =>
          Array.from({ length: 8 }, (_, i) => ({ score, label: Number(i < 8 * label) })),
        );
        const pairs = observed.flatMap((a) =>
          observed.flatMap((b) =>
            a.label === 1 && b.label === 0 ? [(Math.sign(a.score - b.score) + 1) / 2] : [],
          ),
        );
        const expected = pairs.reduce((sum, x) => sum + x, 0) / pairs.length;
        if (pairs.length === 0) expect(rocAuc(items)).toBeNaN();
        else expect(rocAuc(items)).toBeCloseTo(expected, 9);
      }),
      { numRuns: 30 },
    );
  });

  it('does not change under a monotone change of scores, and mirrors under 1 − score', () => {
    fc.assert(
      fc.property(forecasts, (items) => {
        const auc = rocAuc(items);
        if (Number.isNaN(auc)) return;
        expect(rocAuc(items.map((f) => ({ ...f, score: f.score ** 3 })))).toBeCloseTo(auc, 12);
        expect(rocAuc(items.map((f) => ({ ...f, score: 1 - f.score })))).toBeCloseTo(1 - auc, 12);
      }),
    );
  });
});

describe('rocAucWithin', () => {
  const groups: Forecast[][] = [
    [
      { score: 0.2, label: 1 },
      { score: 0.1, label: 0 },
    ],
    [
      { score: 0.9, label: 1 },
      { score: 0.8, label: 0 },
    ],
  ];

  it('does not care which question is easier', () => {
    expect(rocAucWithin(groups)).toBe(1);
    expect(rocAuc(groups.flat())).toBe(0.75);
    expect(rocAucWithin([groups[0]!, [{ score: 1, label: 0 }]])).toBe(1);
    expect(rocAucWithin([[{ score: 1, label: 0 }]])).toBeNaN();
  });
});

describe('logLoss', () => {
  it('is least for the labels themselves, and ln 2 for a coin', () => {
    const at = (score: number): number => logLoss([{ score, label: 0.25 }]);
    expect(at(0.5)).toBeCloseTo(Math.LN2, 12);
    expect(at(0.25)).toBeLessThan(Math.min(at(0.2), at(0.3)));
    expect(Number.isFinite(at(0))).toBe(true);
  });
});

/** Outcomes drawn with the probability σ(change(logit)), predicted as σ(logit). */
function drawn(count: number, change: (logOdds: number) => number): Forecast[] {
  const stream = new Stream(3, 'calibration-test');
  return Array.from({ length: count }, () => {
    const logOdds = 2 * stream.normal();
    return { score: sigmoid(logOdds), label: Number(stream.chance(sigmoid(change(logOdds)))) };
  });
}

describe('calibration error', () => {
  it('is the gap between predicted and observed shares', () => {
    const all = (score: number, label: number): Forecast[] => Array(10).fill({ score, label });
    for (const kind of ['width', 'mass'] as const) {
      expect(calibrationError(all(0.3, 0.3), kind)).toBeCloseTo(0, 12);
      expect(calibrationError(all(0.9, 0.5), kind)).toBeCloseTo(0.4, 12);
      expect(calibrationError([...all(0, 0), ...all(1, 1)], kind)).toBe(0);
      expect(calibrationError([...all(0, 0.5), ...all(1, 0)], kind)).toBeCloseTo(0.75, 12);
    }
  });

  it('vanishes for true probabilities and not for overconfident ones', () => {
    for (const kind of ['width', 'mass'] as const) {
      expect(
        calibrationError(
          drawn(20_000, (x) => x),
          kind,
        ),
      ).toBeLessThan(0.015);
      expect(
        calibrationError(
          drawn(20_000, (x) => x / 3),
          kind,
        ),
      ).toBeGreaterThan(0.1);
    }
  });

  it('has bins that hold every forecast once, in order', () => {
    fc.assert(
      fc.property(forecasts, fc.constantFrom('width' as const, 'mass' as const), (items, kind) => {
        const bins = reliability(items, kind);
        expect(bins.length).toBeLessThanOrEqual(10);
        expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(items.length);
        bins.slice(1).forEach(({ score }, i) => {
          expect(score).toBeGreaterThanOrEqual(bins[i]!.score);
        });
      }),
    );
  });

  it('refuses no bins', () => {
    expect(() => reliability([], 'width', 0)).toThrow(/^bins: got 0/);
  });
});

describe('fitPlatt', () => {
  it('finds the slope and offset that outcomes were drawn with', () => {
    const items = drawn(50_000, (x) => 0.5 * x - 0.7);
    const { slope, offset } = fitPlatt(
      items.map(({ score }) => logit(score)),
      items.map(({ label }) => label),
    );
    expect(slope).toBeCloseTo(0.5, 1);
    expect(offset).toBeCloseTo(-0.7, 1);
    const repaired = items.map(({ score, label }) => ({
      score: calibrated({ slope, offset }, logit(score)),
      label,
    }));
    expect(calibrationError(repaired, 'mass')).toBeLessThan(0.015);
    expect(rocAuc(repaired)).toBeCloseTo(rocAuc(items), 12);
  });

  it('stays finite where labels can be separated, and where there are none', () => {
    for (const labels of [[0, 0, 1, 1], [1, 1, 1, 1], []]) {
      const { slope, offset } = fitPlatt([-2, -1, 1, 2].slice(0, labels.length), labels);
      expect(Number.isFinite(slope) && Number.isFinite(offset)).toBe(true);
      expect(slope).toBeGreaterThan(0);
    }
  });
});
