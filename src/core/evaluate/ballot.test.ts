import { expect, it } from 'vitest';
import type { Outcome } from '../sql/outcome.ts';
import { ballot } from './ballot.ts';

const rows = (...cells: number[]): Outcome => ({
  kind: 'rows',
  columns: ['n'],
  rows: cells.map((cell) => [cell]),
  rowCount: cells.length,
  truncated: false,
});

it('lets results vote, not texts', () => {
  const failed: Outcome = { kind: 'error', message: 'no such table: x' };
  const found = ballot([
    { sql: 'a', outcome: rows(1) },
    { sql: 'x', outcome: failed },
    { sql: 'b', outcome: rows(2, 3) },
    { sql: 'x', outcome: failed },
    { sql: 'c', outcome: rows(3, 2) },
    { sql: 'empty', outcome: rows() },
    { sql: 'b', outcome: rows(2, 3) },
  ]);
  expect(found.map(({ sql, samples, votes }) => [sql, samples, votes])).toEqual([
    ['b', 2, 3],
    ['c', 1, 3],
    ['a', 1, 1],
    ['x', 2, 0],
    ['empty', 1, 0],
  ]);
});
