import { describe, expect, it } from 'vitest';
import { overlongPunishment, punishOverlong } from './overlong.ts';
import type { Group } from './rollout.ts';

describe('soft overlong punishment', () => {
  it('is DAPO’s equation 13', () => {
    // L_max 20480 with 4096 for the cache: nothing up to 16384, −1 at the limit.
    const of = (length: number) => overlongPunishment(length, 20_480, 4096);
    expect([of(100), of(16_384), of(18_432), of(20_480), of(30_000)]).toEqual([0, 0, -0.5, -1, -1]);
  });

  it('is a term of the reward; missing rewards stay missing', () => {
    const rewards = [1, 1, NaN].map((total) => ({ total, terms: { match: 1 }, steps: [0.5] }));
    const episodes = [80, 96, 96].map((length) => ({ tokens: new Int32Array(length) }));
    const groups = [{ rewards, episodes }] as unknown as Group[];
    const options = { max_completion_length: 96, overlong_buffer: 16, overlong_penalty: 0.5 };
    const [{ rewards: punished }] = punishOverlong(groups, options) as [Group];
    expect(punished.map(({ total }) => total)).toEqual([1, 0.5, NaN]);
    expect(punished[1]).toEqual({ total: 0.5, terms: { match: 1, overlong: -0.5 }, steps: [0.5] });
    expect(punishOverlong(groups, { ...options, overlong_buffer: 0 })).toBe(groups);
  });

  it('with half its penalty lets no right answer of 0 or 1 fall to a wrong one', () => {
    expect(1 + 0.5 * overlongPunishment(96, 96, 16)).toBeGreaterThan(0);
  });
});
