import { describe, expect, it } from 'vitest';
import type { Group } from './rollout.ts';
import { memorySpread } from './term-spread.ts';

type Sample = [memory: number, atomic: number, state?: 'right' | 'fails' | 'unformatted'];

const group = (samples: Sample[]): Group =>
  ({
    episodes: samples.map(([, , state]) => ({
      steps: [
        {
          kind: 'answer',
          outcome: { kind: state === 'fails' ? 'error' : 'rows' },
          comparison: { bird: state === 'right' },
        },
      ],
    })),
    rewards: samples.map(([memory, atomic, state]) => ({
      terms: { format: state === 'unformatted' ? 0 : 1, execution: 1, atomic, memory },
    })),
  }) as unknown as Group;

describe('memorySpread', () => {
  it('is of wrong, formatted answers: over all, within groups, and beside the atomic term', () => {
    const groups = [
      group([
        [0.5, 0.1],
        [0.7, 0.2],
        [1, 0, 'right'],
        [0, 0, 'unformatted'],
      ]),
      group([
        [0.9, 0.3],
        [0.9, 0, 'fails'],
      ]),
    ];
    const spread = memorySpread(groups);
    // of .5, .7, .9, .9: mean .75, squares .11, over 3
    expect(spread['rewards/memory/wrong_std']).toBeCloseTo(Math.sqrt(0.11 / 3), 12);
    // within: √.02 and 0
    expect(spread['rewards/memory/wrong_group_std']).toBeCloseTo(Math.sqrt(0.02) / 2, 12);
    expect(spread['rewards/memory/wrong_atomic_correlation']).toBeCloseTo(1, 12);
  });

  it('says nothing without a memory term, and does not fail where all are right', () => {
    expect(memorySpread([{ ...group([]), rewards: [{ total: 0, terms: {}, steps: [] }] }])).toEqual(
      {},
    );
    expect(memorySpread([group([[0, 0.1]])])).toEqual({});
    expect(memorySpread([group([[1, 0, 'right']])])).toEqual({});
  });
});
