/**
 * The sandbox of core/sql/engine.ts on native SQLite, for databases too large for memory: `node:sqlite`
 * where Node has it, else `better-sqlite3` where it is installed.
 *
 * Differences from sql.js: SQLite's version is the engine's, and 'now' is the real clock.
 */
import { badInput, StepSqlError } from '../core/errors.ts';
import type { Cell } from '../core/data/task.ts';
import { Stream } from '../core/random/stream.ts';
import { refusal } from '../core/sql/guard.ts';
import {
  collectRows,
  failed,
  normalisedInteger,
  randomBlob,
  randomInteger,
  type Sandbox,
  SANDBOX_DEFAULTS,
  type SandboxOptions,
  type SandboxResult,
} from '../core/sql/sandbox.ts';
import type { OpenDatabase } from '../core/sql/service.ts';

/** What both libraries come down to. */
interface Native {
  exec(sql: string): void;
  function(name: string, run: (...args: unknown[]) => unknown): void;
  /** Rows as arrays with bigint for every integer. */
  query(sql: string): { columns: string[]; rows: Iterable<Cell[]> };
  close(): void;
}

/** Finds an engine; throws `missing_engine` with what to do when there is none. */
export async function loadNativeEngine(): Promise<OpenDatabase> {
  const open = (await nodeSqlite()) ?? (await betterSqlite());
  if (!open) {
    throw new StepSqlError(
      'missing_engine',
      `no native SQLite: got Node ${process.versions.node} without better-sqlite3, expected ` +
        'Node 22.16 or newer, or `npm install better-sqlite3`',
    );
  }
  return (source, options) => {
    if (typeof source !== 'string') throw badInput('database', 'bytes', 'the path of a file');
    return new NativeSandbox(open(source), { ...SANDBOX_DEFAULTS, ...options });
  };
}

type OpenNative = (path: string) => Native;

/** Loads a package that may not be there, out of sight of bundlers and types. */
async function optional(name: string): Promise<Record<string, unknown> | undefined> {
  try {
    return (await import(name)) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

interface NodeStatement {
  setReturnArrays(on: boolean): void;
  setReadBigInts(on: boolean): void;
  columns(): { name: string }[];
  iterate(): Iterable<Cell[]>;
}

interface NodeDatabase {
  exec(sql: string): void;
  function(name: string, options: { varargs: boolean }, run: (...args: unknown[]) => unknown): void;
  prepare(sql: string): NodeStatement;
  close(): void;
}

async function nodeSqlite(): Promise<OpenNative | undefined> {
  const module = await optional('node:sqlite');
  const DatabaseSync = module?.['DatabaseSync'] as
    (new (path: string, options: { readOnly: boolean }) => NodeDatabase) | undefined;
  const StatementSync = module?.['StatementSync'] as { prototype: object } | undefined;
  // Without arrays, columns of the same name would fall together (Node before 22.16).
  if (!DatabaseSync || !StatementSync || !('setReturnArrays' in StatementSync.prototype)) return;
  return (path) => {
    const db = new DatabaseSync(path, { readOnly: true });
    return {
      exec: (sql) => db.exec(sql),
      function: (name, run) => db.function(name, { varargs: true }, run),
      query(sql) {
        const statement = db.prepare(sql);
        statement.setReturnArrays(true);
        statement.setReadBigInts(true);
        return { columns: statement.columns().map(({ name }) => name), rows: statement.iterate() };
      },
      close: () => db.close(),
    };
  };
}

interface BetterStatement {
  raw(on: boolean): BetterStatement;
  safeIntegers(on: boolean): BetterStatement;
  columns(): { name: string }[];
  iterate(): Iterable<Cell[]>;
}

interface BetterDatabase {
  exec(sql: string): unknown;
  function(name: string, options: { varargs: boolean }, run: (...args: unknown[]) => unknown): void;
  prepare(sql: string): BetterStatement;
  close(): unknown;
}

async function betterSqlite(): Promise<OpenNative | undefined> {
  const module = await optional('better-sqlite3');
  const Database = module?.['default'] as
    | (new (path: string, options: { readonly: boolean; fileMustExist: boolean }) => BetterDatabase)
    | undefined;
  if (!Database) return undefined;
  return (path) => {
    const db = new Database(path, { readonly: true, fileMustExist: true });
    return {
      exec: (sql) => void db.exec(sql),
      function: (name, run) => db.function(name, { varargs: true }, run),
      query(sql) {
        const statement = db.prepare(sql).raw(true).safeIntegers(true);
        return { columns: statement.columns().map(({ name }) => name), rows: statement.iterate() };
      },
      close: () => void db.close(),
    };
  };
}

class NativeSandbox implements Sandbox {
  readonly damaged = false;
  readonly #db: Native;
  readonly #options: SandboxOptions;
  #random: Stream;

  constructor(db: Native, options: SandboxOptions) {
    this.#db = db;
    this.#options = options;
    this.#random = new Stream(options.seed, 'sql');
    db.exec('PRAGMA temp_store=2');
    db.exec(`PRAGMA hard_heap_limit=${options.heapLimit}`);
    db.exec('PRAGMA query_only=1');
    db.function('random', () => randomInteger(this.#random));
    db.function('randomblob', (size) => randomBlob(this.#random, size));
  }

  run(sql: string): SandboxResult {
    const reason = refusal(sql, this.#options.maxSqlLength);
    if (reason !== null) return failed({ kind: 'refused', reason });
    this.#random = new Stream(this.#options.seed, 'sql');
    try {
      const { columns, rows } = this.#db.query(sql.replace(/^[\s;]+/, ''));
      return collectRows(columns, cellsOf(rows, this.#options.maxBytes), this.#options);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return failed({ kind: 'error', message });
    }
  }

  close(): void {
    this.#db.close();
  }
}

/** Rows as core knows them (plain Uint8Array, number where exact), null beyond the byte cap. */
function* cellsOf(rows: Iterable<Cell[]>, maxBytes: number): Generator<Cell[] | null> {
  let bytes = 0;
  for (const row of rows) {
    for (const cell of row) {
      if (typeof cell === 'string' || cell instanceof Uint8Array) bytes += cell.length;
    }
    yield bytes > maxBytes
      ? null
      : row.map((cell) =>
          cell instanceof Uint8Array ? new Uint8Array(cell) : normalisedInteger(cell),
        );
  }
}
