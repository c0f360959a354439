import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { discountedReturns, smooth } from '../credit/finestep.ts';
import type { Cell, Task } from '../data/task.ts';
import type { Episode, Step } from '../episode/episode.ts';
import { compareRows } from '../sql/compare.ts';
import type { Outcome } from '../sql/outcome.ts';
import { dominates, largestAlpha, returnRange } from './dominance.ts';
import { eventsOf, normaliseSql, type StepEvent } from './events.ts';
import { rewards } from './index.ts';

const task: Task = { id: 't', db_id: 'd', question: '?', answer: [['Paris']], split: 'train' };

function episodeOf(steps: Partial<Step>[]): Episode {
  return {
    ...{ task, tokens: new Int32Array(), mask: new Uint8Array(), logProbs: new Float32Array() },
    ...{ entropies: new Float32Array(), terminated: true, text: '' },
    steps: steps.map((step) => ({ kind: 'call', start: 0, end: 0, text: '', ...step })),
  };
}

const rows = (cells: Cell[], rowCount = cells.length): Outcome => ({
  ...{ kind: 'rows', columns: ['c'], rows: cells.map((cell) => [cell]), rowCount },
  truncated: false,
});

const call = (sql: string, outcome?: Outcome): Partial<Step> => ({
  ...{ kind: 'call', call: { tool: 'run_query', args: [sql] }, sql },
  ...(outcome && { outcome }),
});

const answer = (cell: string): Partial<Step> => ({
  ...{ kind: 'answer', sql: 'SELECT name', outcome: rows([cell]) },
  comparison: compareRows([[cell]], [['Paris']], false),
});

const failed: Outcome = { kind: 'error', message: 'no such column: nam' };
const calls = (...steps: Partial<Step>[]) => eventsOf(episodeOf(steps).steps);

describe('events', () => {
  it('tells new, empty, failing, repeated and malformed steps apart', () => {
    expect(
      calls(
        { kind: 'call', call: { tool: 'list_tables', args: [] }, outcome: rows(['city']) },
        call('SELECT name FROM city', rows(['Paris', 'Lyon'])),
        call('SELECT nam FROM city', failed),
        call('SELECT name FROM city WHERE 0', rows([])),
        { kind: 'call', call: { tool: '', args: [] } },
        { kind: 'think' },
        call('SELECT x', { kind: 'timeout', limitMs: 2000 }),
        call('DROP TABLE city', { kind: 'refused', reason: 'DROP' }),
        answer('Paris'),
      ),
    ).toEqual<StepEvent[]>([
      ...(['novel', 'novel', 'failed', 'empty', 'malformed', 'malformed'] as const),
      ...(['failed', 'failed', 'answer'] as const),
    ]);
  });

  it('sees through spelling: the same call is a repeated one, failing calls too', () => {
    const first = call('SELECT name FROM city', rows(['a']));
    expect(calls(first, call(' select  NAME from city ;', rows(['b'])))[1]).toBe('repeated');
    expect(calls(call('SELECT nam', failed), call('select nam', failed))[1]).toBe('repeated');
    // Text in quotes is what it is.
    expect(calls(call("SELECT 'a'", rows(['a'])), call("SELECT 'A'", rows(['A'])))[1]).toBe(
      'novel',
    );
  });

  it('sees the same result set behind another query: order, duplicates and names do not matter', () => {
    const first = call('SELECT name FROM city', rows(['a', 'b']));
    expect(calls(first, call('SELECT DISTINCT name', rows(['b', 'a', 'a'])))[1]).toBe('repeated');
    expect(calls(first, call('SELECT name LIMIT 1', rows(['a'])))[1]).toBe('novel');
    // Empty results tell nothing apart; long ones are known by their preview and their number.
    expect(calls(call('SELECT 1 WHERE 0', rows([])), call('SELECT 2 WHERE 0', rows([])))).toEqual([
      'empty',
      'empty',
    ]);
    expect(calls(call('SELECT a', rows(['a'], 50)), call('SELECT b', rows(['a'], 60)))[1]).toBe(
      'novel',
    );
  });

  it('takes a CTE for a call', () => {
    const cte = (sql: string, outcome: Outcome): Partial<Step> => ({ kind: 'cte', sql, outcome });
    expect(
      calls(cte('WITH a AS (SELECT 1)', rows([1])), cte('with a as (select 1)', rows([1])), {
        ...{ kind: 'cte', sql: '', text: 'hm' },
      }),
    ).toEqual(['novel', 'repeated', 'malformed']);
  });

  it('normalises any text without failing, and once is enough', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'B', ' ', "'", '"', '`', '[', ']', ';', '\n') }),
        (sql) => {
          expect(normaliseSql(normaliseSql(sql))).toBe(normaliseSql(sql));
        },
      ),
    );
  });
});

