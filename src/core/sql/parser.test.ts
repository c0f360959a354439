import { expect, it } from 'vitest';
import { loadSqlParser, SqlParser, sqlParser, useSqlParser } from './parser.ts';

it('begins anew after a trap, once, and is sound after SQL that it cannot read', async () => {
  const begun: number[] = [];
  expect(() => sqlParser()).toThrow(/loadSqlParser comes first/);
  useSqlParser((instance) => {
    begun.push(instance);
    return Promise.resolve({
      parse_sql(_, sql) {
        if (sql === 'trap') throw new WebAssembly.RuntimeError('memory access out of bounds');
        if (sql === 'bad') throw { message: 'sql parser error' };
        return [{ Query: { sql } }];
      },
    });
  });
  const [first, same] = await Promise.all([loadSqlParser(), loadSqlParser()]);
  expect(same).toBe(first);
  expect(first.parse('bad')).toBeUndefined();
  expect(first.parse('SELECT 1')).toEqual({ Query: { sql: 'SELECT 1' } });
  expect(await loadSqlParser()).toBe(first);
  expect(first.parse('trap')).toBeUndefined();
  expect([first.broken, first.parse('SELECT 1')]).toEqual([true, undefined]);
  const second = await loadSqlParser();
  expect(sqlParser()).toBe(second);
  expect(second.parse('SELECT 1')).toBeDefined();
  expect(begun).toEqual([0, 1]);
});

it('does not read what is too long, by its tokens or its text', () => {
  const read: string[] = [];
  const parser = new SqlParser({
    parse_sql: (_, sql) => {
      read.push(sql);
      return [{}];
    },
  });
  const terms = (count: number) => `SELECT ${Array(count).fill('1234.5').join('+')}`;
  expect(parser.parse(terms(251))).toBeUndefined();
  expect(parser.parse(`SELECT '${'a'.repeat(20_000)}'`)).toBeUndefined();
  expect(read).toEqual([]);
  expect(parser.parse(terms(160))).toBeDefined();
});
