/** Tables of plain text. */
import type { Cell } from '../../core/data/task.ts';

/**
 * Columns as wide as their longest cell, two spaces between them; the first is aligned left, the others
 * right, or all left with `left`.
 */
export function textTable(rows: readonly (readonly string[])[], align?: 'left'): string {
  const widths = rows.reduce<number[]>(
    (longest, row) => row.map((cell, i) => Math.max(longest[i] ?? 0, cell.length)),
    [],
  );
  return rows
    .map((row) =>
      row
        .map((cell, i) =>
          i === 0 || align === 'left' ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A share as a percentage with one decimal. */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Text from a policy or a database, without what would move a terminal's cursor. */
export const printable = (text: string): string =>
  text.replace(/\p{Cc}/gu, (character) => (character === '\n' ? '\n' : '�'));

const MAX_CELL = 40;

/** A cell of a query's result on one line, cut where it is long. */
export function cellText(cell: Cell): string {
  const text =
    cell === null
      ? 'NULL'
      : cell instanceof Uint8Array
        ? `<${cell.length} bytes>`
        : printable(String(cell).replace(/\s+/g, ' '));
  return text.length > MAX_CELL ? `${text.slice(0, MAX_CELL - 1)}…` : text;
}

const counted = (count: number): string => `${count} ${count === 1 ? 'row' : 'rows'}`;

/** A query's result: names of columns, the first rows, and how many there are in all. */
export function resultTable(
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
  rowCount: number,
  truncated: boolean,
): string {
  const names = columns.map((name) => cellText(name));
  const rule = names.map((name, i) =>
    '-'.repeat(Math.max(name.length, ...rows.map((row) => cellText(row[i]!).length))),
  );
  const table = textTable([names, rule, ...rows.map((row) => row.map(cellText))], 'left');
  const all = `${truncated ? 'more than ' : ''}${counted(rowCount)}`;
  return `${table}\n${rows.length < rowCount ? `the first ${rows.length} of ${all}` : all}`;
}

/** A value for JSON: integers beyond 2^53 and bytes as text. */
export function jsonCell(cell: Cell): null | number | string {
  if (typeof cell === 'bigint') return cell.toString();
  return cell instanceof Uint8Array ? Buffer.from(cell).toString('hex') : cell;
}