describe('FineStep’s reward', () => {
  const finestep = rewards['finestep']!;

  it('keeps outcome and process rewards apart', () => {
    const steps = [
      call('SELECT name FROM city', rows(['Lyon'])),
      call('SELECT name FROM city', rows(['Lyon'])),
      call('SELECT nam', failed),
      answer('Paris'),
    ];
    const { total, terms, steps: process } = finestep.make()(episodeOf(steps));
    expect(total).toBe(1);
    expect(process).toEqual([0.02, -0.04, -0.02, 0]);
    expect(terms).toEqual({ outcome: 1, process: expect.closeTo(-0.04, 12) as number });
  });

  it('pays 0 for a wrong or failing answer and −1 for none', () => {
    const total = (...steps: Partial<Step>[]) => finestep.make()(episodeOf(steps)).total;
    expect(total(answer('Rome'))).toBe(0);
    expect(total({ kind: 'answer', sql: 'SELEC', outcome: failed })).toBe(0);
    expect(total({ kind: 'answer', sql: '', outcome: { kind: 'refused', reason: '' } })).toBe(-1);
    expect(total(call('SELECT 1', rows([1])))).toBe(-1);
    expect(total()).toBe(-1);
    expect(finestep.make({ unanswered: -3 })(episodeOf([])).total).toBe(-3);
  });

  it('takes every value from its options, and refuses those that break rule 4', () => {
    const values = { alpha: 0.1, novel: 2, empty: -1, failed: -3, repeated: -4, malformed: -5 };
    const reward = finestep.make(values);
    const steps = [
      call('SELECT 1', rows([1])),
      call('SELECT 2', rows([])),
      call('SELECT 3', failed),
      call('SELECT 1', rows([1])),
      { kind: 'think' as const },
    ];
    expect(reward(episodeOf(steps)).steps.map((r) => Number(r.toFixed(6)))).toEqual([
      0.2, -0.1, -0.3, -0.4, -0.5,
    ]);
    expect(() => finestep.make({ wrong: 1 })).toThrow(/finestep\.wrong: got 1, expected less than/);
    expect(() => finestep.make({ unanswered: 0.5 })).toThrow(/finestep\.unanswered: got 0\.5/);
  });
});

describe('outcome dominance', () => {
  const perAlpha = { right: 1, wrong: 0, unanswered: -1, best: 1, worst: -2 };
  const at = (alpha: number) => ({ ...perAlpha, best: alpha, worst: -2 * alpha });

  it.each([
    [6, 0.057],
    [8, 0.0386],
    [10, 0.0284],
  ])('over %i turns holds for alpha below %f', (turns, bound) => {
    expect(largestAlpha(perAlpha, 0.95, turns)).toBeCloseTo(bound, 4);
    expect(dominates(at(bound - 1e-4), 0.95, turns)).toBe(true);
    expect(dominates(at(bound + 1e-4), 0.95, turns)).toBe(false);
  });

  it('without discount is 1 / (3 (T − 1)); without a right outcome to see there is none', () => {
    expect(largestAlpha(perAlpha, 1, 6)).toBeCloseTo(1 / 15, 9);
    expect(largestAlpha(perAlpha, 0.95, 1)).toBeGreaterThanOrEqual(1);
    expect(largestAlpha(perAlpha, 0, 2)).toBe(0);
    expect(largestAlpha({ ...perAlpha, best: 0, worst: 0 }, 0.95, 6)).toBe(Infinity);
  });

  it('is what it says: below the bound no step of a wrong episode is worth one of a right', () => {
    const turns = 6;
    const outcome = { right: 1, wrong: 0, unanswered: -1 };
    const unit = fc.array(fc.constantFrom(1, 0, -1, -2), { maxLength: turns - 1 });
    fc.assert(
      fc.property(
        ...([unit, unit, fc.boolean(), fc.constantFrom(0, 0.2, 1)] as const),
        (good, bad, answers, lambda) => {
          const alpha = 0.0569;
          const worth = (units: number[], last: number, R: number): number[] => {
            const process = [...units.map((u) => u * alpha), last];
            return smooth(discountedReturns(process, R, process.length, 0.95), lambda);
          };
          const least = Math.min(...worth(good, 0, outcome.right));
          const wrong = worth(bad, answers ? 0 : alpha, answers ? 0 : outcome.unanswered);
          expect(least).toBeGreaterThan(Math.max(...wrong));
        },
      ),
      { numRuns: 1000 },
    );
    const { leastRight, greatestWrong } = returnRange(at(0.0569), 0.95, turns);
    expect(leastRight - greatestWrong).toBeLessThan(0.002);
  });
});
