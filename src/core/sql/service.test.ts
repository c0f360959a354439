import { beforeAll, describe, expect, it } from 'vitest';
import type { SqlJsStatic } from 'sql.js';
import { createDatabase } from './create.ts';
import { loadSql } from './engine.ts';
import type { SqlService } from './outcome.ts';
import { localSqlService, sqlJsEngine, SqlWorkerCore } from './service.ts';

let SQL: SqlJsStatic;
let service: SqlService;
let main: string;
let variant: string;

const people = (rows: [string, number][]): Uint8Array =>
  createDatabase(
    SQL,
    ['CREATE TABLE person (name TEXT, age INTEGER)'],
    [{ table: 'person', rows }],
  );

beforeAll(async () => {
  SQL = await loadSql();
  service = localSqlService(SQL);
  main = await service.addDatabase(
    people([
      ['Ada', 36],
      ['Alan', 41],
    ]),
  );
  variant = await service.addDatabase(
    people([
      ['Ada', 50],
      ['Alan', 20],
      ['Kurt', 71],
    ]),
  );
});

describe('localSqlService', () => {
  it('answers in the order of the requests', async () => {
    const results = await service.execute([
      { database: main, sql: 'SELECT count(*) FROM person' },
      { database: variant, sql: 'SELECT count(*) FROM person' },
      { database: main, sql: 'DROP TABLE person' },
    ]);
    expect(results.map(({ outcome }) => outcome.kind === 'rows' && outcome.rows)).toEqual([
      [[2]],
      [[3]],
      false,
    ]);
    expect(results.every((result) => result.comparison === undefined)).toBe(true);
  });

  it('compares with gold and takes the best of several', async () => {
    const sql = 'SELECT name FROM person WHERE age > 40';
    const [one, both, ordered] = await service.execute([
      { database: main, sql, gold: ['SELECT name FROM person WHERE age > 30'] },
      { database: main, sql, gold: ['SELECT 1', "SELECT 'Alan'"] },
      {
        database: main,
        sql: 'SELECT name FROM person ORDER BY age DESC',
        gold: ['SELECT name FROM person ORDER BY age'],
      },
    ]);
    expect(one!.comparison).toMatchObject({ bird: false, recall: 0.5, exact: false });
    expect(both!.comparison).toMatchObject({ bird: true, spider: true, exact: true });
    expect(ordered!.comparison).toMatchObject({ bird: true, spider: false });
  });

  it('compares with answer rows', async () => {
    const [result] = await service.execute([
      { database: main, sql: 'SELECT max(age) FROM person', answer: [['41']] },
    ]);
    expect(result!.comparison).toMatchObject({ exact: true, bird: false });
  });

  it('marks gold that fails and never lets it match', async () => {
    const [result] = await service.execute([
      { database: main, sql: 'SELECT nope', gold: ['SELECT nope'] },
    ]);
    expect(result!.goldError).toBe('gold fails: no such column: nope');
    expect(result!.comparison).toBeUndefined();
  });

  it('asks for a match on every variant', async () => {
    const gold = ['SELECT name FROM person WHERE age > 40'];
    const results = await service.execute(
      [
        "SELECT name FROM person WHERE name = 'Alan'",
        'SELECT name FROM person WHERE age >= 41',
      ].map((sql) => ({ database: main, sql, gold, variants: [variant] })),
    );
    expect(results.map(({ comparison }) => comparison!.spider)).toEqual([true, true]);
    expect(results.map(({ comparison }) => comparison!.testSuite)).toEqual([false, true]);
  });

  it('names an unknown database', async () => {
    await expect(service.execute([{ database: 'x', sql: 'SELECT 1' }])).rejects.toThrow(
      /^database:/,
    );
  });
});

describe('SqlWorkerCore', () => {
  it('announces what runs, runs gold once, and takes known outcomes instead of running', () => {
    const core = new SqlWorkerCore(sqlJsEngine(SQL), { now: () => 0, timeLimitMs: 100 });
    core.addDatabase('db', people([['Ada', 36]]));
    const ran: string[] = [];
    core.hooks.onStart = (_database, sql) => ran.push(sql);
    core.setOutcome('db', 'SELECT slow', { kind: 'timeout', limitMs: 100 });
    const gold = ['SELECT 36'];
    core.execute({ database: 'db', sql: 'SELECT age FROM person', gold });
    core.execute({ database: 'db', sql: 'SELECT 36', gold });
    expect(ran).toEqual(['SELECT age FROM person', 'SELECT 36', 'SELECT 36']);
    expect(core.execute({ database: 'db', sql: 'SELECT slow' }).outcome.kind).toBe('timeout');
    expect(core.execute({ database: 'db', sql: 'SELECT 1', gold: ['SELECT slow'] }).goldError).toBe(
      'gold takes longer than 100 ms',
    );
    expect(ran).toHaveLength(4);
    core.close();
  });

  it('reports a query that came back too late as a timeout', () => {
    let time = 0;
    const core = new SqlWorkerCore(sqlJsEngine(SQL), { now: () => (time += 60), timeLimitMs: 50 });
    core.addDatabase('db', people([]));
    const late: string[] = [];
    core.hooks.onTimeout = (_database, sql) => late.push(sql);
    expect(core.execute({ database: 'db', sql: 'SELECT 1' }).outcome.kind).toBe('timeout');
    expect(late).toEqual(['SELECT 1']);
    core.close();
  });
});
