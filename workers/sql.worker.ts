/** The SQL worker in the tab: core/sql/serve.ts on a module worker. */
import wasmUrl from 'sql.js/dist/sql-wasm-browser.wasm?url';
import { loadSql } from '../src/core/sql/engine.ts';
import { serveSql } from '../src/core/sql/serve.ts';
import { sqlJsEngine } from '../src/core/sql/service.ts';

const handle = serveSql(
  async () => sqlJsEngine(await loadSql(() => wasmUrl)),
  () => performance.now(),
  (response) => self.postMessage(response),
);
self.addEventListener('message', (event: MessageEvent) => handle(event.data));
