/** A worker thread as core's pools and crews speak to it. */
import type { Worker } from 'node:worker_threads';
import type { WorkerPort } from '../core/sql/call.ts';

export function threadPort(worker: Worker): WorkerPort {
  let reason = 'it ended';
  worker.on('error', (error: unknown) => {
    reason = error instanceof Error ? error.message : String(error);
  });
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (handler) => void worker.on('message', handler),
    onExit: (handler) => void worker.on('exit', () => handler(reason)),
    terminate: async () => void (await worker.terminate()),
  };
}
