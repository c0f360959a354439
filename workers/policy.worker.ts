/**
 * The policy worker: tensors, the run loop and the run's store. SQL and rewards are the reward worker's,
 * reached through a channel that the page hands over.
 */
import * as Comlink from 'comlink';
import type { NurserySplit } from '../src/core/data/nursery/index.ts';
import { badInput, StepSqlError } from '../src/core/errors.ts';
import { presetRecipe } from '../src/core/recipe/presets.ts';
import type { Recipe } from '../src/core/recipe/schema.ts';
import type { SqlService } from '../src/core/sql/outcome.ts';
import type { Database } from '../src/core/data/task.ts';
import { ask } from '../src/core/train/ask.ts';
import { asBackendError } from '../src/core/tensor/backend.ts';
import { checkBackend } from '../src/core/train/failure.ts';
import { episodeLines } from '../src/core/train/episode-log.ts';
import { train, type RunEvent } from '../src/core/train/run.ts';
import type { LoadedPolicy } from '../src/core/train/starting-policy.ts';
import type { Corpus } from '../src/core/train/sft.ts';
import { startTabBackend } from './backend.ts';
import { expose } from './call.ts';
import { EventBatch } from './event-batch.ts';
import type {
  PolicyEvent,
  PolicyWorkerApi,
  RewardWorkerApi,
  StartedBackend,
  TrainEnd,
} from './protocol.ts';
import { remoteData, remoteRewards, remoteSql, type RemoteRewardWorker } from './remote.ts';
import { RunDatabase } from './run-database.ts';
import { isReplica, replicaCount, serveHere, tabReplicas } from './replicas.ts';
import { withRunLock } from './run-lock.ts';
import {
  fetchPublic,
  loadSqlHere,
  processModelOf,
  startingPolicy,
  trainedPolicy,
} from './starting-policy.ts';

/** Groups of an update that the page is shown, and episodes it is given back on resume. */
const SHOWN_GROUPS = 2;
const SHOWN_EPISODES = 64;

let backend: StartedBackend;
let reward: RemoteRewardWorker;
let stop: AbortController | undefined;

const database = isReplica() ? Promise.reject<RunDatabase>() : RunDatabase.open();
database.catch(() => undefined); // whoever needs it is told

/** The policy asked last; another takes its place. */
let asked: { key: string; policy: Promise<AskedPolicy> } | undefined;

type AskedPolicy = LoadedPolicy & { recipe: Recipe };

async function policyFor(run: string | null): Promise<AskedPolicy> {
  const runs = await database;
  const summary = run === null ? undefined : await runs.run(run);
  if (run !== null && !summary) throw badInput('run', run, 'a run that is here');
  const key = summary ? `${run} ${summary.done}` : 'warm';
  if (asked?.key === key) return asked.policy;
  const before = asked;
  const recipe = summary?.recipe ?? presetRecipe('execution');
  const loaded =
    run !== null && summary!.done > 0 ? trainedPolicy(runs, run) : startingPolicy(recipe);
  const policy = loaded.then((known) => ({ ...known, recipe }));
  asked = { key, policy };
  policy.catch(() => (asked = undefined));
  await before?.policy.then(
    (old) => old.policy.dispose(),
    () => undefined,
  );
  return policy;
}

/** The database in the box, open in a pool of its own. */
let opened: Promise<{ sql: SqlService; about: Database }> | undefined;

async function openMusic(): Promise<{ sql: SqlService; about: Database }> {
  const [bytes, sql] = await Promise.all([
    fetchPublic('databases/music.sqlite'),
    remoteSql(reward, presetRecipe('execution').sql),
  ]);
  const schema = await reward.readSchema(bytes);
  const about = { db_id: 'music', schema, bytes: () => Promise.resolve(bytes), variants: [] };
  return { sql, about };
}

function music(): ReturnType<typeof openMusic> {
  opened ??= openMusic();
  opened.catch(() => (opened = undefined)); // a failed download may be tried again
  return opened;
}

/** What the page is told of an event; undefined where it needs to hear nothing. */
function told(event: RunEvent): PolicyEvent | undefined {
  switch (event.type) {
    case 'update': {
      const { update, metrics, digest, groups } = event;
      const episodes = episodeLines(update, groups.slice(0, SHOWN_GROUPS));
      return { type: 'update', update, metrics, digest, episodes };
    }
    case 'evaluation':
      return { type: 'evaluation', update: event.update, metrics: event.metrics };
    case 'checkpoint':
      return event;
    default:
      return undefined;
  }
}

/** What SFT imitates beside gold; brings the Nursery along. */
async function corpusFor(recipe: Recipe): Promise<{ corpus?: Corpus }> {
  if (recipe.method !== 'sft' || recipe.sft.corpus === 'gold') return {};
  const { corpusOf } = await import('../src/core/train/warm-start/index.ts');
  const corpus = await corpusOf(recipe, loadSqlHere);
  return corpus ? { corpus } : {};
}

