import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cell, Task } from '../data/task.ts';
import type { Episode, Step } from '../episode/episode.ts';
import { compareRows } from '../sql/compare.ts';
import type { Outcome } from '../sql/outcome.ts';
import { findReward, rewards, supervise } from './index.ts';
import { localRewards } from './service.ts';

const task: Task = { id: 't', db_id: 'd', question: '?', answer: [['Paris']], split: 'train' };

function episode(step: Pick<Step, 'outcome' | 'comparison'> | undefined): Episode {
  return {
    task,
    tokens: new Int32Array(1),
    mask: new Uint8Array([1]),
    logProbs: new Float32Array(1),
    entropies: new Float32Array(1),
    terminated: true,
    text: '',
    steps: step ? [{ kind: 'answer', start: 0, end: 1, text: '', ...step }] : [],
  };
}

const rows = (cells: Cell[]): Outcome => ({
  kind: 'rows',
  columns: ['c'],
  rows: cells.map((cell) => [cell]),
  rowCount: cells.length,
  truncated: false,
});

/** An episode whose one-column result is compared as the SQL worker compares. */
function answered(gold: string[], prediction: string[]): Episode {
  const column = (cells: string[]) => cells.map((cell) => [cell]);
  const comparison = compareRows(column(prediction), column(gold), false);
  return episode({ outcome: rows(prediction), comparison });
}

const failures: Record<string, Episode> = {
  error: episode({ outcome: { kind: 'error', message: 'no such table: x' } }),
  timeout: episode({ outcome: { kind: 'timeout', limitMs: 2000 } }),
  refused: episode({ outcome: { kind: 'refused', reason: 'ATTACH' } }),
  'no SQL in the answer': episode({}),
  'no answer': episode(undefined),
};

describe('execution (2506.06093)', () => {
  const paper = rewards['execution']!.make();
  const guarded = rewards['execution']!.make({ precisionGuard: true });

  it('pays 1 + 1000 for an exact match', () => {
    expect(paper(answered(['Paris'], ['Paris']))).toEqual({
      total: 1001,
      terms: { execution: 1, partial: 0, exact: 1000 },
      steps: [],
    });
  });

  it('pays 1 + 100 · recall for a partial result', () => {
    expect(paper(answered(['a', 'b', 'c', 'd'], ['a', 'x', 'y'])).total).toBe(26);
    expect(paper(answered(['a'], ['b'])).total).toBe(1);
  });

  it.each(Object.entries(failures))('pays −100: %s', (_, failed) => {
    expect(paper(failed)).toEqual({
      total: -100,
      terms: { execution: -100, partial: 0, exact: 0 },
      steps: [],
    });
  });

  it('pays the published hack 101, and 1 + 100 · 2 / (n + 1) with the precision guard', () => {
    for (const n of [2, 10, 400]) {
      const everyCity = Array.from({ length: n }, (_, i) => (i ? `city ${i}` : 'Paris'));
      expect(paper(answered(['Paris'], everyCity)).total).toBe(101);
      expect(guarded(answered(['Paris'], everyCity)).total).toBeCloseTo(1 + 200 / (n + 1), 10);
    }
  });

  it('treats repeated values as over-broad', () => {
    const repeated = answered(['Paris'], ['Paris', 'Paris', 'Paris']);
    expect(paper(repeated).total).toBe(101);
    expect(guarded(repeated).total).toBeCloseTo(51, 10);
  });

  it('pays SELECT 1 for executing only', () => {
    expect(paper(answered(['Paris'], ['1'])).total).toBe(1);
    expect(guarded(answered(['Paris'], ['1'])).total).toBe(1);
  });

  it('pays nothing partial for rows where the answer is empty', () => {
    expect(paper(answered([], ['1'])).total).toBe(1);
    expect(guarded(answered([], ['1'])).total).toBe(1);
    expect(paper(answered([], [])).total).toBe(1001);
  });

  it('is missing when the result could not be compared', () => {
    expect(paper(episode({ outcome: rows(['a']) })).total).toBeNaN();
  });

  it('refuses options that would let a wrong answer win, naming field and value', () => {
    const make = (options: object) => () => rewards['execution']!.make(options);
    expect(make({ partial: 1000 })).toThrow(
      /^reward\.execution\.partial: got 1000, expected less than `exact`/,
    );
    expect(make({ error: 2 })).toThrow(
      /^reward\.execution\.error: got 2, expected at most `executes`/,
    );
    expect(make({ partial: -1 })).toThrow(/reward\.execution\.partial: got -1/);
    expect(make({ exact: '1000' })).toThrow(
      /reward\.execution\.exact: got "1000", expected number/,
    );
    expect(make({ exact: NaN })).toThrow(/reward\.execution\.exact/);
    expect(make({ bonus: 1 })).toThrow(
      /reward\.execution\.bonus: .*error, executes, partial, exact, precisionGuard/,
    );
  });
});

