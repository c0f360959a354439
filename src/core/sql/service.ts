/**
 * What runs inside a SQL worker: open databases, gold results, comparison. Only verdicts and previews
 * leave it. Everything is synchronous, so one query at a time and always in order.
 */
import type { SqlJsStatic } from 'sql.js';
import type { Cell } from '../data/task.ts';
import { badInput } from '../errors.ts';
import { bestOf, compareRows } from './compare.ts';
import { openSandbox } from './engine.ts';
import { ordersRows } from './guard.ts';
import { databaseHash } from './hash.ts';
import { Lru } from './lru.ts';
import type { Comparison, Outcome, QueryRequest, QueryResult, SqlService } from './outcome.ts';
import {
  type Sandbox,
  SANDBOX_DEFAULTS,
  type SandboxOptions,
  type SandboxResult,
} from './sandbox.ts';

/** One query on one database: the unit that runs, is cached, and may time out. */
export const queryKey = (database: string, sql: string): string => `${database} ${sql}`;

const MAX_OPEN_DATABASES = 16;
const MAX_OPEN_BYTES = 128 << 20;
/** Cells of cached gold results. */
const MAX_GOLD_CELLS = 2_000_000;

/** Bytes of a SQLite file, or the path of one where an engine reads files itself. */
export type DatabaseSource = Uint8Array | string;

export type OpenDatabase = (source: DatabaseSource, options: Partial<SandboxOptions>) => Sandbox;

/** The engine of the tab, and of Node by default. */
export function sqlJsEngine(SQL: SqlJsStatic): OpenDatabase {
  return (source, options) => {
    if (typeof source === 'string')
      throw badInput('database', source, 'the bytes of a SQLite file');
    return openSandbox(SQL, source, options);
  };
}

export interface SqlWorkerOptions extends Partial<SandboxOptions> {
  timeLimitMs: number;
  now: () => number;
}

type Gold = { rows: Cell[][]; ordered: boolean } | { error: string };

export interface SqlWorkerHooks {
  /** Called before a query runs, never for what is known already. */
  onStart?: (database: string, sql: string) => void;
  /** Called when a query took longer than the time limit, though it came back. */
  onTimeout?: (database: string, sql: string) => void;
}

export class SqlWorkerCore {
  readonly #engine: OpenDatabase;
  readonly #options: SqlWorkerOptions;
  readonly #sources = new Map<string, DatabaseSource>();
  readonly #open: Lru<Sandbox>;
  readonly #gold = new Lru<Gold>(MAX_GOLD_CELLS);
  readonly #known = new Map<string, Outcome>();
  readonly hooks: SqlWorkerHooks = {};
  #damaged = false;

