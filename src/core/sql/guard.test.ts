import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { onlyTrivia, ordersRows, refusal, removeDistinct } from './guard.ts';

describe('refusal', () => {
  it.each([
    'SELECT 1',
    'select 1;',
    ' ;; -- note\n /* x */ WITH a AS (SELECT 1) SELECT * FROM a',
    'VALUES (1)',
    'EXPLAIN SELECT 1',
    'explain query plan select 1',
    'SELECT \'DELETE\', "update", [insert] FROM t',
    "SELECT replace('a', 'b', 'c')",
    'SELECT 1 -- DELETE',
  ])('lets %s through', (sql) => {
    expect(refusal(sql, 1000)).toBeNull();
  });

  it.each([
    '',
    ' \n;',
    '-- only a comment',
    '/* unfinished SELECT 1',
    'DELETE FROM t',
    'PRAGMA query_only=0',
    'EXPLAIN PRAGMA query_only=0',
    'EXPLAIN QUERY PLAN PRAGMA query_only=0',
    'EXPLAIN EXPLAIN DELETE FROM t',
    "ATTACH ':memory:' AS x",
    'BEGIN',
    'SAVEPOINT a',
    'VACUUM INTO x',
    'WITH a AS (SELECT 1) DELETE FROM t',
    'WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a',
    'WITH a AS (SELECT 1) UPDATE t SET b = 1',
    "SELECT * FROM pragma_table_info('t')",
    'SELECT * FROM "Pragma_query_only"',
    "SELECT * FROM 'pragma_query_only'",
    'SELECT 1; SELECT 2',
    "SELECT 1 ; ';'",
    'SELECT 1\0',
    '\u00a0SELECT 1',
    `SELECT ${'1'.repeat(1000)}`,
  ])('refuses %j', (sql) => {
    expect(refusal(sql, 1000)).toEqual(expect.any(String));
  });

  it('is total', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (sql) => {
        refusal(sql, 1000);
        onlyTrivia(sql);
        expect(removeDistinct(sql).length).toBeLessThanOrEqual(sql.length);
      }),
    );
  });
});

it('onlyTrivia sees what would be another statement', () => {
  expect(onlyTrivia(' ; /* a */ -- b\n;')).toBe(true);
  expect(onlyTrivia('; SELECT 1')).toBe(false);
  expect(onlyTrivia("';'")).toBe(false);
});

it('ordersRows looks at the top level only', () => {
  expect(ordersRows('SELECT a FROM t ORDER\nBY a')).toBe(true);
  expect(ordersRows('SELECT a FROM t UNION SELECT b FROM u order /* x */ by 1')).toBe(true);
  expect(ordersRows('SELECT a FROM (SELECT a FROM t ORDER BY a LIMIT 1)')).toBe(false);
  expect(ordersRows("SELECT 'order by', rank() OVER (ORDER BY a) FROM t")).toBe(false);
});

it('removeDistinct leaves names and text alone', () => {
  expect(removeDistinct('SELECT DISTINCT a, count(distinct b) FROM t')).toBe(
    'SELECT  a, count( b) FROM t',
  );
  expect(removeDistinct('SELECT \'distinct\', "distinct" FROM t')).toBe(
    'SELECT \'distinct\', "distinct" FROM t',
  );
});
