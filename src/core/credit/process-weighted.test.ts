import { describe, expect, it } from 'vitest';
import { beliefWeights, binaryEntropy, weightedMean } from '../reward/step-values.ts';
import type { CreditEpisode } from './credit.ts';
import { credits } from './index.ts';
import { creditLines, readCreditLine } from './lines.ts';
import {
  processWeightedAdvantages,
  trajectoryReward,
  type ProcessWeightedOptions,
} from './process-weighted.ts';

const clean: ProcessWeightedOptions = {
  ...({ variant: 'clean', process_coefficient: 1, weighting: 'none' } as const),
  ...{ entropy_epsilon: 0.1, rescale: false },
};
const literal: ProcessWeightedOptions = { ...clean, variant: 'literal' };

const of = (outcome: number, rewards: number[], entropies?: number[]): CreditEpisode => ({
  ...{ outcome, rewards, mask: new Uint8Array(rewards.length).fill(1) },
  steps: rewards.map((_, t) => ({ start: t, end: t + 1 })),
  ...(entropies && { entropies }),
});

/** Papers.md §4.3: token rewards σ + o of four responses, the first two steps of the first with equal σ. */
const vector: [number, number[]][] = [
  [1, [0.9, 0.9, 0.6]],
  [0, [0.9, 0.2, 0.2]],
  [1, [0.5, 0.2, 0.2]],
  [0, [0.6, 0.6, 0.1]],
];
const group = vector.map(([outcome, values]) => of(outcome, values));
const rounded = (values: readonly (readonly number[])[]) =>
  values.map((list) => list.map((value) => Number(value.toFixed(4)) + 0));

