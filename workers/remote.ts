/** The reward worker as the ports that `train` and `ask` take. */
import * as Comlink from 'comlink';
import type { NurserySplit } from '../src/core/data/nursery/index.ts';
import type { Recipe } from '../src/core/recipe/schema.ts';
import type { RewardService } from '../src/core/reward/service.ts';
import type { SqlService } from '../src/core/sql/outcome.ts';
import { TimeoutLog, type TimeoutEntry } from '../src/core/sql/timeout-log.ts';
import type { RunData } from '../src/core/train/context.ts';
import type { RewardWorkerApi } from './protocol.ts';

export type RemoteRewardWorker = Comlink.Remote<RewardWorkerApi>;

/** A pool of SQL workers over there. */
export async function remoteSql(
  worker: RemoteRewardWorker,
  options: Recipe['sql'],
): Promise<SqlService> {
  const pool = await worker.openPool(options);
  const timeouts = new TimeoutLog();
  const replayed: TimeoutEntry[] = [];
  return {
    timeouts,
    addDatabase: (bytes) => worker.addDatabase(pool, bytes),
    async execute(requests) {
      const answer = await worker.execute(pool, requests, replayed.splice(0));
      for (const entry of answer.timeouts) timeouts.add(entry);
      return answer.results;
    },
    replay(entries) {
      for (const entry of entries) {
        timeouts.add(entry);
        replayed.push(entry);
      }
    },
    close: () => worker.closePool(pool),
  };
}

export const remoteRewards = (worker: RemoteRewardWorker): RewardService => ({
  score: (reward, episodes) => worker.score(reward, episodes),
});

/** Data of a run: questions come over, database files stay there until one is asked for. */
export async function remoteData(
  worker: RemoteRewardWorker,
  recipe: Recipe,
  splits: NurserySplit[],
  onProgress: (done: number, total: number) => void,
): Promise<{ data: RunData; sha256: string }> {
  const loaded = await worker.load(recipe, splits, Comlink.proxy(onProgress));
  const databases = loaded.databases.map(
    ([db_id, schema, variants]) =>
      [
        db_id,
        {
          ...{ db_id, schema },
          bytes: () => worker.database(db_id),
          variants: Array.from({ length: variants }, (_, i) => () => worker.database(db_id, i)),
        },
      ] as const,
  );
  return {
    data: { splits: new Map(loaded.splits), databases: new Map(databases) },
    sha256: loaded.sha256,
  };
}
