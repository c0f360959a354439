/**
 * Queries per second through the pool in batches of 256 against bare sql.js, in the same run and on
 * the same queries: joins, groups and filters over 2 500 rows, each text run once (no cache helps).
 */
import { resolve } from 'node:path';
import { loadSql } from '../src/core/sql/engine.ts';
import { nodeSqlPool } from '../src/node/sql-pool.ts';
import { queryOf, shopDatabase } from './sql-database.ts';
import type { SqlRow } from './sql-rows.ts';

const BATCH = 256;
const ROUNDS = 8;

export async function benchSqlPool(): Promise<SqlRow> {
  const SQL = await loadSql();
  const bytes = shopDatabase(SQL);
  const batches = Array.from({ length: ROUNDS + 1 }, (_, round) =>
    Array.from({ length: BATCH }, (__, i) => queryOf(round * BATCH + i)),
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
  const perSecond = (ms: number): number => (ROUNDS * BATCH * 1000) / ms;
  return {
    ...{ what: 'queries of the SQL pool, batches of 256', ours: perSecond(poolMs) },
    ...{ rival: 'bare sql.js', theirs: perSecond(bareMs) },
  };
}
