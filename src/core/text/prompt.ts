/** What a policy reads: the schema, the question, BIRD's evidence, optionally sample rows. */
import type { Cell, Column, Schema, Table } from '../data/task.ts';
import { badInput } from '../errors.ts';
import { quoteName, sqlLiteral } from './identifier.ts';

export interface PromptOptions {
  /**
   * `compact` for small policies, `create_table` (valid SQL) for pretrained models.
   *
   * Compact is one line per table, ` concert( id year singer_id> singer)`. The space before a name
   * makes it the same token as in the question and in SQL, and separates columns without the token a
   * comma would cost; names with spaces are quoted. `> singer` is a foreign key to the first column
   * of singer, `> singer.code` to another one. `#` marks a column whose values are codes,
   * `price?` one that stores the price under a name that is not shown, ` ?` a table with columns of which nothing
   * is shown.
   */
  style: 'compact' | 'create_table';
  /** Show declared types. Default: only in `create_table`. */
  types?: boolean;
  /** Sample rows shown per table, as SQL literals. Default 0. */
  rows?: number;
}

/** First rows of each table, by table name: read by the caller, never here. */
export type SampleRows = ReadonlyMap<string, readonly (readonly Cell[])[]>;

/** Sample values are examples, not data to read: longer text is cut. */
const MAX_VALUE_CHARS = 40;

const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

function checkedRows(options: PromptOptions): number {
  const rows = options.rows ?? 0;
  if (!Number.isInteger(rows) || rows < 0) throw badInput('rows', rows, 'an integer ≥ 0');
  return rows;
}

const shown = ({ columns }: Table): Column[] => columns.filter(({ hidden }) => !hidden);

/** Hidden, but it is said what they store. */
const nameless = ({ columns }: Table): string[] =>
  columns.flatMap(({ hidden, description }) => (hidden && description ? [description] : []));

const hidesColumns = ({ columns }: Table): boolean =>
  columns.some(({ hidden, description }) => hidden && !description);

function rowValues(row: readonly Cell[], { columns }: Table): string {
  const cells = row.filter((_, i) => !columns[i]?.hidden);
  return cells.map((cell) => sqlLiteral(cell, MAX_VALUE_CHARS)).join(', ');
}

function compactColumn(column: Column, table: Table, schema: Schema, types: boolean): string {
  if (column.hidden) return `${column.description!}?`;
  let text = quoteName(column.name);
  const type = types ? /^[a-z]+/.exec(column.type.toLowerCase())?.[0] : undefined;
  if (type !== undefined) text += `:${type}`;
  if (column.values) text += '#';
  for (const key of table.foreignKeys) {
    if (!sameName(key.column, column.name)) continue;
    const target = schema.tables.find((t) => sameName(t.name, key.refTable));
    const first = target?.columns[0]?.name;
    text += `> ${quoteName(key.refTable)}`;
    if (first === undefined || !sameName(first, key.refColumn)) {
      text += `.${quoteName(key.refColumn)}`;
    }
  }
  return text;
}

function compactTable(table: Table, schema: Schema, types: boolean): string {
  const columns = table.columns
    .filter(({ hidden, description }) => !hidden || description)
    .map((column) => ` ${compactColumn(column, table, schema, types)}`);
  return ` ${quoteName(table.name)}(${columns.join('')}${hidesColumns(table) ? ' ?' : ''})`;
}

function createTable(table: Table, types: boolean): string {
  const primary = table.columns.filter((column) => column.primaryKey);
  const lines = shown(table).map((column) => {
    const type = types && column.type !== '' ? ` ${column.type}` : '';
    const key = primary.length === 1 && column.primaryKey ? ' PRIMARY KEY' : '';
    return quoteName(column.name) + type + key;
  });
  if (primary.length > 1) {
    lines.push(`PRIMARY KEY (${primary.map((column) => quoteName(column.name)).join(', ')})`);
  }
  for (const { column, refTable, refColumn } of table.foreignKeys) {
    const target = `${quoteName(refTable)} (${quoteName(refColumn)})`;
    lines.push(`FOREIGN KEY (${quoteName(column)}) REFERENCES ${target}`);
  }
  const coded = shown(table).flatMap(({ name, values }) => (values ? [quoteName(name)] : []));
  const notes = [
    ...(coded.length > 0 ? [` -- values are codes: ${coded.join(', ')}`] : []),
    ...(nameless(table).length > 0
      ? [` -- has columns for ${nameless(table).join(', ')}, named otherwise`]
      : []),
    ...(hidesColumns(table) ? [' -- has further columns'] : []),
  ];
  return `CREATE TABLE ${quoteName(table.name)} (\n  ${lines.join(',\n  ')}\n);${notes.join('')}`;
}

/**
 * The schema as text, one table after another in the schema's order, without a final line break.
 * @throws StepSqlError when `rows` is not a count
 */
export function renderSchema(
  schema: Schema,
  options: PromptOptions,
  samples: SampleRows = new Map(),
): string {
  const count = checkedRows(options);
  const compact = options.style === 'compact';
  const lines: string[] = [];
  for (const table of schema.tables) {
    const types = options.types ?? !compact;
    lines.push(compact ? compactTable(table, schema, types) : createTable(table, types));
    for (const row of (samples.get(table.name) ?? []).slice(0, count)) {
      const values = `(${rowValues(row, table)})`;
      lines.push(compact ? values : `INSERT INTO ${quoteName(table.name)} VALUES ${values};`);
    }
  }
  return lines.join('\n');
}

/** A question must not be able to imitate the prompt's own lines. */
const oneLine = (text: string): string => text.trim().replace(/\s+/g, ' ');

/** What every protocol's prompt begins with, schema, evidence and question, and then its own last line. */
export function promptEndingIn(
  ending: string,
  schema: Schema,
  task: { question: string; evidence?: string },
  options: PromptOptions,
  samples?: SampleRows,
): string {
  const evidence = oneLine(task.evidence ?? '');
  return [
    renderSchema(schema, options, samples),
    ...(evidence === '' ? [] : [`Evidence: ${evidence}`]),
    `Question: ${oneLine(task.question)}`,
    `${ending}\n`,
  ].join('\n');
}

/**
 * The direct protocol's prompt. It ends in a line break after `SQL:`; the completion is the SQL and
 * nothing else, followed by the end-of-sequence token.
 */
export const directPrompt = (
  schema: Schema,
  task: { question: string; evidence?: string },
  options: PromptOptions,
  samples?: SampleRows,
): string => promptEndingIn('SQL:', schema, task, options, samples);

/**
 * The SQL in a completion of the direct protocol: the last ``` block if there is one (closed or not),
 * else all of it, without trailing semicolons. '' when there is none.
 */
export function extractSql(completion: string): string {
  const blocks = completion.split('```');
  // Odd places are inside fences; their first word may be the language.
  const inside = blocks.filter((block, i) => i % 2 === 1 && block.trim() !== '');
  const block = inside.at(-1)?.replace(/^(?:sql(?:ite3?)?)?\s/i, '');
  return (block ?? completion).replace(/^\s+/, '').replace(/[\s;]+$/, '');
}
