import { beforeAll, describe, expect, it } from 'vitest';
import type { SqlJsStatic } from 'sql.js';
import type { WorkerPort } from './call.ts';
import { createDatabase } from './create.ts';
import { loadSql } from './engine.ts';
import type { QueryRequest, QueryResult } from './outcome.ts';
import { SqlPool, type SqlPoolOptions } from './pool.ts';
import { serveSql } from './serve.ts';
import { sqlJsEngine } from './service.ts';
import { TimeoutLog } from './timeout-log.ts';

let SQL: SqlJsStatic;
let bytes: Uint8Array;

beforeAll(async () => {
  SQL = await loadSql();
  bytes = createDatabase(SQL, ['CREATE TABLE t (a)'], [{ table: 't', rows: [[1], [2]] }]);
});

/**
 * Workers on this very thread, which pretend: announcing a query with HANG in it they fall silent, with
 * CRASH they exit. `ran` collects what was announced.
 */
class FakeWorkers {
  readonly ran: string[] = [];
  spawned = 0;
  terminated = 0;
  windingDown = 0;
  mostWindingDown = 0;
  failStarts = 0;

  spawn = (): WorkerPort => {
    this.spawned++;
    const startFails = this.failStarts-- > 0;
    let onMessage: (message: unknown) => void = () => {};
    let onExit: (reason: string) => void = () => {};
    let dead = false;
    const handle = serveSql(
      () => Promise.resolve(sqlJsEngine(SQL)),
      () => 0, // whatever the machine does, no query here is late by itself
      (response) => {
        if (dead) return;
        onMessage(structuredClone(response));
        const running = (response as { body?: { running?: [string, string] } }).body?.running;
        if (!running) return;
        this.ran.push(running[1]);
        if (/HANG|CRASH/.test(running[1])) dead = true;
        if (running[1].includes('CRASH')) setTimeout(() => onExit('bang'));
      },
    );
    return {
      post: (message) => {
        if (startFails) setTimeout(() => onExit('no such file'));
        else setTimeout(handle, 0, structuredClone(message));
      },
      onMessage: (handler) => (onMessage = handler),
      onExit: (handler) => (onExit = handler),
      terminate: async () => {
        dead = true;
        this.terminated++;
        this.mostWindingDown = Math.max(this.mostWindingDown, ++this.windingDown);
        await new Promise((resolve) => setTimeout(resolve, 30));
        this.windingDown--;
      },
    };
  };
}

function pool(workers: FakeWorkers, options: Partial<SqlPoolOptions> = {}): SqlPool {
  return new SqlPool({
    spawn: workers.spawn,
    size: 2,
    now: () => performance.now(),
    timeLimitMs: 20,
    ...options,
  });
}

const first = ({ outcome }: QueryResult): unknown =>
  outcome.kind === 'rows' ? outcome.rows[0]?.[0] : outcome.kind;

async function ask(service: SqlPool, queries: string[]): Promise<unknown[]> {
  const database = await service.addDatabase(bytes);
  return (await service.execute(queries.map((sql) => ({ database, sql })))).map(first);
}

