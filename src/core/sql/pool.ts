/**
 * A pool of disposable SQL workers behind `SqlService`. sql.js cannot be interrupted, so a query beyond
 * its limit costs its worker: the pool kills it, records the timeout, and runs the rest elsewhere.
 */
import { badInput, StepSqlError } from '../errors.ts';
import { WorkerCalls, type WorkerPort } from './call.ts';
import { cellKey } from './cells.ts';
import { databaseHash } from './hash.ts';
import { Lru } from './lru.ts';
import type { Outcome, QueryRequest, QueryResult, SqlService } from './outcome.ts';
import type { SandboxOptions } from './sandbox.ts';
import type { BatchEvent, BatchRequest, BatchResult } from './serve.ts';
import { queryKey, type DatabaseSource } from './service.ts';
import { TimeoutLog, type TimeoutEntry } from './timeout-log.ts';

export interface SqlPoolOptions {
  spawn: () => WorkerPort;
  /** Workers; each takes about 50 MB. */
  size: number;
  /** Monotonic milliseconds. */
  now: () => number;
  /** Per query. Default 2000. */
  timeLimitMs?: number;
  /** Most requests in one message to a worker. Default 256. */
  batchSize?: number;
  /** Results kept, in characters of requests and previews. Default 32 million. */
  cacheSize?: number;
  /** Given back from an earlier run to replay its timeouts. */
  timeouts?: TimeoutLog;
  sandbox?: Omit<Partial<SandboxOptions>, 'now' | 'timeLimitMs'>;
}

/** For loading sql.js in a fresh worker on a busy machine. */
const BOOT_LIMIT_MS = 30_000;
/** The worker itself stops late queries that return rows; only then is it killed. */
const KILL_MARGIN_MS = 250;
/** A killed worker may burn its core for seconds (Chromium): no more than this many at once. */
const MAX_WINDING_DOWN = 2;
/** Databases kept in one worker, in bytes. */
const MAX_WORKER_BYTES = 256 << 20;
/** A worker that dies this often without having started a query will not start at all. */
const MAX_FAILED_STARTS = 3;

interface Job {
  request: QueryRequest;
  resolve: (result: QueryResult) => void;
}

interface Worker {
  port: WorkerPort;
  calls: WorkerCalls;
  databases: Lru<true>;
  dropped: string[];
  /** How many of the pool's `#decided` outcomes it has been told. */
  told: number;
  fresh: boolean;
}

export class SqlPool implements SqlService {
  /** Timeouts of this run, those given in included. */
  readonly timeouts: TimeoutLog;
  readonly #options: SqlPoolOptions;
  readonly #timeLimitMs: number;
  readonly #databases = new Map<string, DatabaseSource>();
  readonly #decided: [database: string, sql: string, outcome: Outcome][] = [];
  /** Queries during which a worker died. */
  readonly #suspected = new Set<string>();
  readonly #cache: Lru<QueryResult>;
  readonly #idle: (Worker | null)[];
  readonly #busy = new Set<Worker>();
  readonly #waiting: ((slot: Worker | null) => void)[] = [];
  readonly #killQueue: (() => void)[] = [];
  #windingDown = 0;
  #closed = false;

  constructor(options: SqlPoolOptions) {
    if (!Number.isInteger(options.size) || options.size < 1) {
      throw badInput('size', options.size, 'an integer of at least 1');
    }
    this.#options = options;
    this.#timeLimitMs = options.timeLimitMs ?? 2000;
    this.#cache = new Lru(options.cacheSize ?? 32_000_000);
    this.timeouts = options.timeouts ?? new TimeoutLog();
    this.replay(this.timeouts.entries());
    this.#idle = new Array<null>(options.size).fill(null); // spawned when first needed
  }

