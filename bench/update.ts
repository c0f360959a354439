/**
 * Whole updates of the `execution` recipe (sampling, SQL, rewards, gradients, optimiser) in this thread, on
 * several, and in plain tfjs: runs of their own that take turns update by update.
 */
import { presetRecipe } from '../src/core/recipe/presets.ts';
import { localRewards } from '../src/core/reward/service.ts';
import { usePlain } from '../src/core/tensor/ops.ts';
import type { Replicas } from '../src/core/train/crew.ts';
import { MemoryRunStore } from '../src/core/train/run-store.ts';
import { train, type RunInputs } from '../src/core/train/run.ts';
import { startingPolicy } from '../src/node/checkpoints.ts';
import { spawnReplica } from '../src/node/replicas.ts';
import { loadData } from '../src/node/run-inputs.ts';
import { nodeSqlPool } from '../src/node/sql-pool.ts';
import { median } from './table/measure.ts';

/** Until V8 has compiled what is hot, in every thread. */
const WARM_UP = 25;
const MEASURED = 25;
/** Of plain tfjs, which needs seconds for each. */
const PLAIN_MEASURED = 2;

interface Racer {
  /** Median seconds of an update. */
  seconds: () => number;
  next: () => Promise<void>;
  /** What the updates came to. */
  digests: string[];
  close: () => Promise<void>;
}

export interface UpdateBench {
  /** Seconds of an update: in one thread, on several, in plain tfjs. */
  one: number;
  several: number | null;
  plain: number;
  /** Whether one thread and several ended with the same tokens, rewards and weights. */
  same: boolean;
}

/** @param workers 0 measures one thread and plain tfjs only */
export async function benchUpdate(workers: number): Promise<UpdateBench> {
  const recipe = presetRecipe('execution');
  recipe.eval.every = 0;
  recipe.checkpoint_every = 1_000_000;
  const { data } = await loadData(recipe, []);

  async function racer(warmUp: number, plain: boolean, replicas?: Replicas): Promise<Racer> {
    const sql = nodeSqlPool({
      timeLimitMs: recipe.sql.timeout_ms,
      sandbox: { date: Date.parse(recipe.sql.date), maxRows: recipe.sql.row_cap },
    });
    const inputs: RunInputs = { recipe, data, ...(await startingPolicy(recipe)) };
    const stop = new AbortController();
    const events = train(inputs, {
      ...{ sql, rewards: localRewards, store: new MemoryRunStore(), backend: 'wasm' },
      ...{ clock: () => performance.now(), stop: stop.signal, ...(replicas && { replicas }) },
    });
    const took: number[] = [];
    const digests: string[] = [];
    return {
      seconds: () => median(took.slice(warmUp)),
      digests,
      async next() {
        usePlain(plain);
        const start = performance.now();
        try {
          for (const before = digests.length; digests.length === before;) {
            const { value, done } = await events.next();
            if (done) throw new Error(`the run ended after ${digests.length} updates`);
            if (value?.type === 'update') digests.push(value.digest);
          }
        } finally {
          usePlain(false);
        }
        took.push((performance.now() - start) / 1000);
      },
      async close() {
        stop.abort();
        await events.return(undefined);
        await sql.close();
      },
    };
  }

  const one = await racer(WARM_UP, false);
  const several =
    workers > 0
      ? await racer(WARM_UP, false, { count: workers, spawn: () => spawnReplica() })
      : null;
  const plain = await racer(1, true);
  try {
    for (let turn = 0; turn < WARM_UP + MEASURED; turn++) {
      await one.next();
      await several?.next();
      if (turn <= PLAIN_MEASURED) await plain.next();
    }
    return {
      ...{ one: one.seconds(), several: several?.seconds() ?? null, plain: plain.seconds() },
      same: !several || several.digests.join() === one.digests.join(),
    };
  } finally {
    for (const run of [one, several, plain]) await run?.close();
  }
}
