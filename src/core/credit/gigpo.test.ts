import { describe, expect, it } from 'vitest';
import type { CreditEpisode } from './credit.ts';
import { gigpoAdvantages } from './gigpo.ts';
import { credits } from './index.ts';

const options = { gamma: 0.5, step_weight: 1, mode: 'mean_norm', similarity: 1 } as const;

const of = (outcome: number, rewards: number[], anchors: string[]): CreditEpisode => ({
  ...{ outcome, rewards, anchors, mask: new Uint8Array(anchors.length).fill(1) },
  steps: anchors.map((_, t) => ({ start: t, end: t + 1 })),
});

const group = [
  of(1, [0, 0], ['', '3 rows']),
  of(0, [0.2, 0, 0], ['', '3 rows', 'error']),
  of(0, [0], ['']),
];

describe('GiGPO', () => {
  it('adds what a step is worth among steps from the same state to what the episode is worth', () => {
    // Rewards of episodes 1, .2, 0: mean .4. Returns: [.5, 1], [.2, 0, 0], [0].
    // At '' .5, .2, 0 (mean .7/3); at '3 rows' 1, 0 (mean .5); 'error' is seen once.
    const m = 0.7 / 3;
    const expected = [[0.6 + 0.5 - m, 0.6 + 0.5], [-0.2 + 0.2 - m, -0.2 - 0.5, -0.2], [-0.4 - m]];
    gigpoAdvantages(group, options).forEach((steps, i) =>
      steps.forEach((a, t) => expect(a).toBeCloseTo(expected[i]![t]!, 12)),
    );
  });

  it('weights the step part, and divides by deviations when asked to', () => {
    const weightless = gigpoAdvantages(group, { ...options, step_weight: 0 });
    expect(weightless[0]![0]).toBeCloseTo(0.6, 12);
    expect(weightless[0]![1]).toBeCloseTo(0.6, 12);
    const [[, second]] = gigpoAdvantages(group, { ...options, mode: 'mean_std_norm' }) as [
      [number, number],
    ];
    const std = Math.sqrt((0.36 + 0.04 + 0.16) / 2);
    expect(second).toBeCloseTo(0.6 / std + Math.SQRT1_2, 4);
  });

  it('takes observations that are nearly the same for one state', () => {
    const alike = [
      of(1, [0, 0], ['', 'name: Paris, Lyon, Nice; 3 rows; you have 4 turns left']),
      of(0, [0, 0], ['', 'name: Paris, Lyon, Nice; 3 rows; you have 3 turns left']),
    ];
    const last = (similarity: number) => gigpoAdvantages(alike, { ...options, similarity })[0]![1]!;
    expect(last(1)).toBeCloseTo(0.5, 12);
    expect(last(0.95)).toBeCloseTo(1, 12);
  });

  it('keeps the raw reward of an episode alone in its group', () => {
    expect(gigpoAdvantages([of(1, [0.5, 0], ['', 'x'])], options)).toEqual([[1.5, 1.5]]);
  });

  it('needs to know what was shown before each step', () => {
    const bare = { outcome: 1, rewards: [], steps: [{ start: 0, end: 1 }], mask: [1] };
    expect(() => credits['gigpo']!.make()([[bare]])).toThrow(
      /^anchors: got null, expected 1 texts/,
    );
  });
});
