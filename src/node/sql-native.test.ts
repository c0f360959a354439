/** The native engine in child processes. Skipped where there is none (Node before 22.16). */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../core/sql/create.ts';
import { loadSql } from '../core/sql/engine.ts';
import { databaseHash } from '../core/sql/hash.ts';
import { type NativeSqlPool, nativeSqlPool } from './sql-native.ts';
import { loadNativeEngine } from './sql-native-engine.ts';

const root = resolve(import.meta.dirname, '../..');
const workerFile = join(root, 'dist/node/sql.worker.js');
const engine = await loadNativeEngine().catch((error: unknown) => error as Error);

it.runIf(engine instanceof Error)('says what is missing', () => {
  expect(engine).toMatchObject({ code: 'missing_engine' });
  expect((engine as Error).message).toContain('npm install better-sqlite3');
});

describe.skipIf(engine instanceof Error)('nativeSqlPool', () => {
  let folder: string;
  let bytes: Uint8Array;
  let database: string;
  let service: NativeSqlPool;

  beforeAll(async () => {
    if (!existsSync(workerFile)) {
      execFileSync(process.execPath, ['tools/build-node.js'], { cwd: root, stdio: 'inherit' });
    }
    const rows = [
      [1, 'one', null],
      [2, 'two', Uint8Array.of(0, 255)],
      [2n ** 53n + 1n, 'big', 0.5],
    ];
    bytes = createDatabase(await loadSql(), ['CREATE TABLE t (a, b, c)'], [{ table: 't', rows }]);
    folder = await mkdtemp(join(tmpdir(), 'stepsql-test-'));
    const path = join(folder, 'large.sqlite');
    await writeFile(path, bytes);
    service = nativeSqlPool({ size: 1, timeLimitMs: 300, workerFile });
    database = await service.addFile(path);
  });

  afterAll(async () => {
    await service.close();
    await rm(folder, { recursive: true });
  });

  const run = async (...queries: string[]) =>
    (await service.execute(queries.map((sql) => ({ database, sql })))).map(
      ({ outcome }) => outcome,
    );

  it('reads every kind of cell as sql.js does', async () => {
    expect(database).toBe(databaseHash(bytes));
    const [outcome] = await run('SELECT a, b, c, a FROM t');
    expect(outcome).toEqual({
      kind: 'rows',
      columns: ['a', 'b', 'c', 'a'],
      rows: [
        [1, 'one', null, 1],
        [2, 'two', Uint8Array.of(0, 255), 2],
        [2n ** 53n + 1n, 'big', 0.5, 2n ** 53n + 1n],
      ],
      rowCount: 3,
      truncated: false,
    });
  });

  it('compares, and takes databases as bytes too', async () => {
    const id = await service.addDatabase(createDatabase(await loadSql(), ['CREATE TABLE u (x)']));
    const [result] = await service.execute([
      { database: id, sql: 'SELECT count(*) FROM u', gold: ['SELECT 0.0'] },
    ]);
    expect(result!.comparison).toMatchObject({ bird: true, spider: true });
  });

  it('bounds and types hostile SQL, and goes on', async () => {
    const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)';
    const outcomes = await run(
      `${endless} SELECT count(*) FROM n`,
      `${endless} SELECT i FROM n`,
      'DELETE FROM t',
      'WITH x AS (SELECT 1) DELETE FROM t',
      'SELECT 1; DELETE FROM t',
      'PRAGMA query_only=0',
      "ATTACH ':memory:' AS x",
      "SELECT load_extension('x')",
      'SELECT zeroblob(2000000000)',
      'SELECT nope',
      'SELECT count(*) FROM t',
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual([
      'timeout',
      'rows',
      ...Array.from({ length: 5 }, () => 'refused'),
      ...Array.from({ length: 3 }, () => 'error'),
      'rows',
    ]);
    expect(outcomes[1]).toMatchObject({ rowCount: 10_000, truncated: true });
    expect(outcomes.at(-1)).toMatchObject({ rows: [[3]] });
  });

  it('draws the same random numbers for every query', async () => {
    const sql = 'SELECT random() AS r, typeof(random()) AS t, hex(randomblob(4)) AS h';
    const [first, again] = await run(sql, `${sql} -- again`);
    expect(first).toMatchObject({
      kind: 'rows',
      rows: [[expect.anything(), 'integer', expect.any(String)]],
    });
    expect(again).toEqual(first);
  });
});
