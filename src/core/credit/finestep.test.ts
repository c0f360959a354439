import { describe, expect, it } from 'vitest';
import type { CreditEpisode } from './credit.ts';
import {
  discountedReturns,
  finestepAdvantages,
  smooth,
  type FinestepCreditOptions,
} from './finestep.ts';
import { credits } from './index.ts';
import { creditLines, readCreditLine } from './lines.ts';

const defaults: FinestepCreditOptions = {
  ...({ process: true, gamma: 0.95, lambda: 0.2, pool: 'group', sigma_floor: 0 } as const),
  ...({ trajectory_advantage: false, step_weight: 1, focus: 'turn' } as const),
};

const of = (
  rewards: number[],
  outcome: number,
  more: Partial<CreditEpisode> = {},
): CreditEpisode => ({
  ...{ outcome, rewards, mask: new Uint8Array(rewards.length).fill(1) },
  steps: rewards.map((_, t) => ({ start: t, end: t + 1 })),
  ...more,
});

/** Papers.md §1.3: process rewards and outcome of four episodes. */
const vector: [number[], number][] = [
  [[0.05, 0], 1],
  [[0.05, -0.1, 0.05, 0], 1],
  [[-0.1, 0], 0],
  [[0.05, 0.05, -0.1, 0], 0],
];
const group = vector.map(([rewards, outcome]) => of(rewards, outcome));
const rounded = (values: number[][], digits = 4) =>
  values.map((list) => list.map((value) => Number(value.toFixed(digits)) + 0));