  constructor(engine: OpenDatabase, options: SqlWorkerOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#open = new Lru(MAX_OPEN_BYTES, (sandbox) => {
      this.#damaged ||= sandbox.damaged;
      sandbox.close();
    });
  }

  addDatabase(hash: string, source: DatabaseSource): void {
    this.#sources.set(hash, source);
  }

  dropDatabase(hash: string): void {
    this.#sources.delete(hash);
    this.#open.delete(hash);
  }

  /** Gives a query its outcome without running it: a timeout of another run, or a crash. */
  setOutcome(database: string, sql: string, outcome: Outcome): void {
    this.#known.set(queryKey(database, sql), outcome);
  }

  /** True when this thread had better be replaced (`Sandbox.damaged`). */
  get damaged(): boolean {
    return this.#damaged;
  }

  /** Throws only for requests that are wrong in themselves, such as an unknown database. */
  execute(request: QueryRequest): QueryResult {
    const { database, sql, gold = [], answer, variants = [] } = request;
    const start = this.#options.now();
    const { outcome, fullRows } = this.#run(database, sql);
    const result: QueryResult = { outcome, elapsedMs: this.#options.now() - start };
    const fail = (error: string): void => void (result.goldError ??= error);
    const add = (comparison: Comparison): void => {
      result.comparison = result.comparison ? bestOf(result.comparison, comparison) : comparison;
    };
    for (const goldSql of gold) {
      const target = this.#goldRows(database, goldSql);
      if ('error' in target) fail(target.error);
      else if (outcome.kind === 'rows') {
        const comparison = compareResult(outcome, fullRows, target);
        if (variants.length > 0) {
          comparison.testSuite =
            comparison.spider && variants.every((hash) => this.#passes(hash, sql, goldSql, fail));
        }
        add(comparison);
      }
    }
    if (answer && outcome.kind === 'rows') {
      add(compareResult(outcome, fullRows, { rows: answer, ordered: false }));
    }
    return result;
  }

  /** Whether the prediction matches gold on one variant (Spider's EX). */
  #passes(variant: string, sql: string, goldSql: string, fail: (error: string) => void): boolean {
    const target = this.#goldRows(variant, goldSql);
    if ('error' in target) {
      fail(target.error);
      return false;
    }
    const { outcome, fullRows } = this.#run(variant, sql);
    return outcome.kind === 'rows' && compareResult(outcome, fullRows, target).spider;
  }

  #goldRows(database: string, sql: string): Gold {
    const key = queryKey(database, sql);
    let gold = this.#gold.get(key);
    if (!gold) {
      const { outcome, fullRows } = this.#run(database, sql);
      const problem = goldProblem(outcome);
      gold = problem === null ? { rows: fullRows, ordered: ordersRows(sql) } : { error: problem };
      const width = fullRows[0]?.length ?? 0;
      this.#gold.set(key, gold, 1 + fullRows.length * width);
    }
    return gold;
  }

  #run(database: string, sql: string): SandboxResult {
    const known = this.#known.get(queryKey(database, sql));
    if (known) return { outcome: known, fullRows: [] };
    this.hooks.onStart?.(database, sql);
    const { now, timeLimitMs } = this.#options;
    const start = now();
    let result = this.#sandbox(database).run(sql);
    if (result.outcome.kind === 'error' && result.outcome.message === 'out of memory') {
      // Caches of open databases share the heap limit. Alone, the outcome depends on the query only.
      this.#open.clear();
      result = this.#sandbox(database).run(sql);
    }
    if (now() - start > timeLimitMs) {
      result = { outcome: { kind: 'timeout', limitMs: timeLimitMs }, fullRows: [] };
    }
    if (result.outcome.kind === 'timeout') {
      this.setOutcome(database, sql, result.outcome);
      this.hooks.onTimeout?.(database, sql);
    }
    this.#damaged ||= this.#sandbox(database).damaged;
    return result;
  }

  #sandbox(hash: string): Sandbox {
    let sandbox = this.#open.get(hash);
    if (!sandbox) {
      const source = this.#sources.get(hash);
      if (source === undefined)
        throw badInput('database', hash, 'the hash of a database added before');
      sandbox = this.#engine(source, this.#options);
      // The length of a path is too little to count; the file stays on disk.
      this.#open.set(hash, sandbox, Math.max(source.length, MAX_OPEN_BYTES / MAX_OPEN_DATABASES));
    }
    return sandbox;
  }

  close(): void {
    this.#open.clear();
  }
}

function goldProblem(outcome: Outcome): string | null {
  switch (outcome.kind) {
    case 'rows':
      return outcome.truncated ? `gold returns more than the sandbox keeps` : null;
    case 'error':
      return `gold fails: ${outcome.message}`;
    case 'timeout':
      return `gold takes longer than ${outcome.limitMs} ms`;
    case 'refused':
      return `gold is refused: ${outcome.reason}`;
  }
}

/** A cut prediction is nobody's equal, though its cells still count in the relaxed scores. */
function compareResult(
  outcome: Outcome & { kind: 'rows' },
  rows: Cell[][],
  target: { rows: Cell[][]; ordered: boolean },
): Comparison {
  const comparison = compareRows(rows, target.rows, target.ordered);
  if (!outcome.truncated) return comparison;
  return { ...comparison, bird: false, spider: false, exact: false };
}

/**
 * A service in this very thread, for tests and tools: a query that never returns a row cannot be
 * stopped here. Untrusted SQL belongs in a pool.
 */
export function localSqlService(
  SQL: SqlJsStatic,
  options: Partial<SandboxOptions> = {},
): SqlService {
  const defaults = { timeLimitMs: SANDBOX_DEFAULTS.timeLimitMs, now: () => 0 };
  const core = new SqlWorkerCore(sqlJsEngine(SQL), { ...defaults, ...options });
  return {
    addDatabase(bytes) {
      const hash = databaseHash(bytes);
      core.addDatabase(hash, bytes);
      return Promise.resolve(hash);
    },
    execute: (requests) =>
      new Promise((resolve) => resolve(requests.map((request) => core.execute(request)))),
    close() {
      core.close();
      return Promise.resolve();
    },
  };
}