describe('SqlPool', () => {
  it('gives results in the order of the requests and runs equal requests once', async () => {
    const workers = new FakeWorkers();
    const service = pool(workers, { batchSize: 7 });
    const queries = Array.from({ length: 100 }, (_, i) => `SELECT ${i % 60}`);
    expect(await ask(service, queries)).toEqual(queries.map((_, i) => i % 60));
    expect(workers.ran).toHaveLength(60);
    expect(await ask(service, ['SELECT 3', 'SELECT 60'])).toEqual([3, 60]);
    expect(workers.ran).toHaveLength(61);
    expect(workers.spawned).toBe(2);
    await service.close();
  });

  it('handles no requests, and refuses unknown databases before anything runs', async () => {
    const service = pool(new FakeWorkers());
    expect(await service.execute([])).toEqual([]);
    await expect(service.execute([{ database: 'x', sql: 'SELECT 1' }])).rejects.toThrow(
      /^database: got "x"/,
    );
    expect(() => pool(new FakeWorkers(), { size: 0 })).toThrow(/^size:/);
  });

  it('kills a worker for a query beyond its limit and runs the rest', async () => {
    const workers = new FakeWorkers();
    const service = pool(workers, { size: 1 });
    const database = await service.addDatabase(bytes);
    const queries = ['SELECT 1', "SELECT 'HANG'", 'SELECT 2', "SELECT 'HANG again'", 'SELECT 3'];
    expect(await ask(service, queries)).toEqual([1, 'timeout', 2, 'timeout', 3]);
    expect(service.timeouts.entries()).toEqual([
      { database, sql: "SELECT 'HANG'", limitMs: 20 },
      { database, sql: "SELECT 'HANG again'", limitMs: 20 },
    ]);
    expect(workers.terminated).toBe(2);
    await service.close();
  });

  it('replays recorded timeouts without running them', async () => {
    const workers = new FakeWorkers();
    const before = pool(workers);
    await ask(before, ["SELECT 'HANG'"]);
    await before.close();
    const log = new TimeoutLog(before.timeouts.entries());
    const again = new FakeWorkers();
    const service = pool(again, { timeouts: log });
    expect(await ask(service, ['SELECT 1', "SELECT 'HANG'"])).toEqual([1, 'timeout']);
    expect(again.ran).toEqual(['SELECT 1']);
    expect(again.terminated).toBe(0);
    await service.close();
  });

  it('marks gold that never ends', async () => {
    const service = pool(new FakeWorkers(), { size: 1 });
    const database = await service.addDatabase(bytes);
    const requests: QueryRequest[] = [
      { database, sql: 'SELECT 1', gold: ["SELECT 'HANG'"] },
      { database, sql: 'SELECT 1', gold: ['SELECT 1'] },
    ];
    const [stuck, fine] = await service.execute(requests);
    expect(stuck!.goldError).toBe('gold takes longer than 20 ms');
    expect(stuck!.comparison).toBeUndefined();
    expect(fine!.comparison?.bird).toBe(true);
    await service.close();
  });

  it('turns a crash into an error of the guilty query only', async () => {
    const workers = new FakeWorkers();
    const service = pool(workers, { size: 1 });
    const database = await service.addDatabase(bytes);
    const results = await service.execute(
      ['SELECT 1', "SELECT 'CRASH'", 'SELECT 2'].map((sql) => ({ database, sql })),
    );
    expect(results.map(first)).toEqual([1, 'error', 2]);
    expect(results[1]!.outcome).toEqual({ kind: 'error', message: 'the worker stopped: bang' });
    expect(service.timeouts.entries()).toEqual([]);
    await service.close();
  });

  it('tries again when a worker does not start, but not for ever', async () => {
    const flaky = new FakeWorkers();
    flaky.failStarts = 2;
    const service = pool(flaky, { size: 1 });
    expect(await ask(service, ['SELECT 1'])).toEqual([1]);
    await service.close();
    const broken = new FakeWorkers();
    broken.failStarts = Infinity;
    const hopeless = pool(broken, { size: 1 });
    await expect(ask(hopeless, ['SELECT 1'])).rejects.toMatchObject({
      code: 'worker_exit',
      message: 'the worker stopped: no such file',
    });
    expect(broken.spawned).toBe(3);
    await hopeless.close();
  });

  it('lets at most two killed workers wind down at once', async () => {
    const workers = new FakeWorkers();
    const service = pool(workers, { size: 6, batchSize: 1 });
    const queries = Array.from({ length: 6 }, (_, i) => `SELECT 'HANG ${i}'`);
    expect(await ask(service, queries)).toEqual(queries.map(() => 'timeout'));
    expect(workers.terminated).toBe(6);
    expect(workers.mostWindingDown).toBe(2);
    await service.close();
  });

  it('rejects what is under way or asked for after close', async () => {
    const service = pool(new FakeWorkers(), { size: 1, timeLimitMs: 60_000, batchSize: 1 });
    const waiting = ask(service, ["SELECT 'HANG'", 'SELECT 1']);
    const settled = expect(waiting).rejects.toMatchObject({ name: 'StepSqlError' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await service.close();
    await settled;
    await expect(ask(service, ['SELECT 1'])).rejects.toMatchObject({ code: 'closed' });
  });
});
