import { beforeAll, describe, expect, it } from 'vitest';
import type { SqlJsStatic } from 'sql.js';
import { createDatabase } from './create.ts';
import { loadSql, openSandbox, type Sandbox, type SandboxOptions } from './engine.ts';
import { databaseHash } from './hash.ts';

let SQL: SqlJsStatic;
let bytes: Uint8Array;

beforeAll(async () => {
  SQL = await loadSql();
  bytes = createDatabase(
    SQL,
    ['CREATE TABLE t (a INTEGER, b REAL, c TEXT, d)'],
    [
      {
        table: 't',
        rows: [
          [1, 1.5, 'x', null],
          [9007199254740993n, -0, 'é\0z', Uint8Array.of(0, 255)],
          [3_000_000_000, 3_000_000_000, '', 2n ** 63n - 1n],
        ],
      },
    ],
  );
});

const open = (options: Partial<SandboxOptions> = {}): Sandbox => openSandbox(SQL, bytes, options);
const one = (sandbox: Sandbox, sql: string): unknown => sandbox.run(sql).fullRows[0]?.[0];

describe('createDatabase', () => {
  it('gives equal bytes for equal arguments', () => {
    const make = (): Uint8Array =>
      createDatabase(SQL, ['CREATE TABLE "a""b" (x)'], [{ table: 'a"b', rows: [[1], ['y']] }]);
    expect(databaseHash(make())).toBe(databaseHash(make()));
  });

  it('stores every kind of cell', () => {
    const { fullRows } = open().run('SELECT *, typeof(a), typeof(b), typeof(d) FROM t');
    expect(fullRows).toEqual([
      [1, 1.5, 'x', null, 'integer', 'real', 'null'],
      [9007199254740993n, 0, 'é\0z', Uint8Array.of(0, 255), 'integer', 'real', 'blob'],
      [3_000_000_000, 3_000_000_000, '', 2n ** 63n - 1n, 'integer', 'real', 'integer'],
    ]);
  });
});

describe('openSandbox', () => {
  it('returns columns, a preview and all rows', () => {
    const { outcome, fullRows } = open().run(
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30) SELECT i, i FROM n',
    );
    expect(outcome).toMatchObject({ kind: 'rows', columns: ['i', 'i'], rowCount: 30 });
    expect(outcome).toMatchObject({ truncated: false, rows: fullRows.slice(0, 20) });
    expect(fullRows).toHaveLength(30);
  });

  it("reports SQLite's message", () => {
    expect(open().run('SELECT nope FROM t').outcome).toEqual({
      kind: 'error',
      message: 'no such column: nope',
    });
  });

  it('refuses what does not read', () => {
    const sandbox = open();
    expect(sandbox.run('DROP TABLE t').outcome.kind).toBe('refused');
    expect(sandbox.run('SELECT 1; SELECT 2').outcome).toEqual({
      kind: 'refused',
      reason: 'more than one statement',
    });
    expect(sandbox.run(';;SELECT 1; -- done').outcome.kind).toBe('rows');
  });

  it('cuts long, wide and heavy results', () => {
    const endless =
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, i FROM n';
    const rows = open({ maxRows: 50 }).run(endless);
    expect(rows.outcome).toMatchObject({ kind: 'rows', rowCount: 50, truncated: true });
    const cells = open({ maxCells: 50 }).run(endless);
    expect(cells.outcome).toMatchObject({ rowCount: 25, truncated: true });
    const heavy = open({ maxBytes: 1000 });
    expect(heavy.run("SELECT printf('%.*c', 1001, 'x')").outcome).toMatchObject({
      rowCount: 0,
      truncated: true,
    });
    expect(one(heavy, "SELECT length(printf('%.*c', 1001, 'x'))")).toBe(1001);
    const exact = open({ maxRows: 3 }).run('SELECT * FROM t');
    expect(exact.outcome).toMatchObject({ rowCount: 3, truncated: false });
  });

  it('freezes the clock, in UTC, and gives the real one back', () => {
    const sandbox = open({ date: Date.UTC(2020, 1, 29, 23, 59, 58) });
    const before = Date.now;
    expect(one(sandbox, "SELECT datetime('now')")).toBe('2020-02-29 23:59:58');
    expect(one(sandbox, "SELECT datetime('now', 'localtime')")).toBe('2020-02-29 23:59:58');
    expect(one(sandbox, "SELECT datetime('now', 'utc')")).toBe('2020-02-29 23:59:58');
    expect(one(sandbox, 'SELECT CURRENT_DATE')).toBe('2020-02-29');
    expect(Date.now).toBe(before);
  });

  it('draws the same random numbers for every query, others for another seed', () => {
    const sql = 'SELECT random(), typeof(random()), hex(randomblob(8)), length(randomblob(-1))';
    const sandbox = open({ seed: 1 });
    const first = sandbox.run(sql).fullRows;
    expect(first[0]?.[1]).toBe('integer');
    expect(first[0]?.[3]).toBe(1);
    expect(sandbox.run(sql).fullRows).toEqual(first);
    expect(open({ seed: 2 }).run(sql).fullRows).not.toEqual(first);
    expect(sandbox.run('SELECT randomblob(2000000)').outcome.kind).toBe('error');
  });

  it('works after running out of heap, and after a stack overflow', () => {
    const sandbox = open();
    expect(sandbox.run('SELECT hex(zeroblob(50000000))').outcome).toEqual({
      kind: 'error',
      message: 'out of memory',
    });
    expect(one(sandbox, 'SELECT count(*) FROM t')).toBe(3);
    const deep = `SELECT '${'a'.repeat(20000)}' LIKE '${'%a'.repeat(20000)}b'`;
    expect(sandbox.run(deep).outcome.kind).toBe('error');
    expect(one(sandbox, 'SELECT count(*) FROM t')).toBe(3);
  });

  it('reads a file left in write-ahead mode', () => {
    const wal = bytes.slice();
    wal[18] = wal[19] = 2;
    expect(one(openSandbox(SQL, wal), 'SELECT count(*) FROM t')).toBe(3);
  });

  it('says what is wrong with other input', () => {
    expect(() => openSandbox(SQL, new TextEncoder().encode('not a database'))).toThrow(
      /^database:/,
    );
    expect(() => open({ heapLimit: 1 << 28 })).toThrow(/^heapLimit:/);
    const torn = bytes.slice().fill(255, 100, 4096);
    expect(openSandbox(SQL, torn).run('SELECT * FROM t').outcome.kind).toBe('error');
  });
});
