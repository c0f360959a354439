/** The published reward sets beside each other, and what each pays for the published hacks (papers.md §9.5). */
import { describe, expect, it } from 'vitest';
import type { Cell, Task } from '../data/task.ts';
import type { Episode, Step } from '../episode/episode.ts';
import { compareRows } from '../sql/compare.ts';
import type { Outcome } from '../sql/outcome.ts';
import { rewards } from './index.ts';

const task: Task = { id: 't', db_id: 'd', question: '?', answer: [['Paris']], split: 'train' };

const rows = (cells: Cell[]): Outcome => ({
  ...{ kind: 'rows', columns: ['c'], rows: cells.map((cell) => [cell]), rowCount: cells.length },
  truncated: false,
});

function episodeOf(...steps: Partial<Step>[]): Episode {
  return {
    ...{ task, tokens: new Int32Array(), mask: new Uint8Array(), logProbs: new Float32Array() },
    ...{ entropies: new Float32Array(), terminated: true, text: '' },
    steps: steps.map((step) => ({ kind: 'answer', start: 0, end: 0, text: '', ...step })),
  };
}

/** A thought and SQL, whose result is compared with Paris. */
const answer = (cells: Cell[], more: Partial<Step> = {}): Partial<Step> => ({
  ...{ sql: 'SELECT name', thought: 'The name is needed.', value: 0.5 },
  text: '<think>The name is needed.</think>\nSELECT name',
  outcome: rows(cells),
  comparison: compareRows(
    cells.map((cell) => [cell]),
    [['Paris']],
    false,
  ),
  ...more,
});

const right = answer(['Paris']);
const wrong = answer(['Rome']);
const without = (step: Partial<Step>, key: 'comparison' | 'thought'): Partial<Step> => {
  const rest = { ...step };
  Reflect.deleteProperty(rest, key);
  return rest;
};
const failing: Partial<Step> = {
  ...without(wrong, 'comparison'),
  outcome: { kind: 'error', message: 'no such column' },
};
const thoughtless = { thought: '', text: 'SELECT name' };
const everyCity = answer(['Paris', ...Array.from({ length: 9 }, (_, i) => `city ${i}`)]);

const pay = (name: string, options: object, ...steps: Partial<Step>[]) =>
  rewards[name]!.make(options)(episodeOf(...steps));

describe('SkyRL-SQL', () => {
  it('pays 1 and 0, and −1 where the format is broken', () => {
    const total = (...steps: Partial<Step>[]) => pay('skyrl', {}, ...steps).total;
    expect(total(right)).toBe(1);
    expect(total(wrong)).toBe(0);
    expect(total(failing)).toBe(0);
    expect(total({ ...right, ...thoughtless })).toBe(-1);
    expect(total({ kind: 'call', thought: '' }, right)).toBe(-1);
    expect(total({ kind: 'call', thought: 'x' }, right)).toBe(1);
    expect(total({ ...right, sql: 'SELECT 1 <think>' })).toBe(-1);
    expect(total({ kind: 'call', thought: 'x' })).toBe(-1);
    expect(total({ ...failing, sql: '', outcome: { kind: 'refused', reason: '' } })).toBe(-1);
  });

  it('asks for no thought where the protocol has none', () => {
    expect(pay('skyrl', {}, without(right, 'thought')).total).toBe(1);
  });
});

describe('SQL-R1', () => {
  it('pays format, execution, result and length as its code does', () => {
    // 19 characters of thought and 11 of SQL, which is all of the answer.
    const length = (0.5 * (19 + 11)) / 2048 + 1;
    expect(pay('sql-r1', {}, right).terms).toEqual({ format: 1, execution: 2, result: 3, length });
    expect(pay('sql-r1', {}, wrong).total).toBe(1 + 2 - 3);
    expect(pay('sql-r1', {}, failing).total).toBe(1 - 2);
    expect(pay('sql-r1', {}, { ...right, ...thoughtless }).total).toBe(-1);
  });

  it('pays for length on a match only, and no more than its limit', () => {
    const padded = { thought: 'x'.repeat(10_000) };
    expect(pay('sql-r1', {}, { ...right, ...padded }).terms['length']).toBe(1.5);
    expect(pay('sql-r1', {}, { ...wrong, ...padded }).terms['length']).toBe(0);
  });
});

describe('Arctic-Text2SQL-R1', () => {
  it('pays 1, 0.1 and 0', () => {
    expect(pay('arctic', {}, right).total).toBe(1);
    expect(pay('arctic', {}, wrong).total).toBe(0.1);
    expect(pay('arctic', {}, failing).total).toBe(0);
    expect(pay('arctic', {}).total).toBe(0);
  });
});

