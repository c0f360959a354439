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
  });
});
