/** Replicas of the policy in worker threads (core/train/crew.ts): a run on several cores, with the same bits. */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { badInput } from '../core/errors.ts';
import type { WorkerPort } from '../core/sql/call.ts';
import type { Replicas } from '../core/train/crew.ts';
import { threadPort } from './worker-port.ts';

/** The build puts the worker beside the command line. */
const BUILT_REPLICA_WORKER = fileURLToPath(new URL('./replica.worker.js', import.meta.url));

/** Each takes some 100 MB; an update has few passes to share. */
export const MOST_WORKERS = 16;

/** One per core, up to what an update of usual size can keep busy. */
const defaultWorkers = (): number => Math.min(4, availableParallelism());

/** @param file the built `replica.worker.js`, when it is not beside the running bundle */
export function spawnReplica(file: string = BUILT_REPLICA_WORKER): WorkerPort {
  return threadPort(new Worker(file, { name: 'replica' }));
}

/**
 * What `--workers` asks for; undefined computes in this thread.
 *
 * @param workers undefined is one per core where the backend is one thread
 * @param backend as `startNodeBackend` names it
 * @throws StepSqlError when workers are asked for that this backend cannot have
 */
export function nodeReplicas(workers: number | undefined, backend: string): Replicas | undefined {
  // The others use all of a machine themselves, and a GPU is not had twice.
  const shared = backend === 'wasm' || backend === 'wasm-plain';
  if (!shared && workers !== undefined && workers > 1) {
    throw badInput(
      '--workers',
      workers,
      `1 on ${backend}: only wasm computes on one core a worker`,
    );
  }
  const count = workers ?? (shared ? defaultWorkers() : 1);
  return count > 1 ? { count, spawn: () => spawnReplica() } : undefined;
}
