/** What a tool is: a name, how it is called, and what a call of it asks to be run. */
import type { Schema, Table } from '../../data/task.ts';
import type { Outcome } from '../../sql/outcome.ts';

/** A call as its tool read it: SQL to be run, or an outcome that needs none. */
export interface ToolReading {
  /** Normalised: calls that ask the same have equal arguments. */
  args: string[];
  sql?: string;
  outcome?: Outcome;
}

export interface Tool {
  name: string;
  /** How to call it: shown to pretrained models, and to whoever called it wrongly. */
  usage: string;
  /** Reads what follows the tool's name, trimmed. Null where that is not a call of this tool. */
  read(text: string, schema: Schema): ToolReading | null;
  /** Its rows are the schema's, not the data's: all are shown, as far as characters go. */
  whole?: true;
  /** The rows as lines of an observation; by default SQL literals below the names of the columns. */
  lines?(rows: RowsOutcome, args: readonly string[], schema: Schema): string[];
}

export type RowsOutcome = Extract<Outcome, { kind: 'rows' }>;

export const rowsOf = (columns: string[], rows: string[][]): Outcome => ({
  ...{ kind: 'rows', columns, rows, rowCount: rows.length, truncated: false },
});

export const failure = (message: string): Outcome => ({ kind: 'error', message });

const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** SQL's names are the same whatever their case; quotes around them are no part of them. */
export function findNamed<T extends { name: string }>(
  items: readonly T[],
  name: string,
): T | undefined {
  const bare = name.replace(/^(["'`])(.*)\1$/, '$2');
  return items.find((item) => sameName(item.name, bare));
}

export const findTable = (schema: Schema, name: string): Table | undefined =>
  findNamed(schema.tables, name);
