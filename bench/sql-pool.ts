/**
 * Queries per second through the pool in batches of 256 against bare sql.js, in the same run and on
 * the same queries: joins, groups and filters over 2 500 rows, each text run once (no cache helps).
 */
import { resolve } from 'node:path';
import { createDatabase } from '../src/core/sql/create.ts';
import { loadSql } from '../src/core/sql/engine.ts';
import { nodeSqlPool } from '../src/node/sql-pool.ts';

const BATCH = 256;
const ROUNDS = 8;

const SHAPES = [
  (n: number) => `SELECT name FROM customer WHERE age > ${n % 80} ORDER BY name`,
  (n: number) => `SELECT city, count(*), avg(age) FROM customer WHERE id <> ${n} GROUP BY city`,
  (n: number) =>
    `SELECT c.name, sum(o.total) AS s FROM customer AS c JOIN purchase AS o ON o.customer_id = c.id ` +
    `WHERE o.total > ${n % 100} GROUP BY c.id ORDER BY s DESC LIMIT 5`,
  (n: number) =>
    `SELECT count(*) FROM customer WHERE id NOT IN (SELECT customer_id FROM purchase WHERE total > ${n})`,
];

export interface BenchResult {
  name: string;
  /** Pool over bare sql.js. */
  ratio: number;
  target: number;
  unit: string;
  pool: number;
  bare: number;
}

export async function benchSqlPool(): Promise<BenchResult> {
  const SQL = await loadSql();
  const bytes = createDatabase(
    SQL,
    [
      'CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT, age INTEGER)',
      'CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer_id INTEGER, total REAL)',
    ],
    [
      {
        table: 'customer',
        rows: Array.from({ length: 500 }, (_, i) => [i, `n${i * 7919}`, `c${i % 20}`, i % 90]),
      },
      {
        table: 'purchase',
        rows: Array.from({ length: 2000 }, (_, i) => [i, (i * 31) % 500, (i * 37) % 1000]),
      },
    ],
  );
  const batches = Array.from({ length: ROUNDS + 1 }, (_, round) =>
    Array.from({ length: BATCH }, (__, i) => SHAPES[i % SHAPES.length]!(round * BATCH + i)),
  );
  const bare = new SQL.Database(bytes);
  bare.run('PRAGMA temp_store=2'); // as in the sandbox, and faster
  const pool = nodeSqlPool({ workerFile: resolve('dist/node/sql.worker.js') });
  const database = await pool.addDatabase(bytes);
  let bareMs = 0;
  let poolMs = 0;
  for (const [round, batch] of batches.entries()) {
    let start = performance.now();
    for (const sql of batch) bare.exec(sql);
    if (round > 0) bareMs += performance.now() - start; // the first round spawns and warms up
    start = performance.now();
    await pool.execute(batch.map((sql) => ({ database, sql: `${sql} -- ${round}` })));
    if (round > 0) poolMs += performance.now() - start;
  }
  await pool.close();
  bare.close();
  const perSecond = (ms: number): number => Math.round((ROUNDS * BATCH * 1000) / ms);
  return {
    name: 'SQL pool, batches of 256, against bare sql.js',
    ratio: bareMs / poolMs,
    target: 0.7,
    unit: 'queries/s',
    pool: perSecond(poolMs),
    bare: perSecond(bareMs),
  };
}
