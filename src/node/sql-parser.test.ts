import { expect, it } from 'vitest';
import { loadSqlParser, useSqlParser } from '../core/sql/parser.ts';
import { nodeSqlParser } from './sql-parser.ts';

it('outlives a trap in wasm, after which an instance reads nothing any more', async () => {
  const tooDeep = `SELECT ${Array(5000).fill('a').join('+')}`; // beyond what a parser is given
  useSqlParser(async (instance) => {
    const module = await nodeSqlParser(instance);
    return {
      parse_sql: (dialect, sql) => module.parse_sql(dialect, sql === 'deep' ? tooDeep : sql),
    };
  });
  for (let round = 0; round < 3; round++) {
    const parser = await loadSqlParser();
    expect(parser.parse('SELECT 1')).toHaveProperty('Query');
    expect(parser.parse('SELEC 1')).toBeUndefined();
    expect(parser.broken).toBe(false);
    expect(parser.parse('deep')).toBeUndefined();
    expect(parser.broken).toBe(true);
    expect(parser.parse('SELECT 1')).toBeUndefined();
  }
});
