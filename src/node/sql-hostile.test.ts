/** Hostile SQL against the built worker: each query bounded, typed, and without after-effects. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../core/sql/create.ts';
import { loadSql, openSandbox } from '../core/sql/engine.ts';
import { databaseHash } from '../core/sql/hash.ts';
import type { Outcome } from '../core/sql/outcome.ts';
import type { SqlPool } from '../core/sql/pool.ts';
import { nodeSqlPool } from './sql-pool.ts';

const root = resolve(import.meta.dirname, '../..');
const workerFile = join(root, 'dist/node/sql.worker.js');

/** `npm test` builds first; a run of this file alone may not have. */
function buildIfStale(): void {
  const sources = ['src/core/sql', 'src/core/random', 'src/node'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((file) => join(root, folder, file)),
  );
  const newest = Math.max(...sources.map((file) => statSync(file).mtimeMs));
  if (existsSync(workerFile) && statSync(workerFile).mtimeMs > newest) return;
  execFileSync(process.execPath, ['tools/build-node.js'], { cwd: root, stdio: 'inherit' });
}

const numbers = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)';
const cross = Array.from({ length: 6 }, (_, i) => `t AS t${i}`).join(', ');
const deep = (n: number): string => `SELECT ${'('.repeat(n)}1${')'.repeat(n)}`;

/** Kinds that are right for each; `timeout` where only the pool can stop it. */
const hostile: [string, string, Outcome['kind'][]][] = [
  ['endless recursive CTE', `${numbers} SELECT count(*) FROM n`, ['timeout']],
  ['endless recursive CTE with rows', `${numbers} SELECT i FROM n`, ['rows']],
  ['endless recursive CTE that sorts', `${numbers} SELECT i FROM n ORDER BY -i`, ['error', 'timeout']],
  ['six-way cross join', `SELECT count(*) FROM ${cross}`, ['timeout']],
  ['six-way cross join with rows', `SELECT * FROM ${cross}`, ['rows']],
  ['zeroblob', 'SELECT zeroblob(2000000000)', ['error']],
  ['zeroblob within SQLite’s limit', 'SELECT hex(zeroblob(900000000))', ['error']],
  ['printf', "SELECT printf('%.*c', 900000000, 'x')", ['error']],
  ['many large columns', `WITH x(s) AS MATERIALIZED (SELECT hex(zeroblob(4000000))) SELECT ${'s, '.repeat(1000)} s FROM x`, ['rows']],
  ['ATTACH', "ATTACH '/etc/passwd' AS p", ['refused']],
  ['PRAGMA writable_schema', 'PRAGMA writable_schema=1', ['refused']],
  ['PRAGMA query_only', 'PRAGMA query_only=0', ['refused']],
  ['EXPLAIN PRAGMA', 'EXPLAIN PRAGMA query_only=0', ['refused']],
  ['PRAGMA function', 'SELECT * FROM pragma_hard_heap_limit', ['refused']],
  ['DELETE', 'DELETE FROM t', ['refused']],
  ['DELETE through WITH', 'WITH x AS (SELECT 1) DELETE FROM t RETURNING *', ['refused']],
  ['INSERT through WITH', 'WITH x AS (SELECT 1) REPLACE INTO t SELECT * FROM x', ['refused', 'error']],
  ['BEGIN', 'BEGIN EXCLUSIVE', ['refused']],
  ['SAVEPOINT', 'SAVEPOINT s', ['refused']],
  ['several statements', 'SELECT 1; DROP TABLE t', ['refused']],
  ['several statements behind a comment', 'SELECT 1; /* ; */ PRAGMA query_only=0', ['refused']],
  ['load_extension', "SELECT load_extension('x')", ['error']],
  ['400 kB of parentheses', deep(200_000), ['refused']],
  ['90 kB of parentheses', deep(45_000), ['error']],
  ['open parentheses', `SELECT ${'('.repeat(90_000)}`, ['error']],
  ['nested subqueries', `SELECT ${'(SELECT '.repeat(9000)}1${')'.repeat(9000)}`, ['error']],
  ['deep LIKE', `SELECT '${'a'.repeat(40_000)}' LIKE '${'%a'.repeat(20_000)}b'`, ['error', 'timeout', 'rows']],
  ['exponential CTEs', `WITH a0 AS (SELECT 1)${Array.from({ length: 40 }, (_, i) => `, a${i + 1} AS (SELECT * FROM a${i} UNION ALL SELECT * FROM a${i})`).join('')} SELECT count(*) FROM a40`, ['error', 'timeout']],
  ['megabytes of text', `SELECT '${'x'.repeat(3_000_000)}'`, ['refused']],
  ['NUL', 'SELECT 1\0; DROP TABLE t', ['refused']],
  ['empty', '', ['refused']],
  ['only a comment', '-- nothing', ['refused']],
]; // prettier-ignore

