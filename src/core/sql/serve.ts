/** The message protocol between the pool (pool.ts) and a SQL worker, and the worker's side of it. */
import { errorResponse, type Request, type Response } from './call.ts';
import type { Outcome, QueryRequest, QueryResult } from './outcome.ts';
import { SANDBOX_DEFAULTS, type SandboxOptions } from './sandbox.ts';
import { type DatabaseSource, type OpenDatabase, SqlWorkerCore } from './service.ts';

/** One batch. Everything the worker lacks for it comes along. */
export interface BatchRequest {
  /** With the first batch only. */
  options?: Omit<Partial<SandboxOptions>, 'now'> & { timeLimitMs: number };
  /** Databases new to this worker, and databases to forget. */
  add: [hash: string, source: DatabaseSource][];
  drop: string[];
  /** Outcomes decided without running: timeouts and crashes. */
  outcomes: [database: string, sql: string, outcome: Outcome][];
  requests: QueryRequest[];
}

/** Sent before each query runs: should the worker hang or crash, this is the guilty one. */
export interface BatchEvent {
  running?: [database: string, sql: string];
  /** Queries that came back, but after the time limit. */
  late?: [database: string, sql: string];
  /** Results since the last event, in order. */
  results: QueryResult[];
}

export interface BatchResult {
  results: QueryResult[];
  /** The worker asks to be replaced. */
  damaged: boolean;
}

/** Results travel in bunches: one message for each would cost as much as a query. */
const BUNCH = 32;
/** But no longer than this back: they are lost, and run again, when a later query hangs. */
const FLUSH_MS = 50;

/** Returns the handler of the worker's messages. The engine is loaded at the first. */
export function serveSql(
  loadEngine: () => Promise<OpenDatabase>,
  now: () => number,
  post: (response: Response) => void,
): (message: unknown) => void {
  let core: SqlWorkerCore | undefined;
  const handle = async ({ id, body }: Request): Promise<void> => {
    const batch = body as BatchRequest;
    core ??= new SqlWorkerCore(await loadEngine(), {
      timeLimitMs: SANDBOX_DEFAULTS.timeLimitMs,
      ...batch.options,
      now,
    });
    for (const hash of batch.drop) core.dropDatabase(hash);
    for (const [hash, source] of batch.add) core.addDatabase(hash, source);
    for (const [database, sql, outcome] of batch.outcomes) core.setOutcome(database, sql, outcome);
    const results: QueryResult[] = [];
    let flushedAt = now();
    const send = (event: Omit<BatchEvent, 'results'>): void => {
      const due = results.length >= BUNCH || now() - flushedAt > FLUSH_MS;
      if (due) flushedAt = now();
      const flushed = due ? results.splice(0) : [];
      post({ id, kind: 'event', body: { ...event, results: flushed } satisfies BatchEvent });
    };
    core.hooks.onStart = (database, sql) => send({ running: [database, sql] });
    core.hooks.onTimeout = (database, sql) => send({ late: [database, sql] });
    for (const request of batch.requests) results.push(core.execute(request));
    post({ id, kind: 'result', body: { results, damaged: core.damaged } satisfies BatchResult });
  };
  return (message) => {
    const request = message as Request;
    handle(request).catch((error: unknown) => post(errorResponse(request.id, error)));
  };
}
