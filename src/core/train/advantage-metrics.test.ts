import { describe, expect, it } from 'vitest';
import type { Episode } from '../episode/episode.ts';
import { compareRows } from '../sql/compare.ts';
import type { Outcome } from '../sql/outcome.ts';
import { advantageMetrics } from './advantage-metrics.ts';

const rows = (cell: number): Outcome => ({
  ...{ kind: 'rows', columns: ['n'], rows: [[cell]], rowCount: 1, truncated: false },
});
const failed: Outcome = { kind: 'error', message: 'no such column' };

/** An episode whose only step answers; gold is 4. */
function credited(outcome: Outcome, advantages: number[], mask: number[]) {
  const found = outcome.kind === 'rows' ? outcome.rows : undefined;
  const comparison = found && compareRows(found, [[4]], false);
  const episode = { steps: [{ kind: 'answer', outcome, comparison }], mask } as unknown as Episode;
  return { episode, advantages, length: mask.reduce((sum, m) => sum + m, 0) };
}

describe('advantage metrics', () => {
  it('are means over loss tokens, by what became of the answer', () => {
    const samples = [
      credited(rows(4), [2, 2], [1, 1]),
      credited(rows(5), [9, 0.5, -1], [0, 1, 1]),
      credited(failed, [-3], [1]),
    ];
    expect(advantageMetrics(samples)).toEqual({
      'advantages/mean_abs': (2 + 2 + 0.5 + 1 + 3) / 5,
      ...{ 'advantages/right': 2, 'advantages/wrong': -0.25, 'advantages/failing': -3 },
    });
  });

  it('call nothing wrong where there is no gold', () => {
    const { episode, ...rest } = credited(rows(5), [1, -3], [1, 1]);
    delete episode.steps[0]!.comparison;
    expect(advantageMetrics([{ episode, ...rest }])).toEqual({ 'advantages/mean_abs': 2 });
  });

  it('leave out completions that are masked, and what there is none of', () => {
    const masked = { ...credited(failed, [-3], [1]), length: 0 };
    expect(advantageMetrics([credited(rows(4), [1], [1]), masked])).toEqual({
      ...{ 'advantages/mean_abs': 1, 'advantages/right': 1 },
    });
    expect(advantageMetrics([])).toEqual({ 'advantages/mean_abs': 0 });
  });
});
