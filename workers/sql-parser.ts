/** The SQL parser in a tab, fetched when a reward first reads SQL. */
import { useSqlParser, type ParserModule } from '../src/core/sql/parser.ts';
import glueUrl from '../node_modules/@guanmingchiu/sqlparser-ts/wasm/sqlparser_rs_wasm.js?url';
import wasmUrl from '../node_modules/@guanmingchiu/sqlparser-ts/wasm/sqlparser_rs_wasm_bg.wasm?url';

interface Glue extends ParserModule {
  default(options: { module_or_path: URL }): Promise<unknown>;
}

/** Lets this worker read SQL. The package offers these files to nobody by name: hence the paths. */
export function useTabSqlParser(): void {
  useSqlParser(async (instance) => {
    const here = self.location.href;
    // Modules are kept by their whole address: another fragment is another instance.
    const address = `${new URL(glueUrl, here).href}#${instance}`;
    const glue = (await import(/* @vite-ignore */ address)) as Glue;
    await glue.default({ module_or_path: new URL(wasmUrl, here) });
    return glue;
  });
}
