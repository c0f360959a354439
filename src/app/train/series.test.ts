import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MetricsLine } from '../../core/train/run-store.ts';
import { SeriesTable, TOKENS_PER_SECOND, valueAt } from './series.ts';

const line = (step: number, values: Record<string, number>): MetricsLine => ({ step, ...values });

describe('SeriesTable', () => {
  it('joins an update and its evaluation in one row', () => {
    const table = new SeriesTable();
    table.ingest([
      line(0, { 'eval/ex': 0.3 }),
      line(1, { 'sql/ex': 0.25 }),
      line(2, { 'sql/ex': 0.5 }),
      line(2, { 'eval/ex': 0.4 }),
    ]);
    expect(table.steps).toEqual([0, 1, 2]);
    expect(table.raw('eval/ex')).toEqual([0.3, null, 0.4]);
    expect(table.raw('sql/ex')).toEqual([null, 0.25, 0.5]);
  });

  it('fills metrics that appear late or are missing with null', () => {
    const table = new SeriesTable();
    table.ingest([line(1, { loss: 1 }), line(2, { kl: 0.1, loss: NaN }), line(3, { loss: 2 })]);
    expect(table.raw('kl')).toEqual([null, 0.1, null]);
    expect(table.raw('loss')).toEqual([1, null, 2]);
    expect(table.raw('never')).toBeUndefined();
  });

  it('derives tokens per second', () => {
    const table = new SeriesTable();
    table.ingest([line(1, { num_tokens: 3000, step_time: 0.5 })]);
    expect(table.raw(TOKENS_PER_SECOND)).toEqual([6000]);
  });

  it('smooths without a pull towards zero at the start', () => {
    const table = new SeriesTable();
    table.ingest([line(1, { loss: 4 }), line(2, { loss: 4 }), line(3, { loss: 4 })]);
    for (const value of table.smooth('loss')!) expect(value).toBeCloseTo(4, 12);
  });

  it('starts afresh with another run, and with a run resumed further back', () => {
    const table = new SeriesTable();
    const first = [line(1, { loss: 1 }), line(2, { loss: 2 }), line(3, { loss: 3 })];
    table.ingest(first);
    expect(table.ingest(first.slice(0, 1))).toBe(true);
    expect(table.raw('loss')).toEqual([1]);
    table.ingest([line(1, { kl: 5 }), line(2, { kl: 6 })]);
    expect(table.names).toEqual(['kl']);
    expect(table.ingest([])).toBe(true);
    expect(table.steps).toEqual([]);
  });

  it('is the same however the lines are dealt out', () => {
    const lines = fc.array(
      fc.dictionary(fc.constantFrom('a', 'b', 'eval/ex'), fc.double({ noNaN: false })),
    );
    fc.assert(
      fc.property(lines, fc.array(fc.nat(20)), (values, cuts) => {
        const all = values.map((value, i) => line(Math.ceil(i / 2), value));
        const whole = new SeriesTable();
        whole.ingest(all);
        const dealt = new SeriesTable();
        for (const end of cuts.sort((a, b) => a - b)) dealt.ingest(all.slice(0, end));
        dealt.ingest(all);
        expect(dealt.steps).toEqual(whole.steps);
        expect(dealt.names).toEqual(whole.names);
        for (const name of whole.names) {
          expect(dealt.raw(name)).toEqual(whole.raw(name));
          expect(dealt.smooth(name)).toEqual(whole.smooth(name));
          expect(dealt.raw(name)).toHaveLength(whole.steps.length);
        }
      }),
    );
  });

  it('says when nothing is new', () => {
    const table = new SeriesTable();
    const lines = [line(1, { loss: 1 })];
    expect(table.ingest(lines)).toBe(true);
    expect(table.ingest(lines)).toBe(false);
    expect(table.ingest([...lines])).toBe(false);
  });
});

it('finds the row of a step', () => {
  const table = new SeriesTable();
  table.ingest([2, 3, 7].map((step) => line(step, { loss: 1 })));
  expect([1, 2, 3, 5, 7, 9].map((step) => table.rowOf(step))).toEqual([-1, 0, 1, 1, 2, 2]);
});

it('reads the last value at or before a row', () => {
  const column = [null, 3, null, 5, null];
  expect([0, 1, 2, 3, 9].map((i) => valueAt(column, i))).toEqual([null, 3, 3, 5, 5]);
  expect(valueAt(undefined, 3)).toBeNull();
});
