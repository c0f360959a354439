import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Stream } from '../random/stream.ts';
import { spread, type CreditEpisode } from './credit.ts';
import { groupRelativeAdvantages, leaveOneOutAdvantages } from './group-relative.ts';
import { credits, findCredit } from './index.ts';
import { shuffleRewards } from './shuffle.ts';

const vector = [1, 0, 0, 1, 0.1, 0, 0, 0];

function outcomeOnly(outcome: number): CreditEpisode {
  return { outcome, rewards: [], steps: [{ start: 0, end: 2 }], mask: [1, 1, 0] };
}

describe('group-relative advantages', () => {
  // The vector of TRL's GRPOTrainer, worked out apart from this code: mean .2625, sample std .456501.
  const std = Math.sqrt((2 * 0.7375 ** 2 + 5 * 0.2625 ** 2 + 0.1625 ** 2) / 7);

  it('equals the reference vector', () => {
    const [advantages] = groupRelativeAdvantages([vector]);
    expect(std).toBeCloseTo(0.456501, 6);
    const centred = vector.map((reward) => reward - 0.2625);
    advantages!.forEach((advantage, i) =>
      expect(advantage).toBeCloseTo(centred[i]! / (std + 1e-4), 14),
    );
    expect(advantages!.map((a) => Number(a.toFixed(4)))).toEqual([
      1.6152, -0.5749, -0.5749, 1.6152, -0.3559, -0.5749, -0.5749, -0.5749,
    ]);
  });

  it('only centres without scaling', () => {
    expect(groupRelativeAdvantages([vector], 'none')[0]![0]).toBeCloseTo(0.7375, 14);
    expect(groupRelativeAdvantages([vector], 'none')[0]![1]).toBeCloseTo(-0.2625, 14);
  });

  it('scales by the deviation of the batch around group means', () => {
    const [first, second] = groupRelativeAdvantages(
      [
        [1, 0],
        [5, 3],
      ],
      'batch',
    );
    const batchStd = Math.sqrt((1.25 ** 2 + 2.25 ** 2 + 2.75 ** 2 + 0.75 ** 2) / 3);
    expect(first![0]).toBeCloseTo(0.5 / (batchStd + 1e-4), 12);
    expect(second![1]).toBeCloseTo(-1 / (batchStd + 1e-4), 12);
  });

  it('gives missing rewards 0 and leaves them out of the baseline', () => {
    const [withMissing] = groupRelativeAdvantages([[1, NaN, 0, 0]]);
    const [without] = groupRelativeAdvantages([[1, 0, 0]]);
    expect(withMissing).toEqual([without![0], 0, without![1], without![2]]);
    expect(groupRelativeAdvantages([[NaN, NaN]])).toEqual([[0, 0]]);
    expect(groupRelativeAdvantages([[7]])).toEqual([[0]]);
  });
});

describe('RLOO', () => {
  it('equals the reference vector', () => {
    expect(leaveOneOutAdvantages([vector])[0]!.map((a) => Number(a.toFixed(4)))).toEqual([
      0.8429, -0.3, -0.3, 0.8429, -0.1857, -0.3, -0.3, -0.3,
    ]);
  });

  it('is the reward minus the mean of the others', () => {
    const [[first]] = leaveOneOutAdvantages([[3, 1, 0, NaN]]) as [[number]];
    expect(first).toBeCloseTo(3 - (1 + 0) / 2, 14);
    expect(leaveOneOutAdvantages([[5], [NaN, 5]])).toEqual([[0], [0, 0]]);
  });
});

const reward = fc.oneof(
  fc.double({ min: -1000, max: 1000, noNaN: true }),
  fc.constantFrom(0, 1, 101, 1001, -100),
);
const group = fc.array(reward, { minLength: 1, maxLength: 12 });

const wholeEpisodes = ['group-relative', 'dr-grpo', 'rloo'].map(
  (name) => [name, credits[name]!] as const,
);

