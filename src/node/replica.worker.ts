/** A replica of the policy in a worker thread: core/train/replica.ts on wasm. */
import { parentPort } from 'node:worker_threads';
import { startBackend } from '../core/tensor/backend.ts';
import { serveReplica } from '../core/train/replica.ts';

const port = parentPort!;
port.on(
  'message',
  serveReplica(
    () => startBackend('wasm'),
    (response, transfer) => port.postMessage(response, transfer),
  ),
);
