/**
 * One SQLite database in a sandbox: queries a policy wrote run here and nowhere else. What sql.js
 * cannot do, interrupt a running query, is the pool's business (pool.ts).
 */
import type { Database, SqlJsStatic, Statement } from 'sql.js';
import type { Cell } from '../data/task.ts';
import { badInput } from '../errors.ts';
import { Stream } from '../random/stream.ts';
import { withFrozenDate } from './frozen.ts';
import { onlyTrivia, refusal, SEVERAL } from './guard.ts';
import { type Exports, hooksOf, OverBudget } from './load.ts';
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
} from './sandbox.ts';

export { loadSql } from './load.ts';
export type { Sandbox, SandboxOptions, SandboxResult } from './sandbox.ts';

export interface SqlJsSandbox extends Sandbox {
  /** The file as it is now. */
  export(): Uint8Array;
}

export function openSandbox(
  SQL: SqlJsStatic,
  bytes: Uint8Array,
  options: Partial<SandboxOptions> = {},
): SqlJsSandbox {
  return new Opened(SQL, bytes, { ...SANDBOX_DEFAULTS, ...options });
}

class Opened implements SqlJsSandbox {
  readonly #SQL: SqlJsStatic;
  readonly #bytes: Uint8Array;
  readonly #options: SandboxOptions;
  #db: Database;
  #random: Stream;
  damaged = false;

  constructor(SQL: SqlJsStatic, bytes: Uint8Array, options: SandboxOptions) {
    this.#SQL = SQL;
    this.#bytes = readable(bytes);
    this.#options = options;
    this.#random = new Stream(options.seed, 'sql');
    this.#db = this.#open();
  }

  #open(): Database {
    const { heapLimit } = this.#options;
    const db = new this.#SQL.Database(this.#bytes);
    // Sorts in temporary files would escape the heap limit, so memory comes first.
    db.run('PRAGMA temp_store=2');
    const limit = db.exec(`PRAGMA hard_heap_limit=${heapLimit}`)[0]?.values[0]?.[0];
    if (limit !== heapLimit) {
      db.close();
      throw badInput('heapLimit', heapLimit, `${String(limit)}, which this thread already has`);
    }
    db.run('PRAGMA query_only=1');
    const hooks = hooksOf(this.#SQL);
    db.create_function('random', () => {
      hooks.integerResult = randomInteger(this.#random);
      return 0;
    });
    db.create_function('randomblob', (size: unknown) => randomBlob(this.#random, size));
    return db;
  }

  run(sql: string): SandboxResult {
    const reason = refusal(sql, this.#options.maxSqlLength);
    if (reason !== null) return failed({ kind: 'refused', reason });
    this.#random = new Stream(this.#options.seed, 'sql');
    return withFrozenDate(this.#options.date, () => this.#run(sql));
  }

  #run(sql: string): SandboxResult {
    const engine = this.#SQL as unknown as Exports;
    const stack = engine.stackSave();
    const hooks = hooksOf(this.#SQL);
    // Leading empty statements would make SQLite prepare nothing.
    const statements = this.#db.iterateStatements(sql.replace(/^[\s;]+/, ''));
    try {
      const { value: statement } = statements.next() as { value?: Statement };
      if (!statement) return failed({ kind: 'refused', reason: 'no statement' });
      if (!onlyTrivia(statements.getRemainingSQL())) {
        return failed({ kind: 'refused', reason: SEVERAL });
      }
      hooks.bytesLeft = this.#options.maxBytes;
      return collectRows(statement.getColumnNames(), rowsOf(statement), this.#options);
    } catch (error) {
      if (error instanceof Error && error.constructor === Error) {
        return failed({ kind: 'error', message: error.message });
      }
      engine.stackRestore(stack);
      this.#reopen();
      return failed({ kind: 'error', message: 'the query is too deeply nested' });
    } finally {
      hooks.bytesLeft = Infinity;
      hooks.integerResult = null;
      free(statements);
    }
  }

  #reopen(): void {
    this.damaged = true;
    try {
      this.#db.close();
    } catch {
      // The old connection stays behind; the new one does not depend on it.
    }
    this.#db = this.#open();
  }

  export(): Uint8Array {
    return this.#db.export();
  }

  close(): void {
    this.#db.close();
  }
}

function* rowsOf(statement: Statement): Generator<Cell[] | null> {
  while (statement.step()) yield readRow(statement);
}

/** One row, or null when its text and blobs are beyond the byte cap. */
function readRow(statement: Statement): Cell[] | null {
  try {
    const row: Cell[] = statement.get();
    // Doubles hold integers up to 2^53; beyond, read the row again with bigint for every integer.
    if (!row.some((cell) => Number.isInteger(cell) && !Number.isSafeInteger(cell))) return row;
    const get = statement.get.bind(statement) as (
      params: null,
      config: { useBigInt: boolean },
    ) => Cell[];
    return get(null, { useBigInt: true }).map(normalisedInteger);
  } catch (error) {
    if (error instanceof OverBudget) return null;
    throw error;
  }
}

/** Frees the statement and the copy of the SQL text, whatever state they are in. */
function free(statements: ReturnType<Database['iterateStatements']>): void {
  try {
    (statements as unknown as { return(): unknown }).return();
  } catch {
    // Its connection was closed after a failure, and the statement with it.
  }
}

/**
 * SQLite's header, without write-ahead logging: a file left in that mode wants shared memory, which
 * the sandbox has not, and reads the same without.
 */
export function readable(bytes: Uint8Array): Uint8Array {
  const magic = String.fromCharCode(...bytes.subarray(0, 16));
  if (bytes.length > 0 && magic !== 'SQLite format 3\0') {
    throw badInput('database', magic, 'a SQLite file, which starts with "SQLite format 3"');
  }
  if (bytes[18] !== 2 && bytes[19] !== 2) return bytes;
  const copy = bytes.slice();
  copy[18] = copy[19] = 1;
  return copy;
}
