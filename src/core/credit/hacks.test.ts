/** Where process rewards are all there is to learn from, what does each credit assignment make of them? */
import { describe, expect, it } from 'vitest';
import type { CreditEpisode } from './credit.ts';
import { credits } from './index.ts';

/** Process rewards of calls, then an answer; each step after an observation of its own, but the first. */
const of = (outcome: number, ...calls: number[]): CreditEpisode => ({
  ...{ outcome, rewards: [...calls, 0], mask: new Uint8Array(calls.length + 1).fill(1) },
  steps: [...calls, 0].map((_, t) => ({ start: t, end: t + 1 })),
  anchors: [...calls, 0].map((_, t) => (t === 0 ? '' : `${calls.length} ${t}`)),
});

const NOVEL = 0.02;
const REPEATED = -0.04;

/** Advantages of the first step of every episode, to two digits. */
const first = (name: string, options: object, group: CreditEpisode[]): number[] =>
  credits[name]!.make(options)([group])[0]!.map(({ steps }) => Number(steps[0]!.toFixed(2)) + 0);

const summed = { process: 'sum' };

describe('a group that is all wrong, one of it calling on and on, always something new', () => {
  const group = [of(0, NOVEL, NOVEL, NOVEL, NOVEL), of(0, NOVEL), of(0, NOVEL), of(0)];

  it('teaches nothing where credit looks at outcomes alone', () => {
    expect(first('group-relative', {}, group)).toEqual([0, 0, 0, 0]);
    expect(first('rloo', {}, group)).toEqual([0, 0, 0, 0]);
    expect(first('finestep', { process: false }, group)).toEqual([0, 0, 0, 0]);
  });

  it('is blown up by division by its tiny deviation: bounded by the floor, or by not dividing', () => {
    expect(first('group-relative', summed, group)[0]).toBeGreaterThan(1.3);
    expect(first('finestep', {}, group)[0]).toBeGreaterThan(1.3);
    expect(first('finestep', { sigma_floor: 0.1 }, group)[0]).toBeLessThan(0.5);
    expect(first('gigpo', {}, group)[0]).toBeLessThan(0.11);
  });
});

describe('a group that is all right, one of it with a call that was not needed', () => {
  const group = [of(1, NOVEL), of(1, NOVEL), of(1, NOVEL, NOVEL), of(1, NOVEL)];

  it('praises that call where process rewards are summed, and not where later steps are discounted', () => {
    expect(first('group-relative', {}, group)).toEqual([0, 0, 0, 0]);
    expect(first('group-relative', summed, group)[2]).toBeGreaterThan(1);
    const [direct, , detour] = first('finestep', {}, group) as [number, number, number];
    expect(detour).toBeLessThan(0);
    expect(direct).toBeGreaterThan(detour + 1);
    expect(first('finestep', { gamma: 1 }, group)[2]).toBeGreaterThan(0);
    // At the state all share, GiGPO's step part outweighs its episode part.
    expect(first('gigpo', {}, group)[2]).toBeLessThan(first('gigpo', {}, group)[0]!);
  });
});

describe('a right episode that repeats itself', () => {
  const group = [of(1, NOVEL), of(1, NOVEL, REPEATED), of(0, NOVEL), of(0, NOVEL)];

  it('stays better than a wrong one, and worse than one that does not', () => {
    for (const [name, options] of [
      ['group-relative', summed],
      ['finestep', {}],
      ['gigpo', {}],
    ] as const) {
      const [direct, repeating, wrong] = first(name, options, group) as [number, number, number];
      expect(repeating, name).toBeLessThan(direct);
      expect(repeating, name).toBeGreaterThan(wrong);
    }
  });
});
