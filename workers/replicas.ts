/**
 * Replicas of the policy in workers of the policy worker (core/train/crew.ts). They run its very script,
 * told apart by their name, so that tfjs is downloaded and kept once.
 */
import { setWasmPaths } from '#tfjs';
import type { WorkerPort } from '../src/core/sql/call.ts';
import { startBackend } from '../src/core/tensor/backend.ts';
import type { Replicas } from '../src/core/train/crew.ts';
import { serveReplica } from '../src/core/train/replica.ts';
import { tfjsWasm } from './assets.ts';
import { browserWorkerPort } from './call.ts';
import { holdLifeLock } from './life.ts';

const NAME = 'replica';

/** Each takes some 100 MB; an update has few passes to share. */
const MOST = 4;

/** One core is left to the page and to SQL. */
export const replicaCount = (cores: number): number =>
  Math.max(1, Math.min(MOST, Math.floor(cores) - 1));

const spawn = (): WorkerPort =>
  browserWorkerPort(new Worker(self.location.href, { type: 'module', name: NAME }));

/** Undefined where one thread is all there is to have. */
export const tabReplicas = (count: number): Replicas | undefined =>
  count > 1 ? { count, spawn } : undefined;

/** Whether this is a replica's thread. */
export const isReplica = (): boolean => self.name === NAME;

export function serveHere(): void {
  holdLifeLock(self);
  const start = async (): Promise<void> => {
    setWasmPaths(tfjsWasm);
    await startBackend('wasm');
  };
  const handle = serveReplica(start, (response, transfer) =>
    self.postMessage(response, { transfer }),
  );
  self.addEventListener('message', (event: MessageEvent) => handle(event.data));
}
