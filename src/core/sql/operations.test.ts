import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { atomicOperations } from './operations.ts';
import { loadSqlParser, type SqlParser } from './parser.ts';

let parser: SqlParser;
beforeAll(async () => {
  parser = await loadSqlParser();
});

const operations = (sql: string): string[] => [...atomicOperations(sql, parser)].sort();

describe('the operations of a query', () => {
  it('are its clauses, tables under canonical aliases', () => {
    expect(
      operations(
        'SELECT t1.name, count(*) AS c FROM Singer AS t1 LEFT JOIN concert t2 ON t2.sid = t1.id ' +
          'AND t2.x > 3 WHERE t2.year > 2014 AND 5 < t1.age AND (a = 1 OR NOT b = 2) ' +
          'GROUP BY t1.name HAVING count(*) > 1 ORDER BY c DESC LIMIT 3 OFFSET 2',
      ),
    ).toEqual([
      'FROM(singer AS T1)',
      'GROUP_BY(name)',
      'HAVING_PRED(>, COUNT(*), VALUE(1))',
      'JOIN(concert AS T2, LEFT)',
      'LIMIT(3)',
      'OFFSET(2)',
      'ON_EQ(T1.id, T2.sid)',
      'ON_PRED(>, T2.x, VALUE(3))',
      'ORDER_BY(COUNT(*), DESC)',
      'SELECT_AGG(COUNT, *)',
      'SELECT_COL(name)',
      'WHERE_PRED(>, age, VALUE(5))',
      'WHERE_PRED(>, year, VALUE(2014))',
      'WHERE_PRED_TREE(OR(NOT(PRED(=, b, VALUE(2))), PRED(=, a, VALUE(1))))',
    ]);
  });

  it('include the bodies of common table expressions and subqueries', () => {
    expect(
      operations(
        'WITH a(x) AS (SELECT max(q) / count(*) FROM t) SELECT x, s.m FROM a, ' +
          '(SELECT DISTINCT min(z) AS m FROM u) AS s WHERE x IN (SELECT k FROM v) ' +
          'AND NOT EXISTS (SELECT 1 FROM w) AND y > (SELECT avg(y) FROM p)',
      ),
    ).toEqual([
      'DISTINCT',
      'ENTER_SUBQUERY(EXISTS)',
      'ENTER_SUBQUERY(FROM)',
      'ENTER_SUBQUERY(IN)',
      'ENTER_SUBQUERY(SCALAR)',
      'FROM(C1 AS T1)',
      'FROM(SUBQUERY AS T2)',
      ...['p', 't', 'u', 'v', 'w'].map((table) => `FROM(${table} AS T1)`),
      'SELECT_AGG(AVG, y)',
      'SELECT_AGG(MIN, z)',
      'SELECT_COL(DIV(MAX(q), COUNT(*)))',
      'SELECT_COL(MIN(z))',
      'SELECT_COL(k)',
      'SELECT_EXPR(DIV(MAX(q), COUNT(*)))',
      'SELECT_EXPR(VALUE(1))',
      'WHERE_PRED(>, y, SUBQUERY)',
      'WHERE_PRED(IN, DIV(MAX(q), COUNT(*)), SUBQUERY)',
      'WHERE_PRED(NOT EXISTS, SUBQUERY)',
      'WITH_CTE(C1)',
    ]);
  });

  it.each([
    ['SELECT sum(y) / count(*) FROM t', 'SELECT_EXPR(DIV(SUM(y), COUNT(*)))'],
    ['SELECT count(DISTINCT t.a) FROM t', 'SELECT_AGG(COUNT, DISTINCT a)'],
    ['SELECT max(a, b) FROM t', 'SELECT_EXPR(MAX(a, b))'],
    ['SELECT t.* FROM t', 'SELECT_COL(*)'],
    ['SELECT rank() OVER (PARTITION BY a ORDER BY b DESC) FROM t', 'SELECT_WIN(RANK())'],
    ['SELECT sum(a) OVER w FROM t WINDOW w AS (ORDER BY b)', 'WINDOW(ORDER_BY(b, ASC))'],
    [
      'SELECT CASE WHEN a = 1 THEN -2.50 END',
      'SELECT_EXPR(CASE(PRED(=, a, VALUE(1)), VALUE(-2.5)))',
    ],
    ['SELECT CAST(a AS REAL)', 'SELECT_EXPR(CAST(a, real))'],
    ['SELECT a FROM t WHERE b NOT IN (2, 1)', 'WHERE_PRED(NOT IN, b, VALUE(1), VALUE(2))'],
    ['SELECT a FROM t WHERE b NOT LIKE "%X%"', "WHERE_PRED(NOT LIKE, b, VALUE('%X%'))"],
    ['SELECT a FROM t WHERE b = "Bob"', "WHERE_PRED(=, b, VALUE('Bob'))"],
    ['SELECT a FROM t WHERE b BETWEEN 1 AND 2', 'WHERE_PRED(BETWEEN, b, VALUE(1), VALUE(2))'],
    ['SELECT a FROM t WHERE b IS NOT NULL', 'WHERE_PRED(IS NOT NULL, b)'],
    ['SELECT a FROM t WHERE c > b', 'WHERE_PRED(<, b, c)'],
    ['SELECT a FROM t NATURAL JOIN u', 'JOIN(u AS T2, NATURAL INNER)'],
    ['SELECT a FROM t CROSS JOIN u', 'JOIN(u AS T2, CROSS)'],
    ['SELECT a FROM t RIGHT OUTER JOIN u USING (id)', 'JOIN(u AS T2, RIGHT)'],
    ['SELECT a FROM t RIGHT OUTER JOIN u USING (id)', 'USING(id)'],
    ['SELECT a FROM t, u', 'FROM(u AS T2)'],
    ['SELECT a FROM t UNION ALL SELECT b FROM u', 'UNION_ALL'],
    ['SELECT a FROM t EXCEPT SELECT b FROM u', 'EXCEPT'],
    ['VALUES (1, 2)', 'VALUES(VALUE(1), VALUE(2))'],
    ['SELECT a FROM t LIMIT 2, 3', 'OFFSET(2)'],
  ])('%s: %s', (sql, operation) => {
    expect(operations(sql)).toContain(operation);
  });

  it('are none for what is no query or cannot be read', () => {
    for (const sql of ['', 'SELEC 1', 'SELECT 1; SELECT 2', 'DROP TABLE t', 'EXPLAIN SELECT 1']) {
      expect(operations(sql)).toEqual([]);
    }
  });
});

