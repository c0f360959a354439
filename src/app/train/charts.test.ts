import { describe, expect, it } from 'vitest';
import { chartsFor, describeSeries } from './charts.ts';

const GRPO = [
  ...['eval/ex', 'eval/error', 'reward', 'frac_reward_zero_std', 'rewards/execution/mean'],
  ...['rewards/partial/mean', 'completions/mean_length', 'completions/clipped_ratio', 'entropy'],
  ...['num_tokens', 'sql/ex', 'sql/error', 'sql/empty', 'loss', 'grad_norm', 'tokens_per_second'],
];
const shown = (names: string[]): Record<string, string[]> =>
  Object.fromEntries(chartsFor(names).map(({ id, series }) => [id, series.map((s) => s.name)]));

describe('chartsFor', () => {
  it('shows every chart, empty, until an update is logged', () => {
    const ids = Object.keys(shown([]));
    expect(ids).toEqual(Object.keys(shown(['eval/ex', 'eval/error'])));
    expect(ids).toHaveLength(8);
  });

  it('shows every reward term there is', () => {
    expect(shown(GRPO).reward).toEqual([
      'reward',
      'rewards/execution/mean',
      'rewards/partial/mean',
    ]);
    expect(shown(['reward', 'rewards/execution_match/mean']).reward).toEqual(['reward']);
  });

  it('shows KL only when it is logged', () => {
    expect(shown(GRPO).entropy).toEqual(['entropy']);
    expect(shown([...GRPO, 'kl']).entropy).toEqual(['entropy', 'kl']);
  });

  it('leaves out what a method does not log', () => {
    expect(Object.keys(shown(['loss', 'grad_norm', 'tokens_per_second', 'eval/ex']))).toEqual([
      'ex',
      'learning',
      'throughput',
    ]);
  });

  it('gives each series of a chart its own colour', () => {
    const terms = ['a', 'b', 'c', 'd', 'e'].map((term) => `rewards/${term}/mean`);
    for (const { series } of chartsFor([...GRPO, ...terms, 'kl']).filter(
      (c) => c.id !== 'reward',
    )) {
      expect(new Set(series.map(({ colour }) => colour)).size).toBe(series.length);
    }
  });
});

describe('describeSeries', () => {
  const spec = { label: 'sampled', unit: 'share' } as const;
  const text = (values: (number | null)[]): string =>
    describeSeries(spec, [0, 1, 2, 3], values).replaceAll('\u00a0', ' ');

  it('names first, last, lowest and highest', () => {
    expect(text([null, 0.25, 0.5, 0.4])).toBe(
      'sampled: first 25.0 % at update 1, last 40.0 % at update 3, ' +
        'lowest 25.0 % at update 1, highest 50.0 % at update 2',
    );
  });

  it('is short for one value and for none', () => {
    expect(text([null, 0.25])).toBe('sampled: 25.0 % at update 1');
    expect(text([null, null])).toBe('sampled: no data yet');
    expect(describeSeries(spec, [], undefined)).toBe('sampled: no data yet');
  });
});
