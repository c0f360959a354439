/**
 * The reward worker: makes or reads the data, executes SQL in disposable workers of its own, and scores
 * what came back. The policy worker is its main caller, through a channel the page hands over.
 */
import * as Comlink from 'comlink';
import { importDataset } from '../src/core/data/import.ts';
import type { NurserySplit } from '../src/core/data/nursery/index.ts';
import { zipSource } from '../src/core/data/zip.ts';
import { badInput } from '../src/core/errors.ts';
import { canonicalJson } from '../src/core/recipe/canonical.ts';
import type { Recipe } from '../src/core/recipe/schema.ts';
import { localRewards } from '../src/core/reward/service.ts';
import { readSchema } from '../src/core/sql/inspect.ts';
import { loadSql } from '../src/core/sql/load.ts';
import { SqlPool } from '../src/core/sql/pool.ts';
import { filesData, nurseryData, tasksHash, type LoadedData } from '../src/core/train/data.ts';
import { sqlWasm } from './assets.ts';
import { browserWorkerPort, expose } from './call.ts';
import type { ImportedFiles, RewardWorkerApi } from './protocol.ts';
import { RunDatabase } from './run-database.ts';
import { useTabSqlParser } from './sql-parser.ts';

/** A core for the policy and one for the page; each worker takes about 50 MB. */
const POOL_SIZE = Math.min(4, Math.max(1, navigator.hardwareConcurrency - 2));

const engine = () => loadSql(() => sqlWasm);

interface Loaded extends LoadedData {
  key: string;
}

/** What was asked for last: a run that goes on finds it there. */
let loaded: Loaded | undefined;

async function importZip(zip: Uint8Array) {
  const sql = await engine();
  return importDataset(zipSource(zip), { inspect: (bytes) => readSchema(sql, bytes) });
}

async function readFiles(recipe: Recipe): Promise<LoadedData> {
  const { sha256 } = recipe.data;
  const database = await RunDatabase.open();
  try {
    if (sha256 === null) {
      throw badInput('data', 'no files', 'a .zip with questions and databases, chosen under Data');
    }
    const zip = await database.file(sha256);
    if (!zip) throw badInput('data.sha256', sha256, 'the zip with these questions, chosen first');
    return filesData(recipe, await importZip(zip));
  } finally {
    database.close();
  }
}

async function loadData(
  recipe: Recipe,
  splits: NurserySplit[],
  onProgress: (done: number, total: number) => void,
): Promise<Loaded> {
  const { data } = recipe;
  // What is left of a recipe when all but its data is taken away.
  const key = canonicalJson([
    data,
    splits,
    ...(data.kind === 'files' ? [recipe.seed, recipe.eval.split] : []),
  ]);
  if (loaded?.key === key) return loaded;
  loaded = undefined;
  const made =
    data.kind === 'nursery'
      ? nurseryData(recipe, splits, await engine(), onProgress)
      : await readFiles(recipe);
  // Asked for again, it is with the hash that a run fills in.
  const pinned = { ...data, sha256: made.sha256 };
  loaded = { ...made, key: canonicalJson([pinned, ...(JSON.parse(key) as unknown[]).slice(1)]) };
  return loaded;
}

const pools = new Map<number, { pool: SqlPool; told: number }>();
let nextPool = 1;

function poolOf(id: number): { pool: SqlPool; told: number } {
  const found = pools.get(id);
  if (!found) throw badInput('pool', id, 'a pool that is open');
  return found;
}

const api: RewardWorkerApi = {
  connect(port) {
    Comlink.expose(api, port);
  },

  async load(recipe, splits, onProgress) {
    const { data, sha256 } = await loadData(recipe, splits, onProgress);
    return {
      sha256,
      splits: [...data.splits].map(([split, tasks]) => [split, [...tasks]]),
      databases: [...data.databases.values()].map(({ db_id, schema, variants }) => [
        db_id,
        schema,
        variants.length,
      ]),
    };
  },

  async importFiles(zip): Promise<ImportedFiles> {
    const { tasks, databases } = await importZip(zip);
    const sha256 = tasksHash(tasks);
    const database = await RunDatabase.open();
    await database.putFile(sha256, zip).finally(() => database.close());
    const splits = new Map<string, number>();
    for (const { split } of tasks) splits.set(split, (splits.get(split) ?? 0) + 1);
    return { sha256, tasks: tasks.length, databases: databases.size, splits: [...splits] };
  },

  async database(db_id, variant) {
    const database = loaded?.data.databases.get(db_id);
    if (!database) throw badInput('db_id', db_id, 'a database of the data that is loaded');
    const bytes = await (variant === undefined ? database.bytes() : database.variants[variant]!());
    return Comlink.transfer(bytes, [bytes.buffer]);
  },

  readSchema: async (bytes) => readSchema(await engine(), bytes),

  async openPool(sql) {
    const pool = new SqlPool({
      spawn: () =>
        browserWorkerPort(
          new Worker(new URL('./sql.worker.ts', import.meta.url), { type: 'module', name: 'sql' }),
        ),
      size: POOL_SIZE,
      now: () => performance.now(),
      timeLimitMs: sql.timeout_ms,
      sandbox: { date: Date.parse(sql.date), maxRows: sql.row_cap },
    });
    pools.set(nextPool, { pool, told: 0 });
    return nextPool++;
  },

  addDatabase: (id, bytes) => poolOf(id).pool.addDatabase(bytes),

  async execute(id, requests, replay) {
    const open = poolOf(id);
    if (replay.length > 0) {
      open.pool.replay(replay);
      open.told = open.pool.timeouts.entries().length;
    }
    const results = await open.pool.execute(requests);
    const timeouts = open.pool.timeouts.entries().slice(open.told);
    open.told += timeouts.length;
    return { results, timeouts };
  },

  async closePool(id) {
    await pools.get(id)?.pool.close();
    pools.delete(id);
  },

  score: (reward, episodes) => localRewards.score(reward, episodes),
};

useTabSqlParser();
expose(api);
