/** Keys of cells: two cells are equal in a comparison mode iff their keys are equal strings. */
import type { Cell } from '../data/task.ts';

/**
 * Equality of Python's sqlite3 values, which BIRD's and Spider's evaluators compare: 1 == 1.0,
 * integers exact beyond 2^53, -0 == 0, text case-sensitive, bytes never equal to text, NULL equal to
 * NULL. NaN equals itself here (SQLite never returns one; answers from a file might hold one).
 */
export function cellKey(cell: Cell): string {
  switch (typeof cell) {
    case 'number':
      return numberKey(cell);
    case 'bigint':
      return `n${cell}`;
    case 'string':
      return `s${cell.length}:${cell}`;
    default:
      return cell === null ? '_' : bytesKey(cell);
  }
}

/** Unambiguous, because every text and blob in it carries its length. */
export function rowKey(row: readonly Cell[]): string {
  let key = '';
  for (const cell of row) key += `${cellKey(cell)},`;
  return key;
}

function numberKey(value: number): string {
  if (!Number.isInteger(value)) return `n${value}`;
  if (Number.isSafeInteger(value)) return `n${value === 0 ? 0 : value}`;
  return `n${BigInt(value)}`;
}

function bytesKey(bytes: Uint8Array): string {
  let key = `b${bytes.length}:`;
  for (let i = 0; i < bytes.length; i += 4096) {
    key += String.fromCharCode(...bytes.subarray(i, i + 4096));
  }
  return key;
}

/** Plain decimal, no leading zeros: '02134' is a code, not a number. */
const NUMERIC = /^[+-]?(0|[1-9][0-9]{0,39})(\.[0-9]{1,40})?$/;

/**
 * Key of a normalised cell for the relaxed scores (2506.06093 §3.2, this project's reading): text is
 * trimmed, inner white space collapsed, lower-cased; text that is a plain decimal number counts as
 * that number, because answers come from files; other than integral numbers are rounded to 12
 * significant digits, which hides the order of summation (about 1e-15) and nothing a person would
 * write down.
 */
export function normalisedCellKey(cell: Cell): string {
  if (typeof cell === 'number') return numberKey(rounded(cell));
  if (typeof cell !== 'string') return cellKey(cell);
  const text = cell.trim().replace(/\s+/g, ' ').toLowerCase();
  const numeric = NUMERIC.exec(text);
  if (!numeric) return cellKey(text);
  if (numeric[2] === undefined) return `n${BigInt(text.replace('+', ''))}`;
  return numberKey(rounded(Number(text)));
}

function rounded(value: number): number {
  return Number.isFinite(value) && !Number.isInteger(value) ? Number(value.toPrecision(12)) : value;
}

/** How often each key occurs. */
export function bagOf(keys: Iterable<string>): Map<string, number> {
  const bag = new Map<string, number>();
  for (const key of keys) bag.set(key, (bag.get(key) ?? 0) + 1);
  return bag;
}

/** Size of the intersection of two bags. */
export function overlap(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  let size = 0;
  for (const [key, count] of a) size += Math.min(count, b.get(key) ?? 0);
  return size;
}