describe('process-weighted group advantages', () => {
  it('equals the released code’s test vector', () => {
    const totals = group.map((episode) => trajectoryReward(episode, literal));
    expect(rounded([totals])).toEqual([[1.75, 0.55, 1.35, 0.35]]);
    expect(rounded(processWeightedAdvantages(group, literal))).toEqual([
      [1.0215, 1.0215, 0.681],
      [-0.0681, -0.5448, -0.5448],
      [0.2648, 0.1059, 0.1059],
      [-0.3935, -0.3935, -0.8853],
    ]);
  });

  it('equals the clean variant’s test vector', () => {
    const totals = group.map((episode) => trajectoryReward(episode, clean));
    expect(rounded([totals])).toEqual([[1.8, 0.4333, 1.3, 0.4333]]);
    expect(rounded(processWeightedAdvantages(group, clean))).toEqual([
      [1.0758, 1.0758, 0.7172],
      [-0.0826, -0.6605, -0.6605],
      [0.228, 0.0912, 0.0912],
      // papers.md has −.3302 and −.7430 here, from A rounded to −.8256 before multiplying.
      [-0.3303, -0.3303, -0.7431],
    ]);
  });

  it('rewards a right response below the mean where the released code does, and blames it in the clean variant', () => {
    const below = [of(1, [0.9, 0.8]), of(1, [0.8, 0.6]), of(1, [0.3, 0.1]), of(0, [0.3, 0.2])];
    expect(rounded(processWeightedAdvantages(below, literal))[2]).toEqual([0.0208, 0.0069]);
    expect(rounded(processWeightedAdvantages(below, clean))[2]).toEqual([-0.0485, -0.0623]);
  });

  it('gives the same through lines of the command', () => {
    const line = { group: vector.map(([outcome, steps]) => ({ outcome, steps })) };
    const advantages = (options: object) => {
      const credit = credits['process-weighted']!.make({ process_coefficient: 1, ...options });
      return rounded(creditLines([readCreditLine(line, 'in:1')], credit)[0]!.advantages);
    };
    expect(advantages({})[0]).toEqual([1.0758, 1.0758, 0.7172]);
    expect(advantages({ variant: 'literal' })[0]).toEqual([1.0215, 1.0215, 0.681]);
  });

  it('weights steps by how sure the model is: papers.md §4.5 to the digits', () => {
    const values = [0.9, 0.55, 0.8];
    const weights = beliefWeights(values);
    expect(rounded([weights])).toEqual([[0.531, 0.0072, 0.2781]]);
    expect(Number(weightedMean(values, weights).toFixed(4))).toBe(0.8628);
    expect(binaryEntropy(0.5)).toBeCloseTo(1, 12);
    expect([binaryEntropy(0), binaryEntropy(1)]).toEqual([0, 0]);
    // One right and one wrong episode with these values: credit w σ, blame w (1 − σ).
    const pair = [of(1, values), of(0, values)];
    const [good, bad] = processWeightedAdvantages(pair, { ...clean, weighting: 'belief' });
    const a = Math.SQRT1_2;
    expect(rounded([good!.map((x) => x / a)])).toEqual([[0.4779, 0.004, 0.2225]]);
    expect(rounded([bad!.map((x) => x / -a)])).toEqual([[0.0531, 0.0033, 0.0556]]);
  });

  it('rescaled only moves credit between steps', () => {
    const options = { ...clean, weighting: 'belief', rescale: true } as const;
    const totals = group.map((episode) => trajectoryReward(episode, options));
    const mean = totals.reduce((sum, total) => sum + total, 0) / 4;
    const std = Math.sqrt(totals.reduce((sum, total) => sum + (total - mean) ** 2, 0) / 3);
    processWeightedAdvantages(group, options).forEach((steps, i) => {
      const average = steps.reduce((sum, a) => sum + a, 0) / steps.length;
      expect(average).toBeCloseTo((totals[i]! - mean) / (std + 1e-6), 9);
    });
    // Values of .5 tell nothing: all steps alike.
    const unsure = [of(1, [0.5, 0.5]), of(0, [0.5, 0.5])];
    expect(rounded(processWeightedAdvantages(unsure, options))[0]).toEqual([0.7071, 0.7071]);
  });

  it('weights steps by the entropy of their tokens', () => {
    const options = { ...clean, weighting: 'token_entropy' } as const;
    const pair = [of(1, [0.8, 0.8], [0, 0.3]), of(0, [0.8, 0.8], [0, 0.3])];
    const [[first, second]] = processWeightedAdvantages(pair, options) as [[number, number]];
    // 1 / .1 and 1 / .4, divided by their mean.
    expect(first / second).toBeCloseTo(4, 9);
    expect((first + second) / 2).toBeCloseTo(0.8 * Math.SQRT1_2, 5);
    expect(() => processWeightedAdvantages(group, options)).toThrow(/^entropies: got null/);
  });

  it('with a coefficient below 1 lets no wrong episode be worth more than a right one', () => {
    const liar = [of(1, [0.01]), of(0, [0.99])];
    const [[right], [wrong]] = processWeightedAdvantages(liar, {
      ...{ ...clean, process_coefficient: 0.5 },
    }) as [[number], [number]];
    expect(right).toBeGreaterThan(0);
    expect(wrong).toBeLessThan(0);
  });

  it('gives a member alone and a missing one 0, and refuses steps without values', () => {
    expect(processWeightedAdvantages([of(1, [0.5])], clean)).toEqual([[0]]);
    const missing = { ...of(NaN, [0.5, 0.5]), rewards: [] };
    expect(processWeightedAdvantages([missing, of(1, [0.5])], clean)).toEqual([[0, 0], [0]]);
    expect(() => processWeightedAdvantages([{ ...of(1, [0.5]), rewards: [] }], clean)).toThrow(
      /^steps: got \[\], expected 1 values of steps/,
    );
    expect(() => processWeightedAdvantages([of(1, [1.5])], clean)).toThrow(
      /^steps\[0\]: got 1\.5, expected a probability/,
    );
    const make = (options: object) => () => credits['process-weighted']!.make(options);
    expect(make({ variant: 'literal', weighting: 'belief' })).toThrow(/weighting: got "belief"/);
    expect(make({ variant: 'literal', rescale: true })).toThrow(/rescale: got true/);
  });
});
