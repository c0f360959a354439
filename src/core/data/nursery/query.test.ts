import { describe, expect, it } from 'vitest';
import { hardness } from './hardness.ts';
import { renderSql, type Condition, type Item, type Query } from './query.ts';

const col = (table: string, column: string): Item => ({ column: { table, column } });
const count = (table: string): Item => ({ aggregate: 'COUNT', column: { table, column: '*' } });
const base: Query = { select: [col('singer', 'name')], from: 'singer', joins: [] };
const join = {
  table: 'singer',
  left: { table: 'concert', column: 'singer_id' },
  right: { table: 'singer', column: 'id' },
};
const year = (value: number): Condition => ({
  kind: 'compare',
  left: col('concert', 'year'),
  operator: '>',
  right: value,
});
const joined: Query = {
  ...base,
  from: 'concert',
  joins: [join],
  where: { connector: 'AND', conditions: [year(2010)] },
};

describe('renderSql', () => {
  it('qualifies columns only where there is a join', () => {
    expect(renderSql(base)).toBe('SELECT name FROM singer');
    expect(renderSql(joined)).toBe(
      'SELECT singer.name FROM concert JOIN singer ON concert.singer_id = singer.id WHERE concert.year > 2010',
    );
  });

  it('writes every kind of condition and clause', () => {
    const ref = { table: 'singer', column: 'name' };
    const query: Query = {
      ...base,
      distinct: true,
      where: {
        connector: 'OR',
        conditions: [
          { kind: 'like', column: ref, pattern: "O'%" },
          { kind: 'between', column: ref, low: 1, high: 2.5 },
          { kind: 'in', column: ref, query: base, negated: true },
          { kind: 'null', column: ref, negated: true },
          { kind: 'null', column: ref },
        ],
      },
      groupBy: ref,
      having: { kind: 'compare', left: count('singer'), operator: '>=', right: 2 },
      orderBy: { item: count('singer'), descending: true },
      limit: 3,
    };
    expect(renderSql(query)).toBe(
      "SELECT DISTINCT name FROM singer WHERE name LIKE 'O''%' OR name BETWEEN 1 AND 2.5 OR " +
        'name NOT IN (SELECT name FROM singer) OR name IS NOT NULL OR name IS NULL GROUP BY name ' +
        'HAVING COUNT(*) >= 2 ORDER BY COUNT(*) DESC LIMIT 3',
    );
  });

  it('appends set operations', () => {
    expect(renderSql({ ...base, compound: { operator: 'EXCEPT', query: base } })).toBe(
      'SELECT name FROM singer EXCEPT SELECT name FROM singer',
    );
  });
});

// Queries and levels as eval_hardness of Spider's evaluation.py counts them.
describe('hardness', () => {
  const two = [col('singer', 'name'), col('singer', 'age')];
  const age: Condition = {
    kind: 'compare',
    left: col('singer', 'age'),
    operator: '>',
    right: 30,
  };
  const cases: [string, Query, string][] = [
    ['one column', base, 'easy'],
    ['one filter', { ...base, where: { connector: 'AND', conditions: [age] } }, 'easy'],
    ['two columns', { ...base, select: two }, 'medium'],
    ['two filters', { ...base, where: { connector: 'AND', conditions: [age, age] } }, 'medium'],
    ['OR', { ...base, where: { connector: 'OR', conditions: [age, age] } }, 'medium'],
    ['join with a filter', joined, 'medium'],
    [
      'superlative',
      { ...base, orderBy: { item: col('singer', 'age'), descending: true }, limit: 1 },
      'medium',
    ],
    [
      'superlative of groups',
      {
        ...base,
        groupBy: { table: 'singer', column: 'name' },
        orderBy: { item: count('singer'), descending: true },
        limit: 1,
      },
      'hard',
    ],
    [
      'NOT IN',
      {
        ...base,
        where: {
          connector: 'AND',
          conditions: [{ kind: 'in', column: join.right, query: base, negated: true }],
        },
      },
      'hard',
    ],
    ['INTERSECT', { ...base, compound: { operator: 'INTERSECT', query: base } }, 'hard'],
    [
      'INTERSECT of joins',
      { ...joined, compound: { operator: 'INTERSECT', query: joined } },
      'extra',
    ],
    [
      'join, filter, order and limit',
      { ...joined, orderBy: { item: col('concert', 'year'), descending: false }, limit: 1 },
      'extra',
    ],
  ];
  it.each(cases)('%s', (_, query, level) => {
    expect(hardness(query)).toBe(level);
  });
});