/** A query in parts; how it is written is drawn apart from them. */
interface Plan {
  tables: string[];
  columns: [table: number, column: string][];
  conjuncts: [table: number, column: string, value: number][];
  aggregate: boolean;
  subquery: boolean;
}

interface Manner {
  aliases: string[];
  output: string;
  /** Keys to sort conjuncts by. */
  order: number[];
  upper: boolean;
  as: string;
}

const column = fc.constantFrom('id', 'age', 'year', 'city_name');
const at = fc.nat(2);
const plan: fc.Arbitrary<Plan> = fc.record({
  tables: fc.uniqueArray(fc.constantFrom('singer', 'concert', 'stadium'), {
    minLength: 1,
    maxLength: 3,
  }),
  columns: fc.array(fc.tuple(at, column), { minLength: 1, maxLength: 3 }),
  conjuncts: fc.array(fc.tuple(at, column, fc.nat(9)), { maxLength: 5 }),
  aggregate: fc.boolean(),
  subquery: fc.boolean(),
});
const alias = fc.stringMatching(/^[xyz][a-z0-9]{1,4}$/);
const manner: fc.Arbitrary<Manner> = fc.record({
  aliases: fc.uniqueArray(alias, { minLength: 4, maxLength: 4 }),
  output: fc.stringMatching(/^q[a-z0-9]{1,4}$/),
  order: fc.array(fc.nat(99), { minLength: 5, maxLength: 5 }),
  upper: fc.boolean(),
  as: fc.constantFrom(' AS ', ' '),
});

function write(plan: Plan, { aliases, output, order, upper, as }: Manner): string {
  const { tables, columns, conjuncts, aggregate, subquery } = plan;
  const of = (table: number, name: string) => `${aliases[table % tables.length]}.${name}`;
  const from = tables
    .map((table, i) => {
      const on =
        i === 0 ? '' : ` ON ${[of(0, 'id'), of(i, 'ref')].sort(() => order[i]! - 50).join(' = ')}`;
      return `${table}${as}${aliases[i]}${on}`;
    })
    .join(' JOIN ');
  const where = conjuncts
    .map(([table, name, value]) => `${of(table, name)} > ${value}`)
    .map((text, i) => ({ text, key: order[i]! }))
    .sort((a, b) => a.key - b.key)
    .map(({ text }) => text);
  const body =
    `SELECT ${columns.map(([table, name]) => of(table, name)).join(', ')}, ` +
    `${aggregate ? 'count(*)' : 'age + 1'}${as}${output} FROM ${from}` +
    (where.length > 0 ? ` WHERE ${where.join(' AND ')}` : '') +
    (aggregate ? ` GROUP BY ${of(0, 'id')} HAVING ${output} > 2` : '') +
    ` ORDER BY ${output} DESC`;
  const outer = aliases[3];
  const sql = subquery ? `SELECT ${outer}.${output} FROM (${body})${as}${outer}` : body;
  return upper ? sql.toUpperCase() : sql;
}

