/** Datasets in Spider's file layout (spider.ts reads it): for use with other people's tools. */
import type { Database, Schema, Task } from './task.ts';

/** Questions of one file, such as `train_spider.json`. */
export interface QuestionFile {
  name: string;
  tasks: readonly Task[];
}

/** A record of `tables.json`. Types are SQLite's own, in lower case, as in BIRD. */
function tablesRecord(db_id: string, { tables }: Schema): object {
  const columns = tables.flatMap((table, t) =>
    table.columns.map((column) => ({ table, t, column })),
  );
  // Column 0 is `*`.
  const indexOf = (tableName: string, name: string): number =>
    1 + columns.findIndex(({ table, column }) => table.name === tableName && column.name === name);
  const spoken = (name: string): string => name.replaceAll('_', ' ').toLowerCase();
  return {
    db_id,
    table_names_original: tables.map(({ name }) => name),
    table_names: tables.map(({ name }) => spoken(name)),
    column_names_original: [[-1, '*'], ...columns.map(({ t, column }) => [t, column.name])],
    column_names: [[-1, '*'], ...columns.map(({ t, column }) => [t, spoken(column.name)])],
    column_types: ['text', ...columns.map(({ column }) => column.type.toLowerCase() || 'others')],
    primary_keys: columns.flatMap(({ column }, i) => (column.primaryKey ? [i + 1] : [])),
    foreign_keys: tables.flatMap((table) =>
      table.foreignKeys.map(({ column, refTable, refColumn }) => [
        indexOf(table.name, column),
        indexOf(refTable, refColumn),
      ]),
    ),
  };
}

const json = (value: unknown): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(value, null, 1)}\n`);

/**
 * Every file by path, one at a time: the questions, `tables.json`, and `database/<db_id>/<db_id>.sqlite`
 * with its test-suite variants beside it. Only the first gold SQL of a task is kept, and no answers:
 * Spider has a place for neither.
 */
export async function* spiderFiles(
  files: readonly QuestionFile[],
  databases: ReadonlyMap<string, Database>,
): AsyncGenerator<[path: string, content: Uint8Array], void> {
  const used = new Set(files.flatMap(({ tasks }) => tasks.map(({ db_id }) => db_id)));
  const all = [...databases.values()].filter(({ db_id }) => used.has(db_id));
  for (const { name, tasks } of files) {
    const records = tasks.map(({ db_id, question, gold, difficulty }) => ({
      ...{ db_id, question, query: gold?.[0] },
      ...(difficulty !== undefined && { difficulty }),
    }));
    yield [name, json(records)];
  }
  yield ['tables.json', json(all.map(({ db_id, schema }) => tablesRecord(db_id, schema)))];
  for (const { db_id, bytes, variants } of all) {
    const folder = `database/${db_id}/${db_id}`;
    yield [`${folder}.sqlite`, await bytes()];
    for (const [i, variant] of variants.entries()) {
      yield [`${folder}_rows${i + 1}.sqlite`, await variant()];
    }
  }
}
