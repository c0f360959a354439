/** The SQL worker in the tab: core/sql/serve.ts on a module worker. */
import { loadSql } from '../src/core/sql/load.ts';
import { serveSql } from '../src/core/sql/serve.ts';
import { sqlJsEngine } from '../src/core/sql/service.ts';
import { sqlWasm } from './assets.ts';
import { holdLifeLock } from './life.ts';

holdLifeLock(self);
const handle = serveSql(
  async () => sqlJsEngine(await loadSql(() => sqlWasm)),
  () => performance.now(),
  (response) => self.postMessage(response),
);
self.addEventListener('message', (event: MessageEvent) => handle(event.data));
