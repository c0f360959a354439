import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { useSqlParser, type ParserModule, type ParserSource } from '../core/sql/parser.ts';

interface Glue extends ParserModule {
  default(options: { module_or_path: BufferSource }): Promise<unknown>;
}

/** From node_modules. */
export const nodeSqlParser: ParserSource = async (instance) => {
  const entry = createRequire(import.meta.url).resolve('@guanmingchiu/sqlparser-ts');
  const at = new URL('../wasm/sqlparser_rs_wasm', pathToFileURL(entry));
  // Modules are kept by their whole address: another fragment is another instance.
  const glue = (await import(`${at.href}.js#${instance}`)) as Glue;
  await glue.default({ module_or_path: await readFile(new URL(`${at.href}_bg.wasm`)) });
  return glue;
};

/** Lets this thread read SQL. */
export const useNodeSqlParser = (): void => useSqlParser(nodeSqlParser);