  addDatabase(bytes: Uint8Array): Promise<string> {
    const hash = databaseHash(bytes);
    if (!this.#databases.has(hash)) this.register(hash, bytes.slice());
    return Promise.resolve(hash);
  }

  /** For engines that read files themselves, and for callers who know the hash. */
  register(hash: string, source: DatabaseSource): void {
    this.#databases.set(hash, source);
  }

  /** Before the first query: workers answer these without running them. */
  replay(entries: readonly TimeoutEntry[]): void {
    for (const entry of entries) {
      this.timeouts.add(entry);
      this.#decided.push([entry.database, entry.sql, { kind: 'timeout', limitMs: entry.limitMs }]);
    }
  }

  /** Equal requests run once. Rejects for unknown databases and when no worker can be started. */
  async execute(requests: QueryRequest[]): Promise<QueryResult[]> {
    if (this.#closed) throw closed();
    const results = new Map<string, Promise<QueryResult>>();
    const jobs: Job[] = [];
    const keys = requests.map((request) => {
      this.#check(request);
      const key = requestKey(request);
      if (results.has(key)) return key;
      const cached = this.#cache.get(key);
      const result = cached
        ? Promise.resolve(cached)
        : new Promise<QueryResult>((resolve) => jobs.push({ request, resolve }));
      results.set(key, result);
      return key;
    });
    const batchSize = Math.min(
      this.#options.batchSize ?? 256,
      Math.ceil(jobs.length / this.#options.size),
    );
    const batches: Promise<void>[] = [];
    for (let i = 0; i < jobs.length; i += batchSize) {
      batches.push(this.#runBatch(jobs.slice(i, i + batchSize)));
    }
    await Promise.all(batches);
    for (const [key, pending] of results) {
      const result = await pending;
      this.#cache.set(key, result, key.length + previewLength(result));
    }
    return Promise.all(keys.map((key) => results.get(key)!));
  }

  async close(): Promise<void> {
    this.#closed = true;
    const workers = [...this.#idle, ...this.#busy].filter((worker) => worker !== null);
    this.#idle.length = 0;
    for (const resume of this.#waiting.splice(0)) resume(null);
    for (const resume of this.#killQueue.splice(0)) resume();
    await Promise.all(
      workers.map((worker) => {
        worker.calls.close('the SQL service was closed');
        return worker.port.terminate();
      }),
    );
  }

  #check(request: QueryRequest): void {
    for (const hash of [request.database, ...(request.variants ?? [])]) {
      if (!this.#databases.has(hash)) {
        throw badInput('database', hash, 'the hash of a database added before');
      }
    }
  }

  /** Runs a batch to its end, on as many workers as it costs. */
  async #runBatch(jobs: Job[]): Promise<void> {
    let left = jobs;
    let failedStarts = 0;
    while (left.length > 0) {
      const worker = await this.#acquire();
      let running: [database: string, sql: string] | undefined;
      const settle = (results: QueryResult[]): void => {
        results.forEach((result, i) => left[i]!.resolve(result));
        left = left.slice(results.length);
      };
      try {
        const { results, damaged } = (await worker.calls.call(this.#batchFor(worker, left), {
          firstDeadlineMs: BOOT_LIMIT_MS,
          deadlineMs: this.#timeLimitMs + KILL_MARGIN_MS,
          onEvent: (body) => {
            const event = body as BatchEvent;
            settle(event.results);
            if (event.late) this.#timedOut(...event.late);
            running = event.running;
          },
        })) as BatchResult;
        settle(results);
        if (damaged) await this.#retire(worker);
        else this.#release(worker);
      } catch (error) {
        await this.#retire(worker);
        if (!(error instanceof StepSqlError) || this.#closed) throw error;
        if (error.code === 'deadline' && running) this.#timedOut(...running);
        else if (error.code === 'worker_exit' && running) {
          // A worker may die of what an earlier query left behind: only a second death, as the first
          // query of a fresh worker, convicts.
          const key = queryKey(...running);
          if (this.#suspected.has(key)) {
            this.#decided.push([...running, { kind: 'error', message: error.message }]);
          }
          this.#suspected.add(key);
        } else if (error.code !== 'worker_exit' || ++failedStarts === MAX_FAILED_STARTS) {
          throw error;
        }
      }
    }
  }

  #timedOut(database: string, sql: string): void {
    const limitMs = this.#timeLimitMs;
    this.timeouts.add({ database, sql, limitMs });
    this.#decided.push([database, sql, { kind: 'timeout', limitMs }]);
  }

  #batchFor(worker: Worker, jobs: Job[]): BatchRequest {
    const requests = jobs.map(({ request }) => request);
    const add: BatchRequest['add'] = [];
    const drop = worker.dropped.splice(0);
    const needed = new Set(requests.flatMap((r) => [r.database, ...(r.variants ?? [])]));
    for (const hash of needed) {
      const source = this.#databases.get(hash)!;
      if (!worker.databases.get(hash)) add.push([hash, source]);
      worker.databases.set(hash, true, source.length);
    }
    // Databases of this very batch stay until the next.
    drop.push(...worker.dropped.filter((hash) => !needed.has(hash)));
    worker.dropped = worker.dropped.filter((hash) => needed.has(hash));
    const outcomes = this.#decided.slice(worker.told);
    worker.told = this.#decided.length;
    const timeLimitMs = this.#timeLimitMs;
    const options = worker.fresh ? { options: { ...this.#options.sandbox, timeLimitMs } } : {};
    worker.fresh = false;
    return { ...options, add, drop, outcomes, requests };
  }

  async #acquire(): Promise<Worker> {
    const slot = this.#idle.pop();
    const worker =
      slot === undefined
        ? await new Promise<Worker | null>((resolve) => this.#waiting.push(resolve))
        : slot;
    if (this.#closed) throw closed();
    try {
      const ready = worker ?? this.#spawn();
      this.#busy.add(ready);
      return ready;
    } catch (error) {
      this.#free(null);
      throw error;
    }
  }

  #release(worker: Worker): void {
    this.#busy.delete(worker);
    this.#free(worker);
  }

  #free(slot: Worker | null): void {
    const next = this.#waiting.shift();
    if (next) next(slot);
    else this.#idle.push(slot);
  }

  /** Kills a worker and, once its end has begun, frees its slot for a new one. */
  async #retire(worker: Worker): Promise<void> {
    if (this.#windingDown >= MAX_WINDING_DOWN && !this.#closed) {
      await new Promise<void>((resolve) => this.#killQueue.push(resolve));
    }
    this.#windingDown++;
    const ended = (): void => {
      this.#windingDown--;
      this.#killQueue.shift()?.();
    };
    worker.port.terminate().then(ended, ended);
    this.#busy.delete(worker);
    this.#free(null);
  }

  #spawn(): Worker {
    const port = this.#options.spawn();
    const worker: Worker = {
      port,
      calls: new WorkerCalls(port, this.#options.now),
      databases: new Lru(MAX_WORKER_BYTES, (_, hash) => worker.dropped.push(hash)),
      dropped: [],
      told: 0,
      fresh: true,
    };
    return worker;
  }
}

const closed = (): StepSqlError => new StepSqlError('closed', 'the SQL service is closed');

/** Roughly what a result takes, in characters. */
function previewLength({ outcome }: QueryResult): number {
  if (outcome.kind !== 'rows') return 100;
  let length = 100;
  for (const row of outcome.rows) {
    for (const cell of row) {
      length += typeof cell === 'string' || cell instanceof Uint8Array ? cell.length : 8;
    }
  }
  return length;
}

/** Equal for requests that must give equal results. */
function requestKey({ database, sql, gold, answer, variants }: QueryRequest): string {
  const target = answer?.map((row) => row.map(cellKey));
  return JSON.stringify([database, sql, gold, target, variants]);
}