describe('Think2SQL', () => {
  it('pays .85 of the task, .10 for the format, .05 for tags', () => {
    expect(pay('think2sql', {}, right).total).toBeCloseTo(1, 12);
    expect(pay('think2sql', {}, failing).total).toBeCloseTo(0.15, 12);
    expect(pay('think2sql', {}, { ...right, ...thoughtless }).total).toBeCloseTo(0.85, 12);
    // One cell of ten is right, all of the gold is there, one row against ten.
    const qatch = (0.1 + 1 + 0.1) / 3;
    expect(pay('think2sql', {}, everyCity).total).toBeCloseTo(0.85 * qatch + 0.15, 12);
    expect(pay('think2sql', { task: 'ex' }, everyCity).total).toBeCloseTo(0.15, 12);
    const small = { task: 'ex', small_update: true };
    expect(pay('think2sql', small, wrong).total).toBeCloseTo(0.085 + 0.15, 12);
    expect(pay('think2sql', small, failing).total).toBeCloseTo(0.15, 12);
  });

  it('counts tags that are there once', () => {
    const twice = { ...right, text: '<think>a<think>b</think>\nSELECT name' };
    expect(pay('think2sql', {}, twice).terms['tags']).toBeCloseTo(0.025, 12);
  });

  it('caps results that QATCH takes for perfect: right cells in wrong places', () => {
    const shuffled = {
      ...right,
      comparison: compareRows([[1, 4], [3, 2]], [[1, 2], [3, 4]], false), // prettier-ignore
    };
    expect(shuffled.comparison.qatch).toBe(1);
    expect(pay('think2sql', {}, shuffled).terms['task']).toBeCloseTo(0.85 * 0.9, 12);
    // And a right answer with duplicates, whose cardinality differs, is right.
    expect(pay('think2sql', {}, answer(['Paris', 'Paris'])).terms['task']).toBeCloseTo(0.85, 12);
  });
});

describe('Reward-SQL', () => {
  const cte = (value?: number): Partial<Step> => ({
    ...{ kind: 'cte', sql: 'WITH a', outcome: rows(['x']) },
    ...(value !== undefined && { value }),
  });

  it('gives credit the outcome and the values apart, and logs their mean', () => {
    const steps = [cte(0.9), cte(0.55), { ...right, value: 0.8 }];
    expect(pay('reward-sql', {}, ...steps)).toEqual({
      total: 1,
      terms: { outcome: 1, process: expect.closeTo(0.75, 12) as number },
      steps: [0.9, 0.55, 0.8],
    });
    const belief = pay('reward-sql', { weighting: 'belief' }, ...steps);
    expect(belief.terms['process']).toBeCloseTo(0.8628, 4);
  });

  it('adds c · R_proc for credit that sees whole episodes, and never as much as a match', () => {
    const options = { process_coefficient: 0.5 };
    const { total, terms } = pay('reward-sql', options, cte(1), { ...wrong, value: 1 });
    expect([total, terms]).toEqual([0.5, { outcome: 0, shaping: 0.5, process: 1 }]);
    expect(pay('reward-sql', options, { ...right, value: 0 }).total).toBe(1);
    expect(() => rewards['reward-sql']!.make({ process_coefficient: 1 })).toThrow(/coefficient/);
  });

  it('refuses steps without a value, naming the step: no process reward model is not a bad step', () => {
    expect(() => pay('reward-sql', {}, cte(0.5), cte(), { ...right, value: 0.5 })).toThrow(
      /^t\.steps\[1\]\.value: got null, expected a probability by a process reward model/,
    );
    expect(() => pay('reward-sql', {}, { ...right, value: NaN })).toThrow(/steps\[0\]\.value/);
  });
});

describe('hacks', () => {
  const all = Object.entries(rewards).filter(([name]) => name !== 'finer');

  it.each(all)('%s pays SELECT 1 less than a match', (name) => {
    expect(pay(name, {}, answer([1], { sql: 'SELECT 1' })).total).toBeLessThan(
      pay(name, {}, right).total,
    );
  });

  it.each(all)('%s pays an over-broad answer less than a match', (name) => {
    expect(pay(name, {}, everyCity).total).toBeLessThan(pay(name, {}, right).total);
  });

  it('an over-broad answer: what each pays of a match', () => {
    const share = (name: string, options: object = {}) =>
      Number((pay(name, options, everyCity).total / pay(name, options, right).total).toFixed(3));
    expect(share('execution')).toBe(0.101);
    expect(share('execution', { precisionGuard: true })).toBe(0.019);
    for (const name of ['execution-match', 'finestep', 'reward-sql', 'skyrl', 'sql-r1']) {
      expect(share(name), name).toBe(0);
    }
    expect(share('arctic')).toBe(0.1);
    expect(share('think2sql')).toBe(0.49);
  });

  it.each(all)('%s pays thoughts padded without end nothing where the answer is wrong', (name) => {
    const padded = {
      thought: 'so '.repeat(5000),
      text: `<think>${'so '.repeat(5000)}</think>SELECT`,
    };
    expect(pay(name, {}, { ...wrong, ...padded }).total).toBeLessThanOrEqual(
      pay(name, {}, wrong).total,
    );
  });

  // Which is why importers leave out questions whose gold finds nothing.
  it.each(all)('%s pays a match of empty results as any match', (name) => {
    const empty = { outcome: rows([]), comparison: compareRows([], [], false) };
    expect(pay(name, {}, answer([], empty)).total).toBe(pay(name, {}, right).total);
  });

  it.each(all)('%s pays nothing in its total for calls, repeated or not', (name) => {
    const call: Partial<Step> = {
      ...{ kind: 'call', call: { tool: 'run_query', args: ['SELECT 1'] }, sql: 'SELECT 1' },
      ...{ outcome: rows([1]), thought: '', value: 0.5 },
    };
    const once = { ...call, thought: 'x', text: '<think>x</think>' };
    expect(pay(name, {}, once, once, once, wrong).total).toBeCloseTo(
      pay(name, {}, wrong).total,
      12,
    );
  });
});
