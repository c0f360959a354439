/**
 * Cells of query results as text. They come from SQLite, from JSON (bigints as digits, blobs as lists
 * of numbers) or from a worker, and a policy's SQL may put anything into them.
 */

export type CellKind = 'null' | 'number' | 'text' | 'blob';

export interface CellText {
  kind: CellKind;
  /** Short enough to show. */
  text: string;
}

const LONGEST = 160;
const BLOB_PREVIEW = 8;

/** At most `limit` code units, never half a surrogate pair. */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const end = /[\ud800-\udbff]/.test(text[limit - 1]!) ? limit - 1 : limit;
  return `${text.slice(0, end)}…`;
}

/** Marks that turn the direction of what follows, which could disguise a query. */
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text with its direction marks written out. */
export const visible = (text: string): string =>
  text.replace(
    TURNING,
    (mark) => `‹U+${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}›`,
  );

function blob(bytes: ArrayLike<unknown>): string {
  const shown = Array.from({ length: Math.min(bytes.length, BLOB_PREVIEW) }, (_, i) =>
    (Number(bytes[i]) & 255).toString(16).padStart(2, '0'),
  ).join(' ');
  const size = `${bytes.length} ${bytes.length === 1 ? 'byte' : 'bytes'}`;
  if (bytes.length === 0) return size;
  return `${shown}${bytes.length > BLOB_PREVIEW ? ' …' : ''} (${size})`;
}

export function cellText(cell: unknown): CellText {
  if (cell === null || cell === undefined) return { kind: 'null', text: 'NULL' };
  if (typeof cell === 'number' || typeof cell === 'bigint') {
    return { kind: 'number', text: String(cell) };
  }
  if (typeof cell === 'string') return { kind: 'text', text: visible(cut(cell, LONGEST)) };
  if (Array.isArray(cell)) return { kind: 'blob', text: blob(cell) };
  if (cell instanceof Uint8Array) return { kind: 'blob', text: blob(cell) };
  return { kind: 'text', text: `(${typeof cell})` }; // from a foreign run file
}
