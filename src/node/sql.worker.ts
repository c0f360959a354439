/**
 * The SQL worker in Node, core/sql/serve.ts on two kinds of worker: a thread runs sql.js, a child
 * process runs the native engine (sql-native.ts), which only a process can be rid of.
 */
import { parentPort } from 'node:worker_threads';
import { loadSql } from '../core/sql/engine.ts';
import { serveSql } from '../core/sql/serve.ts';
import { sqlJsEngine } from '../core/sql/service.ts';
import { loadNativeEngine } from './sql-native-engine.ts';

const now = (): number => performance.now();

if (parentPort) {
  const port = parentPort;
  const engine = async () => sqlJsEngine(await loadSql());
  port.on(
    'message',
    serveSql(engine, now, (response) => port.postMessage(response)),
  );
} else if (process.send) {
  const send = process.send.bind(process);
  process.on(
    'message',
    serveSql(loadNativeEngine, now, (response) => send(response)),
  );
  process.on('disconnect', () => process.exit());
} else {
  throw new Error('sql.worker runs as a worker thread or as a child process');
}
