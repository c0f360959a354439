/** Schemas from Spider's and BIRD's `tables.json`, or from a SQLite database itself. */
import { badInput } from '../errors.ts';
import { asIndex, asList, asRecord, asText, field } from './fields.ts';
import type { Fields } from './fields.ts';
import { readRecords } from './source.ts';
import type { FileSource, Located } from './source.ts';
import type { Cell, Schema, Table } from './task.ts';

/**
 * Runs one query on a database and gives its rows. Whoever has an engine passes it in.
 */
export type Query = (sql: string) => Cell[][] | Promise<Cell[][]>;

/** Where `tables.json` counts columns: table index (-1 for `*`) and the name in the database. */
type ColumnEntry = readonly [table: number, name: string];

function columnEntries(record: Fields, at: string, tables: number): ColumnEntry[] {
  const name = `${at}.column_names_original`;
  const list = asList(field(record, 'column_names_original'), name, '[table index, name] pairs');
  return list.map((entry, i) => {
    const [table, column] = asList(entry, `${name}[${i}]`, 'a table index and a name');
    return [
      asIndex(table, `${name}[${i}][0]`, -1, tables - 1),
      asText(column, `${name}[${i}][1]`),
    ] as const;
  });
}

/** Spider's coarse types (text, number, …) and BIRD's, as declared types; "others" says nothing. */
function columnTypes(record: Fields, at: string, count: number): string[] {
  const name = `${at}.column_types`;
  const types = asList(field(record, 'column_types'), name, 'strings');
  if (types.length !== count) {
    throw badInput(`${name}.length`, types.length, `${count}, one per column_names_original`);
  }
  return types.map((type, i) => {
    if (typeof type !== 'string') throw badInput(`${name}[${i}]`, type, 'a string');
    return type.toLowerCase() === 'others' ? '' : type.toUpperCase();
  });
}

/** Indices of columns in a table, not `*`. */
function columnIndex(value: unknown, at: string, entries: readonly ColumnEntry[]): number {
  const index = asIndex(value, at, 0, entries.length - 1);
  if (entries[index]![0] < 0) throw badInput(at, value, 'the index of a column other than *');
  return index;
}

/** One record of `tables.json`. Composite primary keys may be nested lists, as in BIRD. */
export function schemaFromRecord(located: Located): { db_id: string; schema: Schema } {
  const { at } = located;
  const record = asRecord(located);
  const db_id = asText(field(record, 'db_id'), `${at}.db_id`);
  const names = asList(
    field(record, 'table_names_original'),
    `${at}.table_names_original`,
    'table names',
  ).map((name, i) => asText(name, `${at}.table_names_original[${i}]`));
  const entries = columnEntries(record, at, names.length);
  const types = columnTypes(record, at, entries.length);

  const primary = new Set<number>();
  asList(field(record, 'primary_keys'), `${at}.primary_keys`, 'column indices').forEach(
    (key, i) => {
      const keyAt = `${at}.primary_keys[${i}]`;
      if (!Array.isArray(key)) primary.add(columnIndex(key, keyAt, entries));
      else key.forEach((part, j) => primary.add(columnIndex(part, `${keyAt}[${j}]`, entries)));
    },
  );

  const tables: Table[] = names.map((name) => ({ name, columns: [], foreignKeys: [] }));
  entries.forEach(([table, name], i) => {
    if (table < 0) return;
    tables[table]!.columns.push({ name, type: types[i]!, primaryKey: primary.has(i) });
  });

  asList(field(record, 'foreign_keys'), `${at}.foreign_keys`, 'pairs of column indices').forEach(
    (pair, i) => {
      const keyAt = `${at}.foreign_keys[${i}]`;
      const ends = asList(pair, keyAt, '2 column indices');
      if (ends.length !== 2) throw badInput(keyAt, pair, 'a list of 2 column indices');
      const [from, to] = ends.map((end, j) => columnIndex(end, `${keyAt}[${j}]`, entries));
      const [table, column] = entries[from!]!;
      const [refTable, refColumn] = entries[to!]!;
      tables[table]!.foreignKeys.push({ column, refTable: names[refTable]!, refColumn });
    },
  );
  return { db_id, schema: { tables } };
}

/** All of a `tables.json`. @throws StepSqlError on the first malformed field or repeated database */
export async function readTables(source: FileSource, path: string): Promise<Map<string, Schema>> {
  const schemas = new Map<string, Schema>();
  for (const located of await readRecords(source, path)) {
    const { db_id, schema } = schemaFromRecord(located);
    if (schemas.has(db_id)) throw badInput(`${located.at}.db_id`, db_id, 'a db_id listed once');
    schemas.set(db_id, schema);
  }
  return schemas;
}

const COLUMNS_SQL = `SELECT m.name, c.name, c.type, c.pk
  FROM sqlite_master AS m JOIN pragma_table_xinfo(m.name) AS c
  WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND c.hidden <> 1
  ORDER BY m.rowid, c.cid`;

const FOREIGN_KEYS_SQL = `SELECT m.name, k."from", k."table", k."to", k.seq
  FROM sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS k
  WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
  ORDER BY m.rowid, k.id DESC, k.seq`;

/**
 * Tables, columns and foreign keys as SQLite itself reports them, in the order of creation. Views and
 * SQLite's own tables are left out. A foreign key that names no column means the parent's primary
 * key, as in SQL; names are given as the parent table spells them.
 */
export async function schemaFromSqlite(query: Query): Promise<Schema> {
  const tables = new Map<string, Table>();
  /** Primary-key columns in key order, by lower-cased table name. */
  const keys = new Map<string, string[]>();
  for (const [tableName, columnName, type, pk] of await query(COLUMNS_SQL)) {
    const name = String(tableName);
    const table = tables.get(name.toLowerCase()) ?? { name, columns: [], foreignKeys: [] };
    tables.set(name.toLowerCase(), table);
    const position = Number(pk);
    table.columns.push({
      name: String(columnName),
      type: String(type ?? '').toUpperCase(),
      primaryKey: position > 0,
    });
    if (position > 0) {
      const key = keys.get(name.toLowerCase()) ?? [];
      key[position - 1] = String(columnName);
      keys.set(name.toLowerCase(), key);
    }
  }
  for (const [tableName, from, to, toColumn, seq] of await query(FOREIGN_KEYS_SQL)) {
    const parent = tables.get(String(to).toLowerCase());
    const named = toColumn === null ? keys.get(String(to).toLowerCase())?.[Number(seq)] : toColumn;
    // A key to a table or column that does not exist is legal in SQLite and joins nothing.
    const refColumn = parent?.columns.find(
      (column) => column.name.toLowerCase() === String(named).toLowerCase(),
    )?.name;
    const table = tables.get(String(tableName).toLowerCase());
    if (table === undefined || parent === undefined || refColumn === undefined) continue;
    const column = table.columns.find((c) => c.name.toLowerCase() === String(from).toLowerCase());
    table.foreignKeys.push({
      column: column?.name ?? String(from),
      refTable: parent.name,
      refColumn,
    });
  }
  return { tables: [...tables.values()] };
}
