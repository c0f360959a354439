import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Episode } from '../episode/episode.ts';
import { thinkText } from '../episode/think.ts';
import type { Comparison, Outcome } from '../sql/outcome.ts';
import { loadSqlParser } from '../sql/parser.ts';
import { formattedThought, passesFormatGate } from './format.ts';
import { findReward } from './index.ts';

beforeAll(() => loadSqlParser());

const GOLD = "SELECT name FROM singer WHERE country = 'France'";
const THOUGHT =
  'The question asks for names of singers from France, so singer.name is needed and singer.country has to be France.';

const ROWS: Outcome = { kind: 'rows', columns: ['n'], rows: [], rowCount: 0, truncated: false };

interface Written {
  sql?: string;
  /** Whole text; by default the thought and the SQL. */
  text?: string;
  thought?: string;
  /** How the query ended. */
  result: 'right' | 'wrong' | 'error' | 'timeout' | 'gold fails';
  similarity?: number;
  gold?: string[];
}

function written({ sql = GOLD, thought = THOUGHT, result, ...rest }: Written): Episode {
  const { text = thinkText(thought, sql), similarity, gold = [GOLD] } = rest;
  const same = result === 'right' ? 1 : 0;
  const comparison: Comparison = {
    ...{ bird: same === 1, spider: same === 1, exact: same === 1 },
    ...{ recall: same, f1: same, softF1: same, qatch: same },
  };
  const outcomes: Record<Written['result'], Outcome> = {
    right: ROWS,
    wrong: ROWS,
    'gold fails': ROWS,
    error: { kind: 'error', message: 'no such column' },
    timeout: { kind: 'timeout', limitMs: 2000 },
  };
  const outcome = outcomes[result];
  const judged = result === 'right' || result === 'wrong';
  return {
    task: { id: 't', db_id: 'd', question: '?', gold, split: 'train' },
    ...{ tokens: new Int32Array(1), mask: new Uint8Array([1]) },
    ...{ logProbs: new Float32Array(1), entropies: new Float32Array(1), terminated: true },
    text,
    steps: [
      { kind: 'answer', start: 0, end: 1, text, sql, outcome, ...(judged && { comparison }) },
    ],
    ...(similarity !== undefined && { similarity }),
  };
}

const finer = (options?: object) => findReward('finer').make(options);
const reward = finer();

describe('the format gate', () => {
  const long = 'x'.repeat(101);
  it.each([
    ['a thought, then SQL', `<think>${long}</think>SELECT 1`, true],
    ['white space around', `\n <think>\n${long}\n</think>\n\nSELECT 1\n`, true],
    ['100 characters', `<think>${'x'.repeat(100)}</think>SELECT 1`, false],
    [
      '100 characters and padding',
      `<think>${'x'.repeat(100)}${' '.repeat(50)}</think>SELECT 1`,
      false,
    ],
    ['text before', `Sure! <think>${long}</think>SELECT 1`, false],
    ['two opening tags', `<think><think>${long}</think>SELECT 1`, false],
    ['two thoughts', `<think>${long}</think><think>${long}</think>SELECT 1`, false],
    ['two closing tags', `<think>${long}</think></think>SELECT 1`, false],
    ['wrong order', `</think>${long}<think>SELECT 1`, false],
    ['no closing tag', `<think>${long} SELECT 1`, false],
    ['no opening tag', `${long}</think>SELECT 1`, false],
    ['no SQL', `<think>${long}</think> \n`, false],
    ['no thought', 'SELECT 1', false],
    ['an empty thought', '<think></think>SELECT 1', false],
    ['nothing', '', false],
  ])('%s', (_, text, passes) => {
    expect(passesFormatGate(text, 100)).toBe(passes);
  });

  it('reads the thought without the space around it', () => {
    expect(formattedThought('<think> a b\n</think> SELECT 1')).toBe('a b');
    expect(formattedThought('SELECT 1')).toBeUndefined();
  });
});