describe('FineStep’s credit', () => {
  it('equals the test vector: smoothed returns and advantages', () => {
    const smoothed = vector.map(([rewards, outcome]) =>
      smooth(discountedReturns(rewards, outcome, rewards.length, 0.95), 0.2),
    );
    expect(rounded(smoothed)).toEqual([
      [1, 1],
      [0.856, 0.8658, 0.985, 1],
      [-0.08, -0.02],
      [-0.0032, -0.0453, -0.0845, -0.02],
    ]);
    expect(rounded(finestepAdvantages(group, defaults))).toEqual([
      [1.0463, 1.0463],
      [0.7701, 0.7888, 1.0175, 1.0463],
      [-1.0251, -0.91],
      [-0.8778, -0.9585, -1.0338, -0.91],
    ]);
  });

  it('equals it as lines for the command line too', () => {
    const line = { group: vector.map(([steps, outcome]) => ({ steps, outcome })) };
    const [out] = creditLines([readCreditLine(line, 'in:1')], credits['finestep']!.make());
    expect(rounded(out!.advantages)[1]).toEqual([0.7701, 0.7888, 1.0175, 1.0463]);
  });

  it('without process rewards, discount or smoothing is the outcome, normalised over steps', () => {
    const [[a], , [c]] = finestepAdvantages(group, {
      ...{ ...defaults, process: false, gamma: 1, lambda: 0 },
    }) as [[number], [number], [number]];
    // Six steps with return 1 and six with 0.
    expect(a).toBeCloseTo(0.5 / Math.sqrt(12 / 4 / 11), 4);
    expect(c).toBeCloseTo(-a, 12);
  });

  it('normalises steps in the same place together, those without company in the whole group', () => {
    const index = finestepAdvantages(group, { ...defaults, pool: 'step_index' });
    const whole = finestepAdvantages(group, defaults);
    const first = [1, 0.856, -0.08, -0.0032];
    const mean = first.reduce((sum, s) => sum + s, 0) / 4;
    const std = Math.sqrt(first.reduce((sum, s) => sum + (s - mean) ** 2, 0) / 3);
    expect(index[0]![0]).toBeCloseTo((1 - mean) / std, 3);
    const longer = [...group.slice(0, 1), of([0, 0, 0, 0, 0], 0)];
    const [, alone] = finestepAdvantages(longer, { ...defaults, pool: 'step_index' });
    expect(alone!.slice(2)).toEqual(finestepAdvantages(longer, defaults)[1]!.slice(2));
    expect(index).not.toEqual(whole);
  });

  it('normalises steps after the same observation together', () => {
    const seen = [['', 'x'], ['', 'x', 'y', 'z'], ['', 'w'], ['', 'v', 'u', 't']]; // prettier-ignore
    const anchored = group.map((episode, i) => ({ ...episode, anchors: seen[i]! }));
    const advantages = finestepAdvantages(anchored, { ...defaults, pool: 'anchor' });
    // The pool x: .8658 and 1.0.
    expect(advantages[0]![1]).toBeCloseTo(Math.SQRT1_2, 3);
    expect(advantages[1]![1]).toBeCloseTo(-Math.SQRT1_2, 3);
    expect(advantages[2]![1]).toBe(finestepAdvantages(group, defaults)[2]![1]);
    expect(() => finestepAdvantages(group, { ...defaults, pool: 'anchor' })).toThrow(/^anchors: /);
  });

  it('adds weighted step advantages to the advantage of the trajectory', () => {
    const options = { ...defaults, trajectory_advantage: true, step_weight: 0.5 };
    const outcome = 0.5 / (Math.sqrt(1 / 3) + 1e-4);
    const steps = finestepAdvantages(group, defaults);
    finestepAdvantages(group, options).forEach((list, i) =>
      list.forEach((a, t) =>
        expect(a).toBeCloseTo((i < 2 ? outcome : -outcome) + 0.5 * steps[i]![t]!, 10),
      ),
    );
  });

  it('bounds tiny differences among right episodes by the floor under σ', () => {
    // All right, one with a detour: σ of the pool is a few hundredths.
    const right = [of([0.02, 0], 1), of([0.02, 0], 1), of([0.02, 0.02, 0], 1)];
    const largest = (sigma_floor: number) =>
      Math.max(
        ...finestepAdvantages(right, { ...defaults, sigma_floor })
          .flat()
          .map(Math.abs),
      );
    expect(largest(0)).toBeGreaterThan(1.5);
    expect(largest(0.1)).toBeLessThan(0.6);
  });

  it('in a group that is all wrong still learns from process rewards: distinct useless calls, unless floored', () => {
    // The hack: call after call, each new, none of use. Nothing else tells these episodes apart.
    const wrong = [of([0.02, 0.02, 0.02, 0.02, 0], 0), of([0.02, 0], 0), of([0], 0)];
    const first = (options: Partial<FinestepCreditOptions>) =>
      finestepAdvantages(wrong, { ...defaults, ...options })[0]![0]!;
    expect(first({})).toBeGreaterThan(1);
    expect(first({ sigma_floor: 0.1 })).toBeLessThan(0.5);
    expect(first({ process: false })).toBe(0);
  });

  it('gives tokens of the thought alone their step’s advantage when asked to', () => {
    const episode = (outcome: number): CreditEpisode => ({
      ...{ outcome, rewards: [0, 0], mask: [1, 1, 1, 0, 1, 1] },
      steps: [
        { start: 0, end: 3, thoughtEnd: 2 },
        { start: 4, end: 6 },
      ],
    });
    const make = (focus: string) =>
      credits['finestep']!.make({ focus })([[episode(1), episode(0)]])[0]![0]!;
    const [a, b] = make('turn').steps as [number, number];
    expect([...make('turn').tokens]).toEqual([a, a, a, 0, b, b].map(Math.fround));
    expect([...make('reasoning').tokens]).toEqual([a, a, 0, 0, b, b].map(Math.fround));
  });

  it('counts an episode whose reward has no process rewards by its outcome', () => {
    const bare = { ...of([0, 0], 1), rewards: [] };
    expect(finestepAdvantages([bare, of([0, 0], 0)], defaults)).toEqual(
      finestepAdvantages([of([0, 0], 1), of([0, 0], 0)], defaults),
    );
  });
});
