import { beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../sql/create.ts';
import { loadSql } from '../sql/load.ts';
import { localSqlService } from '../sql/service.ts';
import type { SqlService } from '../sql/outcome.ts';
import { parseOptions } from '../options.ts';
import { findReward } from './index.ts';
import { loadSqlParser } from '../sql/parser.ts';
import { memoryOptions } from './memory.ts';
import { annotateSimilarity, readVerifiedThought } from './score-memory.ts';
import { completionSql, readScoreLine, scoreItems, type ScoreOptions } from './score.ts';

describe('the SQL in a completion', () => {
  it.each([
    ['SELECT 1', 'SELECT 1'],
    ['  SELECT 1;\n', 'SELECT 1;'],
    ['```sql\nSELECT 1\n```', 'SELECT 1'],
    ['First:\n```sql\nSELECT 1\n```\nBetter:\n```\nSELECT 2\n```\nDone.', 'SELECT 2'],
    ['<think>```sql\nSELECT 0\n```</think>SELECT 1', 'SELECT 1'],
    ['<think>nothing</think>', ''],
    ['', ''],
  ])('%j', (completion, sql) => expect(completionSql(completion)).toBe(sql));
});

describe('scoring lines', () => {
  let service: SqlService;
  let database: string;

  beforeAll(async () => {
    const SQL = await loadSql();
    service = localSqlService(SQL);
    const rows = ['Paris', 'Lyon', 'Nice', 'Lille'].map((name) => [name]);
    const bytes = createDatabase(SQL, ['CREATE TABLE city (name TEXT)'], [{ table: 'city', rows }]);
    database = await service.addDatabase(bytes);
  });

  const score = (
    method: string,
    lines: object[],
    options?: object,
    annotate?: ScoreOptions['annotate'],
  ) => {
    const items = lines.map((line, i) => readScoreLine({ db_id: 'd', ...line }, `in:${i + 1}`));
    const found = findReward(method);
    const scoring = { method: found, reward: found.make(options), ...(annotate && { annotate }) };
    return scoreItems(items, () => database, service, scoring);
  };

  it('takes a Chain-of-CTEs apart, runs each prefix and judges the end', async () => {
    const chain = [
      "those with i\na AS (SELECT name FROM city WHERE name LIKE '%i%')",
      'those with s\nb AS (SELECT name FROM a WHERE nom = 1)',
      "those with s\nb AS (SELECT name FROM a WHERE name LIKE '%s')",
      'SELECT name FROM b',
    ];
    const gold = "SELECT name FROM city WHERE name = 'Paris'";
    const line = { question: 'Which?', gold, protocol: 'cocte' };
    const values = [0.5, 0.2, 0.6, 0.9];
    const steps = chain.map((text, i) => ({ text, value: values[i] }));
    const [whole, apart] = await score('execution-match', [
      { ...line, completion: chain.join('\n\n') },
      { ...line, steps },
    ]);
    expect(whole).toMatchObject({ reward: 1 });
    expect(apart).toEqual(whole);
    expect(await score('reward-sql', [{ ...line, steps }])).toMatchObject([{ steps: values }]);
    const { steps: read } = readScoreLine({ db_id: 'd', ...line, steps }, 'in:1');
    expect(read.map(({ kind, thought }) => [kind, thought])).toEqual([
      ['cte', 'those with i'],
      ['cte', 'those with s'],
      ['cte', 'those with s'],
      ['answer', ''],
    ]);
    expect(read[2]!.sql).toMatch(/^WITH a AS \(.*\), b AS \(.*'%s'\) SELECT \* FROM b LIMIT 50$/);
    expect(() => readScoreLine({ db_id: 'd', ...line, protocol: 'x', steps }, 'in:1')).toThrow(
      /^in:1\.protocol: got "x", expected cocte/,
    );
  });

  it('rewards from the answer, the published hack and its guard included', async () => {
    const lines = [
      "SELECT name FROM city WHERE name LIKE 'P%'",
      'SELECT name FROM city',
      'SELEC',
    ].map((completion) => ({ question: 'Which?', answer: 'Paris', completion }));
    expect(await score('execution', lines)).toEqual([
      { reward: 1001, terms: { execution: 1, partial: 0, exact: 1000 }, steps: [] },
      { reward: 101, terms: { execution: 1, partial: 100, exact: 0 }, steps: [] },
      { reward: -100, terms: { execution: -100, partial: 0, exact: 0 }, steps: [] },
    ]);
    const [, guarded] = await score('execution', lines, { precisionGuard: true });
    expect(guarded!.reward).toBeCloseTo(1 + (100 * 2) / 5, 12);
  });

  it('rewards a match with any of several golds', async () => {
    const gold = ["SELECT 'Oslo'", "SELECT 'Bergen'"];
    const lines = [
      { gold, completion: "SELECT 'Bergen'" },
      { gold, completion: "SELECT 'Rome'" },
      { gold: 'SELECT nothing', completion: 'SELECT 1' },
    ];
    expect(await score('grpo', lines)).toEqual([
      { reward: 1, terms: { execution_match: 1 }, steps: [] },
      { reward: 0, terms: { execution_match: 0 }, steps: [] },
      { reward: null, terms: {}, steps: [], error: expect.stringMatching(/gold fails/) as string },
    ]);
  });

  it('judges the last of several turns', async () => {
    const gold = 'SELECT 1';
    const right = { gold, steps: [{ kind: 'think', text: 'hm' }, 'SELECT 2', 'SELECT 1'] };
    const wrong = { gold, steps: ['SELECT 1', 'SELECT 2'] };
    const unfinished = { gold, steps: [{ kind: 'call', text: 'SELECT 1' }] };
    const rewards = (await score('grpo', [right, wrong, unfinished])).map(({ reward }) => reward);
    expect(rewards).toEqual([1, 0, 0]);
  });

  it('gives steps their process rewards: calls, thoughts and values', async () => {
    const call = (sql: string) => ({
      ...{ kind: 'call', text: `<think>so</think><call>query ${sql}</call>` },
      call: { tool: 'query', args: [sql] },
    });
    const steps = [
      { text: '<think>so</think>', call: { tool: 'list', args: [] } },
      call('SELECT name FROM city'),
      call('select name  FROM city;'),
      call("SELECT name FROM city WHERE name = 'Rome'"),
      call('SELECT nam FROM city'),
      { text: '<think>so</think>list tables', call: null },
      { text: '<think>so</think>SELECT 4' },
    ];
    const gold = 'SELECT count(*) FROM city';
    const [scored] = await score('finestep', [{ gold, steps }]);
    expect(scored).toMatchObject({
      reward: 1,
      steps: [0.02, 0.02, -0.04, 0, -0.02, -0.04, 0],
      terms: { outcome: 1, process: expect.closeTo(-0.06, 12) as number },
    });
    const [thoughtful, thoughtless] = await score('skyrl', [
      { gold, steps },
      { gold, steps: [...steps.slice(0, 1), { text: 'SELECT 4' }] },
    ]);
    expect([thoughtful!.reward, thoughtless!.reward]).toEqual([1, -1]);
    const chain = [
      { kind: 'cte', text: 'all cities', sql: 'SELECT * FROM city', value: 0.75 },
      { text: 'SELECT 4', value: 0.5 },
    ];
    expect(await score('reward-sql', [{ gold, steps: chain }])).toEqual([
      { reward: 1, terms: { outcome: 1, process: 0.625 }, steps: [0.75, 0.5] },
    ]);
    await expect(score('reward-sql', [{ gold, steps }])).rejects.toThrow(
      /^in:1\.steps\[0\]\.value: got null, expected a probability/,
    );
  });

  describe('FINER-SQL', () => {
    beforeAll(() => loadSqlParser());
    const thought =
      'The names of all cities are wanted, so the table city is needed with its column name; no city is left out, ' +
      'and the order does not matter.';
    const think = (sql: string, about = thought) => `<think>${about}</think>\n${sql}`;
    const gold = 'SELECT name FROM city';
    const lines = [
      think('SELECT c.NAME FROM city AS c'),
      think("SELECT name FROM city WHERE name = 'Nice'"),
      think('SELECT nam FROM city'),
      think('SELECT 1'),
      'SELECT name FROM city',
      think('SELECT name FROM city', 'too short'),
      think(''),
    ].map((completion) => ({ gold, completion }));

    it('pays 4, 2 + a, 1, 2 and 0 (papers.md §2.3, no memory)', async () => {
      const paid = await score('finer', lines);
      // Two of three operations shared: J = 2/3.
      const a = 0.05 * (2 / 3) + 0.95 * 0.79 * Math.pow(2 / 3, 0.2);
      const expected = [4, 2 + a, 1, 2, 0, 0, 0];
      paid.forEach(({ reward }, i) => expect(reward).toBeCloseTo(expected[i]!, 10));
      expect(paid[0]!.terms).toEqual({ format: 1, execution: 2, atomic: 0, memory: 1 });
      expect(
        (await score('finer', lines, { variant: 'sparse' })).map(({ reward }) => reward),
      ).toEqual([...[1, 0, 0, 0, 0, 0, 0]]);
    });

    it('compares thoughts with verified ones about other databases', async () => {
      const about = (scope: string, db_id: string) => {
        const known = [
          readVerifiedThought({ thought, db_id }, 'memory:1'),
          readVerifiedThought({ thought, db_id }, 'memory:2'),
        ];
        const options = parseOptions(memoryOptions, { embedder: 'n-grams', scope }, 'thoughts');
        return annotateSimilarity(known, options);
      };
      const memory = async (...known: Parameters<typeof about>) =>
        (await score('finer', lines, {}, await about(...known))).map(
          ({ terms }) => terms['memory'],
        );
      const same = await memory('other_db', 'other');
      [1, 1, 1, 1, 0, 0, 0].forEach((cosine, i) => expect(same[i]).toBeCloseTo(cosine, 6));
      expect((await memory('other_db', 'd')).slice(0, 4)).toEqual([1, 0, 0, 0]);
      expect((await memory('all', 'd'))[3]).toBeCloseTo(1, 6);
      await expect(
        annotateSimilarity([], parseOptions(memoryOptions, {}, 'thoughts')),
      ).rejects.toThrow(/thoughts\.embedder: got "policy", expected n-grams or sentence/);
      expect(() => readVerifiedThought({ thought }, 'memory:3')).toThrow(/^memory:3\.db_id/);
    });
  });

  it('names line and field of what is malformed', () => {
    const read = (line: unknown) => () => readScoreLine(line, 'in:7');
    expect(read(3)).toThrow(/^in:7: got 3, expected an object/);
    expect(read({ db_id: 'd', completion: '' })).toThrow(/^in:7\.gold: got null/);
    expect(read({ db_id: 'd', gold: 'x' })).toThrow(/^in:7\.completion: got null/);
    expect(read({ db_id: 'd', gold: 'x', completion: 5 })).toThrow(/^in:7\.completion: got 5/);
    expect(read({ gold: 'x', completion: '' })).toThrow(/^in:7\.db_id: got null/);
    expect(read({ db_id: 'd', gold: 'x', steps: [{ kind: 'act', text: '' }] })).toThrow(
      /^in:7\.steps\[0\]\.kind: got "act", expected one of think, call, cte, answer/,
    );
    const turns = (step: object) => read({ db_id: 'd', gold: 'x', steps: [step] });
    expect(turns({ text: '', call: {} })).toThrow(/^in:7\.steps\[0\]\.call\.tool: got null/);
    expect(turns({ text: '', value: 2 })).toThrow(/^in:7\.steps\[0\]\.value: got 2/);
    expect(turns({ text: '', sql: 1 })).toThrow(/^in:7\.steps\[0\]\.sql: got 1/);
    expect(read({ db_id: 'd', answer: [[true]], completion: '' })).toThrow(/^in:7\.answer/);
  });
});