describe('execution match', () => {
  it('is 1 or 0 by the chosen comparison', () => {
    const repeated = answered(['a'], ['a', 'a']);
    expect(rewards['execution-match']!.make()(repeated)).toEqual({
      total: 1,
      terms: { execution_match: 1 },
      steps: [],
    });
    for (const comparison of ['spider', 'exact']) {
      expect(rewards['execution-match']!.make({ comparison })(repeated).total).toBe(0);
    }
    expect(() => rewards['execution-match']!.make({ comparison: 'em' })).toThrow(
      /reward\.execution-match\.comparison: got "em", expected .*bird/,
    );
  });

  it.each(Object.entries(failures))('is 0: %s', (_, failed) => {
    expect(rewards['execution-match']!.make()(failed).total).toBe(0);
  });

  it('is missing when the result could not be compared', () => {
    expect(rewards['execution-match']!.make()(episode({ outcome: rows(['a']) })).total).toBeNaN();
  });
});

const cells = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 5 });

describe('execution with any options that are allowed', () => {
  const options = fc.record(
    {
      error: fc.integer({ min: -2000, max: 2000 }),
      executes: fc.integer({ min: -2000, max: 2000 }),
      partial: fc.double({ min: -10, max: 2000, noNaN: true }),
      exact: fc.double({ min: -10, max: 2000, noNaN: true }),
      precisionGuard: fc.boolean(),
    },
    { requiredKeys: [] },
  );

  it('never lets a wrong answer outscore or equal a right one', () => {
    fc.assert(
      fc.property(options, cells, cells, cells, (chosen, gold, prediction, otherGold) => {
        let reward;
        try {
          reward = rewards['execution']!.make(chosen);
        } catch {
          return;
        }
        const right = reward(answered(otherGold, otherGold)).total;
        for (const failed of Object.values(failures)) {
          expect(reward(failed).total).toBeLessThan(right);
        }
        const judged = answered(gold, prediction);
        if (!judged.steps[0]!.comparison!.exact) {
          expect(reward(judged).total).toBeLessThan(right);
        }
      }),
    );
  });
});

describe('the registry', () => {
  it('finds rewards by name and alias, and lists them otherwise', () => {
    expect(findReward('execution')).toBe(rewards['execution']);
    expect(findReward('grpo')).toBe(rewards['execution-match']);
    expect(() => findReward('toString')).toThrow(
      /reward: got "toString", expected one of execution-match, execution, /,
    );
  });

  it('supervises by what the method prefers and the task has', () => {
    const both = { ...task, gold: ['SELECT 1'] };
    expect(supervise(rewards['execution-match']!, both)).toEqual({ gold: ['SELECT 1'] });
    expect(supervise(rewards['execution-match']!, task)).toEqual({ answer: [['Paris']] });
    expect(supervise(rewards['execution']!, both)).toEqual({ answer: [['Paris']] });
    const bare: Task = { id: 't', db_id: 'd', question: '?', split: 'train' };
    expect(() => supervise(rewards['execution']!, bare)).toThrow(/task t: .*answer or gold/);
  });
});

describe('localRewards', () => {
  it('scores in order, options that are missing having their defaults', async () => {
    const episodes = [answered(['a'], ['a']), answered(['a'], ['b'])];
    const totals = async (name: string, options?: object): Promise<number[]> =>
      (await localRewards.score({ name, options }, episodes)).map(({ total }) => total);
    expect(await totals('execution-match')).toEqual([1, 0]);
    expect(await totals('execution')).toEqual([1001, 1]);
    expect(await totals('execution', { exact: 500 })).toEqual([501, 1]);
  });

  it('rejects what findReward refuses', async () => {
    await expect(localRewards.score({ name: 'luck' }, [])).rejects.toThrow(/^reward: got "luck"/);
  });
});