describe('hostile SQL', () => {
  let bytes: Uint8Array;
  let database: string;
  let service: SqlPool;

  beforeAll(async () => {
    buildIfStale();
    const rows = Array.from({ length: 200 }, (_, i) => [i]);
    bytes = createDatabase(await loadSql(), ['CREATE TABLE t (a)'], [{ table: 't', rows }]);
    service = nodeSqlPool({ size: 2, timeLimitMs: 2000, workerFile });
    database = await service.addDatabase(bytes);
  });

  afterAll(() => service.close());

  it.each(hostile)('%s', async (_name, sql, kinds) => {
    const [result] = await service.execute([{ database, sql }]);
    expect(kinds).toContain(result!.outcome.kind);
    // On both workers, uncached, the next query finds the database as it was.
    const next = ['SELECT count(*), sum(a) FROM t', 'SELECT count(*), sum(a + 0) FROM t'];
    const after = await service.execute(
      next.map((text) => ({ database, sql: `${text} /* ${_name} */` })),
    );
    for (const { outcome } of after) expect(outcome).toMatchObject({ rows: [[200, 19900]] });
  });

  it('all in one batch, among good queries, gives the same outcomes', async () => {
    const mixed = hostile.flatMap(([name, sql]) => [sql, `SELECT count(*) FROM t -- ${name}`]);
    // What has no end is known from above; all else may be slow on a busy machine.
    const { timeouts } = service;
    const fresh = nodeSqlPool({ size: 2, timeLimitMs: 20_000, workerFile, timeouts });
    const id = await fresh.addDatabase(bytes);
    const results = await fresh.execute(mixed.map((sql) => ({ database: id, sql })));
    results.forEach(({ outcome }, i) => {
      if (i % 2 === 0) expect(hostile[i / 2]![2]).toContain(outcome.kind);
      else expect(outcome).toMatchObject({ rows: [[200]] });
    });
    await fresh.close();
  });

  it('blames no query for a busy main thread', async () => {
    const sql = 'SELECT count(*) FROM t AS a, t AS b WHERE a.a + b.a > 7';
    const impatient = nodeSqlPool({ size: 2, timeLimitMs: 800, workerFile });
    const pending = impatient.execute([{ database: await impatient.addDatabase(bytes), sql }]);
    for (let spells = 0; spells < 3; spells++) {
      const until = performance.now() + 700;
      while (performance.now() < until);
      await new Promise((resolve) => setTimeout(resolve));
    }
    expect((await pending)[0]!.outcome).toMatchObject({ kind: 'rows', rowCount: 1 });
    await impatient.close();
  });

  it('leaves the bytes of the database as they were', async () => {
    const sandbox = openSandbox(await loadSql(), bytes);
    const before = databaseHash(sandbox.export());
    for (const [, sql, kinds] of hostile) if (!kinds.includes('timeout')) sandbox.run(sql);
    expect(databaseHash(sandbox.export())).toBe(before);
  });
});