describe('a query against itself', () => {
  it('has the same operations under other aliases, in another case and order of conjuncts', () => {
    fc.assert(
      fc.property(plan, manner, manner, (what, one, other) => {
        const expected = operations(write(what, one));
        expect(expected.length).toBeGreaterThan(2);
        expect(operations(write(what, other))).toEqual(expected);
      }),
    );
  });

  const SPIDER = '../shared/data/spider/train_spider.json';
  it.skipIf(!existsSync(SPIDER))('has some for each of Spider (../shared/data/spider)', () => {
    const tasks = JSON.parse(readFileSync(SPIDER, 'utf8')) as { query: string }[];
    const unread = tasks.filter(({ query }) => operations(query).length === 0);
    expect(tasks.length).toBeGreaterThan(100);
    expect(unread.map(({ query }) => query)).toEqual([]);
  });
});

describe('hostile SQL', () => {
  const repeat = (text: string, times: number) => text.repeat(times);
  const shapes: [string, (n: number) => string][] = [
    ['a chain of AND', (n) => `SELECT 1 WHERE ${Array(n).fill('a=1').join(' AND ')}`],
    ['a chain of +', (n) => `SELECT ${Array(n).fill('a').join('+')}`],
    ['a chain of NOTNULL', (n) => `SELECT a${repeat(' NOTNULL', n)}`],
    ['a chain of ::', (n) => `SELECT a${repeat('::int', n)}`],
    ['a chain of ->', (n) => `SELECT a${repeat('->1', n)}`],
    ['a chain of UNION', (n) => Array(n).fill('SELECT 1').join(' UNION ')],
    ['nested arrays', (n) => `SELECT CAST(1 AS ${repeat('ARRAY<', n)}INT${repeat('>', n)})`],
    ['nested parentheses', (n) => `SELECT ${repeat('(', n)}1${repeat(')', n)}`],
    ['nested subqueries', (n) => `SELECT ${repeat('(SELECT ', n)}1${repeat(')', n)}`],
    [
      'nested common table expressions',
      (n) => `${repeat('WITH a AS (', n)}SELECT 1${repeat(') SELECT 2', n)}`,
    ],
    ['nested CASE', (n) => `SELECT ${repeat('CASE WHEN 1 THEN ', n)}1${repeat(' END', n)}`],
    ['many NOT', (n) => `SELECT ${repeat('NOT ', n)}1`],
    ['many joins', (n) => `SELECT 1 FROM t${repeat(' JOIN t', n)}`],
    ['many values', (n) => `SELECT 1 WHERE a IN (${Array(n).fill('1').join(',')})`],
    ['open parentheses', (n) => `SELECT ${repeat('(', n)}`],
    [
      'doubling columns',
      (n) => {
        const ctes = Array.from({ length: n }, (_, i) =>
          i === 0 ? 'c0 AS (SELECT 1 AS x)' : `c${i} AS (SELECT x || x AS x FROM c${i - 1})`,
        );
        return `WITH ${ctes.join(', ')} SELECT x FROM c${n - 1}`;
      },
    ],
  ];

  it.each(shapes)('leaves the parser whole: %s', (_, sql) => {
    for (const n of [3, 20, 45, 49, 60, 120, 240, 490, 700, 5000, 200_000]) {
      operations(sql(n));
      expect(parser.broken).toBe(false);
    }
    expect(operations('SELECT 1')).toEqual(['SELECT_EXPR(VALUE(1))']);
  });

  it('leaves it whole for any words', () => {
    const word = fc.constantFrom(
      ...'SELECT FROM WHERE ( ) ( ) , . a b 1 \'x\' "y" AND OR NOT IN EXISTS AS WITH CASE WHEN THEN'.split(
        ' ',
      ),
      ...'END UNION ALL JOIN ON = < || + - * :: -> BETWEEN LIKE IS NULL NOTNULL CAST [ ] ; OVER VALUES'.split(
        ' ',
      ),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 600 }), (words) => {
        operations(`SELECT ${words.join(' ')}`);
        expect(parser.broken).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});