/** Rejects once `stop` is aborted. */
const aborted = (stop: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const fail = (): void => reject(new StepSqlError('stopped', 'stopped before the run began'));
    if (stop.aborted) fail();
    stop.addEventListener('abort', fail);
  });

/** What a run of `wanted` begins with: its recipe with the hash of the data, the data, the policy. */
async function prepare(wanted: Recipe, stop: AbortSignal, events: EventBatch) {
  events.add({ type: 'stage', stage: 'policy' });
  const start = { ...(await startingPolicy(wanted)), ...(await processModelOf(wanted)) };
  try {
    const splits = wanted.eval.every > 0 ? [wanted.eval.split as NurserySplit] : [];
    events.add({ type: 'stage', stage: 'data' });
    // The reward worker finishes what it makes; who stops need not wait for it.
    const { data, sha256 } = await Promise.race([
      aborted(stop),
      remoteData(reward, wanted, splits, (done, total) => {
        if (!stop.aborted) events.add({ type: 'stage', stage: 'data', done, total });
      }),
    ]);
    return { recipe: { ...wanted, data: { ...wanted.data, sha256 } }, inputs: { data, ...start } };
  } catch (error) {
    start.policy.dispose();
    start.processModel?.policy.dispose();
    throw error;
  }
}

async function run(
  recipe: Recipe,
  inputs: { data: Awaited<ReturnType<typeof remoteData>>['data'] } & LoadedPolicy,
  { id, updates, signal }: { id: string; updates: number | undefined; signal: AbortController },
  events: EventBatch,
): Promise<TrainEnd> {
  const store = (await database).store(id);
  const sql = await remoteSql(reward, recipe.sql);
  const replicas = tabReplicas(backend.threads);
  let end: TrainEnd | undefined;
  let since = 0;
  try {
    for await (const event of train(
      { recipe, ...inputs, ...(await corpusFor(recipe)) },
      {
        ...{ sql, store, backend: backend.name, stop: signal.signal },
        rewards: remoteRewards(reward),
        clock: () => performance.now(),
        ...(replicas && { replicas }),
      },
    )) {
      if (event.type === 'start') {
        const { done, tasks, left_out, unanswerable, fingerprint } = event;
        events.add({
          ...{ type: 'start', run: id, recipe, updates: event.updates },
          ...{ done, tasks, left_out, unanswerable, digests: fingerprint.updates },
          metrics: done > 0 ? await store.readMetrics() : [],
          episodes: done > 0 ? await store.readEpisodes(SHOWN_EPISODES) : [],
        });
      } else if (event.type === 'end') {
        const { update, finished, fingerprint } = event;
        end = { run: id, recipe, update, finished, fingerprint };
      } else {
        if (event.type === 'update' && ++since === updates) signal.abort();
        events.add(told(event)!);
      }
    }
  } finally {
    await Promise.all([store.close(), sql.close()]);
  }
  return end!;
}

const api: PolicyWorkerApi = {
  async start(choice, cores, port, onProgress) {
    reward = Comlink.wrap<RewardWorkerApi>(port);
    const started = await startTabBackend(choice, onProgress);
    // A GPU is not had twice.
    backend = { ...started, threads: started.name === 'wasm' ? replicaCount(cores) : 1 };
    return backend;
  },

  schema: async () => (await music()).about.schema,

  async ask({ question, samples, run }) {
    const [{ sql, about }, policy] = await Promise.all([music(), policyFor(run)]);
    try {
      const options = { samples, temperature: 1, seed: 0 };
      const candidates = await ask(policy, sql, about, question, options);
      checkBackend();
      return candidates;
    } catch (error) {
      throw asBackendError(error);
    }
  },

  async train({ recipe: wanted, run: existing, updates }, onEvents) {
    const events = new EventBatch(onEvents, () => performance.now());
    if (stop) throw badInput('train', existing, 'the run before it to end first');
    const signal = new AbortController();
    stop = signal;
    const prepared = () => prepare(wanted, signal.signal, events);
    const begin = (id: string, { recipe, inputs }: Awaited<ReturnType<typeof prepare>>) =>
      run(recipe, inputs, { id, updates, signal }, events);
    try {
      if (existing === null) {
        const made = await prepared();
        const id = await (await database).newId(made.recipe);
        return await withRunLock(id, () => begin(id, made));
      }
      return await withRunLock(existing, async () => {
        if (!(await (await database).run(existing))) {
          throw badInput('run', existing, 'a run that is still here');
        }
        return begin(existing, await prepared());
      });
    } finally {
      stop = undefined;
      await events.flush();
    }
  },

  stop() {
    stop?.abort();
  },
};

if (isReplica()) serveHere();
else expose(api);
