import { describe, expect, it } from 'vitest';
import { findCredit } from './index.ts';
import { creditLines, readCreditLine } from './lines.ts';

describe('credit lines', () => {
  it('gives one number a step', () => {
    const group = [
      { steps: [0, 0, 0], outcome: 1, lengths: [4, 2, 5] },
      { steps: [0], outcome: 0 },
      { outcome: 0 },
      { steps: [0, 0], outcome: null },
    ];
    const [line] = creditLines([readCreditLine({ group }, 'in:1')], findCredit('dr-grpo').make());
    const [high, low] = [2 / 3, -1 / 3].map((value) => expect.closeTo(value, 12) as number);
    expect(line).toEqual({ advantages: [[high, high, high], [low], [low], [0, 0]] });
  });

  it('takes all lines for one batch', () => {
    const groups = [
      [{ outcome: 1 }, { outcome: 0 }],
      [{ outcome: 9 }, { outcome: 0 }],
    ].map((group, i) => readCreditLine({ group }, `in:${i + 1}`));
    const batch = findCredit('grpo').make({ scale_rewards: 'batch' });
    const [together] = creditLines(groups, batch);
    const [alone] = creditLines(groups.slice(0, 1), batch);
    expect(together!.advantages[0]![0]).toBeLessThan(alone!.advantages[0]![0]!);
  });

  it('takes anchors and entropies for the methods that ask for them', () => {
    const group = [
      { outcome: 1, steps: [0, 0], anchors: ['', '3 rows'] },
      { outcome: 0, steps: [0, 0], anchors: ['', '3 rows'] },
    ];
    const [states] = creditLines([readCreditLine({ group }, 'in:1')], findCredit('gigpo').make());
    expect(states!.advantages[0]!.map((a) => Number(a.toFixed(4)))).toEqual([0.975, 1]);
    const entropic = [1, 0].map((outcome) => ({
      ...{ outcome, steps: [0.8, 0.8], entropies: [0, 0.3] },
    }));
    const credit = findCredit('process-weighted').make({ weighting: 'token_entropy' });
    const [weighted] = creditLines([readCreditLine({ group: entropic }, 'in:1')], credit);
    const [first, second] = weighted!.advantages[0]! as [number, number];
    expect(first / second).toBeCloseTo(4, 9);
    expect(() =>
      creditLines([readCreditLine({ group: entropic }, 'in:1')], findCredit('gigpo').make()),
    ).toThrow(/^anchors: got null, expected 2 texts/);
  });

  it('names line and field of what is malformed', () => {
    const read = (line: unknown) => () => readCreditLine(line, 'in:2');
    expect(read([])).toThrow(/^in:2: got \[\], expected an object/);
    expect(read({})).toThrow(/^in:2\.group: got null, expected a list of episodes/);
    expect(read({ group: [] })).toThrow(/^in:2\.group: got \[\], expected at least one/);
    expect(read({ group: [{}] })).toThrow(/^in:2\.group\[0\]\.outcome: got null/);
    expect(read({ group: [{ outcome: 1, steps: ['1'] }] })).toThrow(
      /^in:2\.group\[0\]\.steps\[0\]: got "1", expected a number/,
    );
    expect(read({ group: [{ outcome: 1, steps: [1, 2], lengths: [3] }] })).toThrow(
      /^in:2\.group\[0\]\.lengths: got \[3\], expected 2 numbers/,
    );
    expect(read({ group: [{ outcome: 1, lengths: [0] }] })).toThrow(/lengths\[0\]: got 0/);
    expect(read({ group: [{ outcome: 1, anchors: [0] }] })).toThrow(/anchors\[0\]: got 0/);
    expect(read({ group: [{ outcome: 1, entropies: [] }] })).toThrow(
      /^in:2\.group\[0\]\.entropies: got \[\], expected 1 numbers, one a step/,
    );
  });
});
