import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { atomicOperations } from '../sql/operations.ts';
import { loadSqlParser, sqlParser } from '../sql/parser.ts';
import { ATOMIC_SHAPE, atomicScore, jaccard, mostShaped, shaped } from './atomic.ts';

beforeAll(() => loadSqlParser());

const operations = (sql: string) => atomicOperations(sql, sqlParser());
const score = (sql: string, ...gold: string[]) =>
  atomicScore(operations(sql), gold.map(operations));

describe('the shape of the atomic reward (papers.md §2.3)', () => {
  it.each([
    [0, 0],
    [0.1, 0.47853],
    [0.25, 0.58127],
    [0.5, 0.67835],
    [0.75, 0.74604],
    [1, 0.8005],
  ])('J = %f: %f', (index, expected) => {
    expect(shaped(index, ATOMIC_SHAPE)).toBeCloseTo(expected, 5);
  });

  it.each([
    [0.1, 0.03],
    [0.5, 0.16553],
    [1, 0.797],
  ])('J = %f with the defaults of the released class: %f', (index, expected) => {
    expect(shaped(index, { linear: 0.3, scale: 0.71, exponent: 5 })).toBeCloseTo(expected, 5);
  });

  it('grows with J and stays below its most', () => {
    const unit = fc.double({ min: 0, max: 1, noNaN: true });
    const shape = fc.record({
      linear: unit,
      scale: unit,
      exponent: fc.double({ min: 0.01, max: 10, noNaN: true }),
    });
    fc.assert(
      fc.property(unit, unit, shape, (a, b, shape) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        expect(shaped(low, shape)).toBeLessThanOrEqual(shaped(high, shape) + 1e-12);
        expect(shaped(high, shape)).toBeLessThanOrEqual(mostShaped(shape) + 1e-12);
      }),
    );
  });
});

describe('the atomic score', () => {
  it('is of sets: what is common over what there is in all', () => {
    const set = (text: string) => new Set(text);
    expect(jaccard(set('abc'), set('bcd'))).toBe(0.5);
    expect(jaccard(set(''), set(''))).toBe(0);
    expect(jaccard(set('a'), set(''))).toBe(0);
  });

  it('is full for the same query in other words', () => {
    const full = mostShaped(ATOMIC_SHAPE);
    expect(
      score(
        'SELECT A.name FROM Singer A JOIN Song B ON A.id = B.singer_id WHERE B.year > 3 AND A.age = 4',
        'select t1.NAME from singer as t1 join song as t2 on t2.singer_id = t1.id where t1.age = 4 and t2.year > 3',
      ),
    ).toBeCloseTo(full, 12);
  });

  it('sees tables, join sides and second operands, which the released code does not', () => {
    const full = mostShaped(ATOMIC_SHAPE);
    const differ = (a: string, b: string) => expect(score(a, b)).toBeLessThan(full - 1e-3);
    differ('SELECT a FROM t', 'SELECT a FROM u');
    differ('SELECT a FROM t JOIN u ON t.a = u.a', 'SELECT a FROM t LEFT JOIN u ON t.a = u.a');
    differ('SELECT sum(a) / count(*) FROM t', 'SELECT sum(a) / 2 FROM t');
    differ(
      'WITH c AS (SELECT a FROM t) SELECT a FROM c',
      'WITH c AS (SELECT a FROM u) SELECT a FROM c',
    );
  });

  it('takes the best of several golds, and nothing from what cannot be read', () => {
    const golds = ['SELECT a FROM t WHERE b = 1', 'SELECT max(c) FROM u'];
    expect(score('SELECT max(c) FROM u', ...golds)).toBeCloseTo(0.8005, 12);
    expect(score('SELEC a FROM t', ...golds)).toBe(0);
    expect(score('SELECT a FROM t', 'SELEC a FROM t')).toBe(0);
    expect(score('SELEC', 'SELEC')).toBe(0);
    expect(score('SELECT a FROM t')).toBe(0);
  });

  const SPIDER = '../shared/data/spider/train_spider.json';
  it.skipIf(!existsSync(SPIDER))('is full for each gold of Spider (../shared/data/spider)', () => {
    const tasks = JSON.parse(readFileSync(SPIDER, 'utf8')) as { query: string }[];
    const less = tasks.filter(({ query }) => score(query, query) < 0.8005 - 1e-12);
    expect(less.map(({ query }) => query)).toEqual([]);
  });
});
