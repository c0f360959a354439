/** What every sandboxed engine has in common: options, caps, random functions. */
import type { Cell } from '../data/task.ts';
import type { Stream } from '../random/stream.ts';
import type { Outcome } from './outcome.ts';

export interface SandboxOptions {
  /** Longest SQL text, in UTF-16 code units. */
  maxSqlLength: number;
  /** Caps of a result; whatever lies beyond is cut and the outcome marked `truncated`. */
  maxRows: number;
  maxCells: number;
  /** Bytes of text and blobs of a result. */
  maxBytes: number;
  /** SQLite's hard heap limit in bytes. With sql.js the first sandbox of a thread fixes it for all. */
  heapLimit: number;
  /** Checked between rows only. */
  timeLimitMs: number;
  /** Rows in `Outcome.rows`. */
  previewRows: number;
  /** What SQLite takes for now, in ms since 1970 UTC; its time zone is UTC. */
  date: number;
  /** Key of random() and randomblob(), which start anew with every query. */
  seed: number;
  /** Milliseconds from any origin. Without it the time limit is not checked here. */
  now?: () => number;
}

export const SANDBOX_DEFAULTS: SandboxOptions = {
  maxSqlLength: 100_000,
  maxRows: 10_000,
  maxCells: 500_000,
  maxBytes: 8 << 20,
  heapLimit: 64 << 20,
  timeLimitMs: 2000,
  previewRows: 20,
  date: Date.UTC(2025, 0, 1),
  seed: 0,
};

export interface SandboxResult {
  /** `rows` of the outcome are the first `previewRows` of `fullRows`. */
  outcome: Outcome;
  /** Every row up to the caps; empty unless the outcome is rows. */
  fullRows: Cell[][];
}

export interface Sandbox {
  /** Never throws for anything in `sql`. The database is never changed. */
  run(sql: string): SandboxResult;
  /**
   * True after a failure SQLite did not foresee (a stack overflow inside wasm). The database was opened
   * anew and works, but memory of the failed query may be lost: a worker had better be replaced.
   */
  readonly damaged: boolean;
  close(): void;
}

export const failed = (outcome: Outcome): SandboxResult => ({ outcome, fullRows: [] });

/** Takes rows up to the caps and the time limit. A null row is one beyond the byte cap. */
export function collectRows(
  columns: string[],
  rows: Iterable<Cell[] | null>,
  options: SandboxOptions,
): SandboxResult {
  const { maxRows, maxCells, now, timeLimitMs, previewRows } = options;
  const limit = Math.min(maxRows, Math.floor(maxCells / Math.max(1, columns.length)));
  const start = now?.() ?? 0;
  const fullRows: Cell[][] = [];
  let truncated = false;
  for (const row of rows) {
    if (row === null || fullRows.length === limit) {
      truncated = true;
      break;
    }
    fullRows.push(row);
    if (now && fullRows.length % 64 === 0 && now() - start > timeLimitMs) {
      return failed({ kind: 'timeout', limitMs: timeLimitMs });
    }
  }
  const preview = fullRows.slice(0, previewRows);
  const rowCount = fullRows.length;
  return { outcome: { kind: 'rows', columns, rows: preview, rowCount, truncated }, fullRows };
}

/** SQLite's random(): any 64-bit integer. */
export function randomInteger(stream: Stream): bigint {
  const high = BigInt(stream.u32());
  return BigInt.asIntN(64, (high << 32n) | BigInt(stream.u32()));
}

/** Longest randomblob(): SQLite's heap limit does not see what JavaScript allocates. */
const MAX_RANDOM_BLOB = 1 << 20;

/** SQLite's randomblob(n): n bytes, at least one. */
export function randomBlob(stream: Stream, size: unknown): Uint8Array {
  const length = Math.max(1, Math.trunc(Number(size)) || 1);
  if (length > MAX_RANDOM_BLOB) throw new Error('string or blob too big');
  return Uint8Array.from({ length }, () => stream.u32() >>> 24);
}

/** SQLite's integers as core knows them: number where exact. */
export function normalisedInteger(cell: Cell): Cell {
  return typeof cell === 'bigint' && Number.isSafeInteger(Number(cell)) ? Number(cell) : cell;
}