describe.each(wholeEpisodes)('%s', (_, method) => {
  const assign = (rewards: number[]) =>
    method
      .make()([rewards.map(outcomeOnly)])[0]!
      .map(({ steps }) => steps[0]!);

  it('gives a group of equal rewards exactly zero', () => {
    fc.assert(
      fc.property(reward, fc.integer({ min: 1, max: 12 }), (value, size) => {
        expect(assign(Array<number>(size).fill(value)).every((a) => a === 0)).toBe(true);
      }),
    );
  });

  it('permutes with the group', () => {
    fc.assert(
      fc.property(group, fc.nat(), (rewards, seed) => {
        const order = new Stream(seed, 'test').shuffle(rewards.map((_, i) => i));
        const advantages = assign(rewards);
        assign(order.map((i) => rewards[i]!)).forEach((advantage, at) =>
          expect(advantage).toBeCloseTo(advantages[order[at]!]!, 6),
        );
      }),
    );
  });

  it('ignores a constant added to every reward of a group', () => {
    const integers = fc.array(fc.integer({ min: -100, max: 1001 }), {
      minLength: 2,
      maxLength: 12,
    });
    fc.assert(
      fc.property(integers, fc.integer({ min: -1000, max: 1000 }), (rewards, constant) => {
        const advantages = assign(rewards);
        assign(rewards.map((r) => r + constant)).forEach((advantage, i) =>
          expect(advantage).toBeCloseTo(advantages[i]!, 8),
        );
      }),
    );
  });

  it('keeps the order of the rewards', () => {
    fc.assert(
      fc.property(group, (rewards) => {
        const advantages = assign(rewards);
        rewards.forEach((r, i) =>
          rewards.forEach((other, j) => {
            if (r > other) expect(advantages[i]!).toBeGreaterThanOrEqual(advantages[j]!);
          }),
        );
      }),
    );
  });

  it('puts one advantage on every step and every written token', () => {
    const episode = (outcome: number): CreditEpisode => ({
      outcome,
      rewards: [],
      steps: [
        { start: 0, end: 2 },
        { start: 3, end: 4 },
      ],
      mask: new Uint8Array([1, 1, 0, 1, 1]),
    });
    const right = method.make()([[episode(1), episode(0)]])[0]![0]!;
    const a = right.steps[0]!;
    expect(a).toBeGreaterThan(0);
    expect(right).toEqual({ steps: [a, a], tokens: Float32Array.of(a, a, 0, a, a) });
  });
});

describe('spread', () => {
  it('fills each step with its own advantage, written tokens only', () => {
    const episode: CreditEpisode = {
      outcome: 0,
      rewards: [],
      steps: [
        { start: 0, end: 2 },
        { start: 2, end: 4 },
      ],
      mask: [1, 1, 0, 1, 1],
    };
    expect(spread([0.5, -1], episode)).toEqual({
      steps: [0.5, -1],
      tokens: Float32Array.of(0.5, 0.5, 0, -1, 0),
    });
  });
});

describe('shuffled rewards', () => {
  const episodes = [3, 1, 0, 7, 9].map((outcome, i): CreditEpisode => ({
    outcome,
    rewards: Array.from({ length: i }, (_, step) => 10 * i + step),
    steps: [],
    mask: [],
  }));
  const shuffle = (update: number) => shuffleRewards(episodes, new Stream(5, 'shuffle', update));

  it('keeps the rewards of the group and the number of each episode’s steps', () => {
    const shuffled = shuffle(0);
    const ascending = (values: number[]) => values.sort((a, b) => a - b);
    expect(ascending(shuffled.map((e) => e.outcome))).toEqual([0, 1, 3, 7, 9]);
    expect(shuffled.map((e) => e.rewards.length)).toEqual([0, 1, 2, 3, 4]);
    expect(ascending(shuffled.flatMap((e) => e.rewards))).toEqual(
      ascending(episodes.flatMap((e) => [...e.rewards])),
    );
  });

  it('repeats itself for the same key and differs for another', () => {
    expect(shuffle(3)).toEqual(shuffle(3));
    expect(new Set([0, 1, 2, 3, 4].map((u) => JSON.stringify(shuffle(u)))).size).toBeGreaterThan(1);
  });
});

describe('the registry', () => {
  it('takes TRL’s names and options', () => {
    expect(findCredit('grpo')).toBe(credits['group-relative']);
    expect(findCredit('dr_grpo')).toBe(credits['dr-grpo']);
    const none = findCredit('grpo').make({ scale_rewards: 'none' });
    const dr = findCredit('dr-grpo').make();
    const groups = [vector.map(outcomeOnly)];
    expect(none(groups)).toEqual(dr(groups));
  });

  it('sums process rewards into the reward of the episode when asked to', () => {
    const groups = [
      [
        { ...outcomeOnly(1), rewards: [0.05, -0.1] },
        { ...outcomeOnly(0), rewards: [0.05] },
      ],
    ];
    const summed = findCredit('grpo').make({ process: 'sum' })(groups);
    const same = findCredit('grpo').make()([[outcomeOnly(0.95), outcomeOnly(0.05)]]);
    expect(summed[0]![0]!.steps[0]).toBeCloseTo(same[0]![0]!.steps[0]!, 12);
    expect(findCredit('grpo').make()(groups)).toEqual(
      findCredit('grpo').make()([[outcomeOnly(1), outcomeOnly(0)]]),
    );
  });

  it('refuses unknown names and options', () => {
    expect(() => findCredit('ppo')).toThrow(
      /credit: got "ppo", expected one of group-relative, dr-grpo, rloo/,
    );
    expect(() => credits['group-relative']!.make({ scale_rewards: true })).toThrow(
      /credit\.group-relative\.scale_rewards: got true, expected .*group/,
    );
    expect(() => credits['rloo']!.make({ gamma: 1 })).toThrow(/credit\.rloo\.gamma/);
  });
});
