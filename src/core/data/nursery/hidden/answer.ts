/**
 * What the sandbox would answer to the few shapes of query that traces contain, worked out from the rows: a
 * corpus has no time for databases. A test holds it against the real thing.
 */
import type { Outcome } from '../../../sql/outcome.ts';
import { disguisedRows, disguisedVariant, type Hiding } from './hide.ts';
import { baseRows } from '../rows.ts';

/** Rows of a result that leave the sandbox. */
const PREVIEW_ROWS = 20;

const QUERY = /^SELECT (DISTINCT )?(\w+) FROM (\w+)(?: WHERE .* LIKE '%([^%]*)%' ESCAPE .*)?$/;

const error = (message: string): Outcome => ({ kind: 'error', message });

/** SQL of `lookup`, and `SELECT column FROM table`; for anything else throws a RangeError. */
export function answerOf(sql: string, hiding: Hiding): Outcome {
  const [, distinct, columnName, tableName, words] = QUERY.exec(sql) ?? [];
  const table = disguisedVariant(hiding).tables.find(({ name }) => name === tableName);
  if (columnName === undefined || !table) throw new RangeError(`not a query of a trace: ${sql}`);
  const column = table.columns.find(({ name }) => name === columnName);
  if (!column) return error(`no such column: ${columnName}`);
  const rows = disguisedRows(hiding, baseRows(hiding.variant))[table.index]!;
  let values = rows.map((row) => row[column.index]!);
  if (distinct) values = [...new Set(values)];
  if (words !== undefined) {
    const pattern = words.replaceAll("''", "'").replace(/\\(.)/g, '$1').toLowerCase();
    const codes = /IN \(([^)]*)\)/.exec(sql)?.[1]?.split(', ') ?? [];
    values = values
      .filter((value) => value !== null)
      .filter((v) => codes.includes(`'${v}'`) || `${v}`.toLowerCase().includes(pattern))
      .sort((a, b) => (a < b ? -1 : 1));
  }
  const shown = values.slice(0, PREVIEW_ROWS).map((value) => [value]);
  return {
    ...{ kind: 'rows', columns: [columnName], rows: shown },
    ...{ rowCount: values.length, truncated: false },
  };
}
