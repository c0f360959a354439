import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cell, Schema, Task } from '../data/task.ts';
import { loadSql, openSandbox } from '../sql/engine.ts';
import type { Outcome } from '../sql/outcome.ts';
import { readCocteTurn, resultText } from './cocte.ts';
import type { Step } from './episode.ts';
import { makeProtocol, type TurnOptions } from './index.ts';
import type { Situation } from './protocol.ts';

const SQL = await loadSql();
const db = new SQL.Database();
db.run('CREATE TABLE song (id INTEGER PRIMARY KEY, title TEXT, year INTEGER)');
db.run("INSERT INTO song VALUES (1,'Oak',1990),(2,'Pine',2001),(3,'Elm',2003),(4,'Ash',2010)");
const box = openSandbox(SQL, db.export());

const schema: Schema = {
  tables: [
    {
      name: 'song',
      columns: ['id', 'title', 'year'].map((name) => ({ name, type: '', primaryKey: false })),
      foreignKeys: [],
    },
  ],
};
const task: Task = {
  id: 't',
  db_id: 'd',
  question: 'Which is the oldest late song?',
  split: 'dev',
};

/** Plays turns as the loop does: read, run, observe. */
function play(
  texts: readonly string[],
  options: Partial<TurnOptions> = {},
): { steps: Step[]; shown: string[] } {
  const protocol = makeProtocol('cocte', { observation_rows: 2, ...options });
  const situation: Situation & { steps: Step[] } = { task, schema, steps: [] };
  const shown: string[] = [];
  texts.forEach((text, i) => {
    const turn = protocol.read(text, situation);
    const step: Step = { start: 0, end: 0, text, ...turn };
    if (turn.sql !== undefined) step.outcome = box.run(turn.sql).outcome;
    situation.steps.push(step);
    if (turn.kind !== 'answer') shown.push(protocol.observe(situation, protocol.maxTurns - 1 - i));
  });
  return { steps: situation.steps, shown };
}

describe('the protocol', () => {
  it('shows the result of every prefix and ends with the final SELECT', () => {
    const { steps, shown } = play([
      'the late songs\na AS (SELECT * FROM song WHERE year > 2000)',
      'the first year\nb AS (SELECT MIN(year) AS y FROM a)',
      'its title\nSELECT title FROM a WHERE year = (SELECT y FROM b)',
    ]);
    expect(steps.map(({ kind }) => kind)).toEqual(['cte', 'cte', 'answer']);
    expect(shown).toEqual([
      "<result> id title year\n2, 'Pine', 2001\n3, 'Elm', 2003\n3 rows</result>\n",
      '<result> y\n2001</result>\n',
    ]);
    expect(steps[2]!.outcome).toMatchObject({ rows: [['Pine']] });
    expect(steps[2]).toMatchObject({ thought: 'its title', thoughtLength: 10 });
  });

  it('shows an error, and forgets the CTE that caused it', () => {
    const { steps, shown } = play([
      'a AS (SELECT wrong FROM song)',
      'a AS (SELECT year FROM song)',
      'SELECT MAX(year) FROM a',
    ]);
    expect(shown[0]).toBe('<result>error: no such column: wrong</result>\n');
    expect(steps[2]!.sql).toBe('WITH a AS (SELECT year FROM song) SELECT MAX(year) FROM a');
    expect(steps[2]!.outcome).toMatchObject({ rows: [[2010]] });
  });

  it('answers a turn that makes no sense, and says when only the answer is left', () => {
    const { steps, shown } = play(['no idea', 'a AS (SELECT 1)'], { max_turns: 3 });
    expect(steps[0]).toMatchObject({ kind: 'think', thought: 'no idea' });
    expect(steps[0]!.sql).toBeUndefined();
    expect(shown).toEqual([
      '<result>error: neither a CTE nor a SELECT</result>\n',
      '<result> 1\n1</result>\nFinal SELECT:\n',
    ]);
  });

  it('can be blind', () => {
    const { shown } = play(['a AS (SELECT 1)'], { blank_observations: true });
    expect(shown).toEqual(['<result></result>\n']);
  });

  it('has its own prompt', () => {
    expect(makeProtocol('cocte').prompt(task, schema, { style: 'compact' })).toBe(
      ' song( id title year)\nQuestion: Which is the oldest late song?\nSteps:\n',
    );
  });

  it('reads anything', () => {
    const kinds = fc.constantFrom('cte', 'think', 'call');
    const outcome = fc.constantFrom<Step['outcome']>(
      undefined,
      { kind: 'error', message: 'x' },
      {
        ...{ kind: 'rows', columns: ['a'], rows: [[1]] },
        ...{ rowCount: 1, truncated: false },
      },
    );
    const step = fc.record({ kind: kinds, text: fc.string(), outcome }) as fc.Arbitrary<Step>;
    fc.assert(
      fc.property(fc.string(), fc.array(step, { maxLength: 4 }), (text, before) => {
        const turn = readCocteTurn(text, before);
        expect(turn.thoughtLength).toBeLessThanOrEqual(text.length);
        if (turn.sql !== undefined) box.run(turn.sql);
      }),
    );
  });
});

describe('resultText', () => {
  const rows = (cells: Cell[][], rowCount = cells.length): Outcome => ({
    ...{ kind: 'rows', columns: ['x'], rows: cells, rowCount, truncated: false },
  });
  const late: Outcome = { kind: 'timeout', limitMs: 5 };

  it.each([
    [rows([]), '<result> x\n0 rows</result>'],
    [rows([[1 / 3], [null]]), '<result> x\n0.333333\nNULL</result>'],
    [rows([['a\nb'], ['c'], ['d']], 50), "<result> x\n'a b'\n'c'\n50+ rows</result>"],
    [late, '<result>error: took too long</result>'],
  ])('%#', (outcome, text) => {
    expect(resultText(outcome, 2, 500)).toBe(text);
  });

  it('is cut', () => {
    const text = resultText(rows([['x'.repeat(900)]]), 3, 30);
    expect(text.length).toBe(30 + '<result></result>'.length);
  });
});