describe('FINER-SQL', () => {
  it('pays 4 for a right answer, whatever its thought is like', () => {
    const terms = { format: 1, execution: 2, atomic: 0, memory: 1 };
    for (const similarity of [undefined, -1, 0.3, 1]) {
      const episode = written({ result: 'right', ...(similarity !== undefined && { similarity }) });
      expect(reward(episode)).toEqual({ total: 4, terms, steps: [] });
    }
  });

  it('pays at most 3.8005 for a wrong answer that runs', () => {
    const { total, terms } = reward(written({ result: 'wrong', similarity: 1 }));
    expect(total).toBeCloseTo(3.8005, 10);
    expect(terms['atomic']).toBeCloseTo(0.8005, 10);
  });

  it('pays by shared operations and by the cosine of the thought', () => {
    // Of 4 operations in all the two share 2: J = 0.5.
    const sql = "SELECT name FROM singer WHERE country = 'Spain'";
    const { total, terms } = reward(written({ sql, result: 'wrong', similarity: 0.7 }));
    expect(terms).toMatchObject({ format: 1, execution: 1, memory: 0.7 });
    expect(terms['atomic']).toBeCloseTo(0.67835, 5);
    expect(total).toBeCloseTo(3.37835, 5);
  });

  it('pays at most 2 for what does not run', () => {
    expect(reward(written({ result: 'error', similarity: 1 })).total).toBe(2);
    expect(reward(written({ result: 'timeout', similarity: 0.25 })).total).toBe(1.25);
  });

  it('pays 3, 2.8005 and 1 without memory', () => {
    const without = finer({ memory: false });
    expect(without(written({ result: 'right' })).total).toBe(3);
    expect(without(written({ result: 'wrong', similarity: 1 })).total).toBeCloseTo(2.8005, 10);
    expect(without(written({ result: 'error', similarity: 1 })).total).toBe(1);
  });

  it('pays nothing atomic when that is off, or without gold SQL', () => {
    expect(finer({ atomic: false })(written({ result: 'wrong' })).total).toBe(2);
    expect(reward(written({ result: 'wrong', gold: [] })).total).toBe(2);
  });

  it('takes the gold that shares most', () => {
    const gold = ['SELECT max(age) FROM song', GOLD];
    expect(reward(written({ result: 'wrong', gold })).total).toBeCloseTo(2.8005, 10);
  });

  it('compares only thoughts of more than 30 characters', () => {
    const any = finer({ minThoughtCharacters: 0 });
    const memory = (thought: string) =>
      any(written({ thought, result: 'wrong', similarity: 0.5 })).terms['memory'];
    expect(memory('x'.repeat(30))).toBe(0);
    expect(memory('x'.repeat(31))).toBe(0.5);
    expect(any(written({ thought: 'x', result: 'right' })).total).toBe(4);
  });

  it('is sparse when asked: format times match', () => {
    const sparse = finer({ variant: 'sparse' });
    expect(sparse(written({ result: 'right' }))).toEqual({
      ...{ total: 1, terms: { execution: 1 }, steps: [] },
    });
    expect(sparse(written({ result: 'wrong', similarity: 1 })).total).toBe(0);
    expect(sparse(written({ result: 'right', thought: 'short' })).total).toBe(0);
    expect(sparse(written({ result: 'gold fails' })).total).toBeNaN();
  });

  it('is missing when the gold fails', () => {
    expect(reward(written({ result: 'gold fails' })).total).toBeNaN();
  });

  it('refuses weights that let a wrong answer win', () => {
    expect(() => finer({ atomicWeight: 1.25 })).toThrow(
      /^reward\.finer\.atomicWeight: got 1\.25, expected .*below `executionWeight`/,
    );
    expect(() => finer({ executionWeight: 0 })).toThrow(/executionWeight/);
    expect(() => finer({ executionWeight: 0.5 })).toThrow(/atomicWeight/);
    expect(() => finer({ minThoughtCharacters: -1 })).toThrow(/minThoughtCharacters/);
  });

  it('pays a right answer more than any wrong one, with any weights it accepts', () => {
    const amount = fc.double({ min: 0, max: 5, noNaN: true });
    const options = fc.record({
      ...{ formatWeight: amount, executionWeight: amount, atomicWeight: amount },
      ...{ memoryWeight: amount, memory: fc.boolean(), atomic: fc.boolean() },
      atomicLinear: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const cosine = fc.double({ min: -1, max: 1, noNaN: true });
    const wrong = fc.constantFrom<Written['result']>('wrong', 'error', 'timeout');
    const sql = fc.constantFrom(GOLD, 'SELECT 1', 'SELECT name FROM singer', 'SELEC');
    fc.assert(
      fc.property(options, wrong, sql, cosine, cosine, (chosen, result, sql, similarity, other) => {
        let reward;
        try {
          reward = finer(chosen);
        } catch {
          return;
        }
        const right = reward(written({ result: 'right', similarity: other })).total;
        expect(reward(written({ result, sql, similarity })).total).toBeLessThan(right);
      }),
    );
  });
});

describe('the hacks', () => {
  it('think padding: a long thought of nothing earns the format, and memory only where it resembles', () => {
    const padded = written({
      thought: 'ok '.repeat(500),
      sql: 'SELECT 1',
      result: 'wrong',
      similarity: 0,
    });
    expect(reward(padded).total).toBeLessThan(2.5);
    expect(reward(written({ thought: ' '.repeat(500), result: 'right' })).total).toBe(0);
  });

  it('SELECT 1 earns what running earns', () => {
    const { terms } = reward(written({ sql: 'SELECT 1', result: 'wrong' }));
    expect(terms).toEqual({ format: 1, execution: 1, atomic: 0, memory: 0 });
  });

  it('an empty result matches an empty gold: such tasks are left out of training', () => {
    // What the reward cannot know, data does (train/answerable.ts).
    expect(reward(written({ sql: 'SELECT 1 WHERE 0', result: 'right' })).total).toBe(4);
  });

  it('two thoughts and a thought outside its tags earn nothing, right or wrong', () => {
    const twice = `<think>${THOUGHT}</think>${thinkText(THOUGHT, GOLD)}`;
    const outside = `${THOUGHT}${thinkText('x', GOLD)}`;
    for (const text of [twice, outside]) {
      for (const result of ['right', 'wrong'] as const) {
        expect(reward(written({ text, result, similarity: 1 })).total).toBe(0);
      }
    }
  });

  it('a copied thought earns at most 1, and never as much as a right answer', () => {
    const copied = written({ sql: 'SELECT 1', result: 'wrong', similarity: 1 });
    expect(reward(copied).total).toBe(3);
  });

  it('an over-broad query earns its operations, not its rows', () => {
    const broad = written({ sql: 'SELECT name FROM singer', result: 'wrong' });
    expect(reward(broad).total).toBeCloseTo(
      2 + 0.05 * (2 / 3) + 0.95 * 0.79 * Math.pow(2 / 3, 0.2),
      10,
    );
    // Naming every clause there may be makes the union large.
    const everything = `${GOLD} OR 1 = 1 GROUP BY a, b, c, d ORDER BY e, f LIMIT 100 OFFSET 0`;
    expect(reward(written({ sql: everything, result: 'wrong' })).total).toBeLessThan(2.65);
  });
});
