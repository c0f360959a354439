import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { WorkerPort } from '../core/sql/call.ts';
import { SqlPool, type SqlPoolOptions } from '../core/sql/pool.ts';
import { threadPort } from './worker-port.ts';

/** The build puts the worker beside the command line. */
export const BUILT_SQL_WORKER = fileURLToPath(new URL('./sql.worker.js', import.meta.url));

/** A JavaScript heap this small stops a query whose result escapes the sandbox's caps. */
const MAX_HEAP_MB = 512;

/** Spawns a SQL worker thread (core/sql/pool.ts). `file` is the built `sql.worker.js`. */
export function spawnSqlWorker(file: string = BUILT_SQL_WORKER): WorkerPort {
  const resourceLimits = { maxOldGenerationSizeMb: MAX_HEAP_MB };
  return threadPort(new Worker(file, { name: 'sql', resourceLimits }));
}

export type NodeSqlPoolOptions = Partial<Omit<SqlPoolOptions, 'spawn' | 'now'>> & {
  /** The built `sql.worker.js`, when it is not beside the running bundle. */
  workerFile?: string;
};

/** One worker per core but one, which the policy needs; at most 8. */
export const defaultPoolSize = (): number => Math.min(8, Math.max(1, availableParallelism() - 1));

/** The default `SqlService` in Node: sql.js in worker threads. */
export function nodeSqlPool({ workerFile, ...options }: NodeSqlPoolOptions = {}): SqlPool {
  return new SqlPool({
    size: defaultPoolSize(),
    ...options,
    spawn: () => spawnSqlWorker(workerFile),
    now: () => performance.now(),
  });
}
