import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { WorkerPort } from '../core/sql/call.ts';
import { databaseHash } from '../core/sql/hash.ts';
import { SqlPool } from '../core/sql/pool.ts';
import { BUILT_SQL_WORKER, defaultPoolSize, type NodeSqlPoolOptions } from './sql-pool.ts';

/** More than the tab's 64 MB: pages of a large database and its sorts need room. */
const HEAP_LIMIT = 512 << 20;

/** Spawns the SQL worker as a child process, where it runs native SQLite (sql-native-engine.ts). */
export function spawnNativeSqlWorker(file: string = BUILT_SQL_WORKER): WorkerPort {
  const child = fork(file, [], {
    serialization: 'advanced', // bigint and bytes cross unharmed
    execArgv: ['--no-warnings', '--max-old-space-size=512'],
  });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  let reason = 'it ended';
  child.on('error', (error) => (reason = error.message));
  return {
    post: (message) => void child.send(message as object, () => {}), // a failure shows as exit
    onMessage: (handler) => void child.on('message', handler),
    onExit: (handler) =>
      void child.once('exit', (code, signal) => {
        handler(reason === 'it ended' ? `it ended with ${signal ?? String(code)}` : reason);
      }),
    terminate() {
      child.kill('SIGKILL');
      return ended;
    },
  };
}

/** A pool whose databases stay on disk, each query on native SQLite in a killable process. */
export class NativeSqlPool extends SqlPool {
  #scratch: Promise<string> | undefined;

  /** Registers a file without reading it into memory; returns its content hash. */
  async addFile(path: string): Promise<string> {
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    const digest = hash.digest('hex');
    this.register(digest, resolve(path));
    return digest;
  }

  override async addDatabase(bytes: Uint8Array): Promise<string> {
    const hash = databaseHash(bytes);
    this.#scratch ??= mkdtemp(join(tmpdir(), 'stepsql-'));
    const path = join(await this.#scratch, `${hash}.sqlite`);
    await writeFile(path, bytes);
    this.register(hash, path);
    return hash;
  }

  override async close(): Promise<void> {
    await super.close();
    if (this.#scratch) await rm(await this.#scratch, { recursive: true, force: true });
  }
}

/** For databases too large for memory; rejects with `missing_engine` when no native SQLite is there. */
export function nativeSqlPool({ workerFile, ...options }: NodeSqlPoolOptions = {}): NativeSqlPool {
  return new NativeSqlPool({
    size: defaultPoolSize(),
    ...options,
    sandbox: { heapLimit: HEAP_LIMIT, ...options.sandbox },
    spawn: () => spawnNativeSqlWorker(workerFile),
    now: () => performance.now(),
  });
}
