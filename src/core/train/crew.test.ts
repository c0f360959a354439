/** Replicas share the work and change nothing: here in one thread, behind the messages of workers. */
import { beforeAll, describe, expect, it } from 'vitest';
import { StepSqlError } from '../errors.ts';
import type { Policy } from '../model/policy.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { Request, Response, WorkerPort } from '../sql/call.ts';
import { localSqlService } from '../sql/service.ts';
import { loadSql } from '../sql/engine.ts';
import { startBackend } from '../tensor/backend.ts';
import type { Replicas } from './crew.ts';
import { serveReplica, type Job } from './replica.ts';
import * as tiny from './tiny-run.test-helper.ts';

let policy: () => Policy;

beforeAll(async () => {
  await startBackend('wasm');
  policy = await tiny.undecidedPolicy();
});

interface Observed {
  /** Types of the jobs of each worker. */
  jobs: Job['type'][][];
  terminated: number;
}

/** @param disturb answers a job instead of the replica, or ends the worker */
function replicas(
  count: number,
  disturb: (job: Job, exit: (reason: string) => void) => 'error' | undefined = () => undefined,
): { replicas: Replicas; observed: Observed } {
  const observed: Observed = { jobs: [], terminated: 0 };
  const spawn = (): WorkerPort => {
    const mine: Job['type'][] = [];
    observed.jobs.push(mine);
    let hear: (message: unknown) => void;
    let exit: (reason: string) => void;
    const answer = (response: Response): void =>
      void setTimeout(() => hear(structuredClone(response)));
    const handle = serveReplica(() => Promise.resolve(), answer);
    return {
      post(message) {
        const { id, body } = structuredClone(message) as Request;
        const job = body as Job;
        mine.push(job.type);
        const instead = disturb(job, (reason) => exit(reason));
        if (instead === 'error') {
          answer({ id, kind: 'error', error: { code: 'out_of_memory', message: 'wasm memory' } });
        } else handle({ id, body: job });
      },
      onMessage: (handler) => (hear = handler),
      onExit: (handler) => (exit = handler),
      terminate: () => {
        observed.terminated++;
        return Promise.resolve();
      },
    };
  };
  return { replicas: { count, spawn }, observed };
}

const full = { mini_batches: 2, num_iterations: 2, beta: 0.01 };
const short = { num_updates: 6, per_device_train_batch_size: 6 };
const recipes: [string, Recipe][] = [
  ['grpo', tiny.grpoRecipe({ ...short, ...full }, { eval: { every: 3, split: 'train' } })],
  ['rejection-sft', tiny.rejectionRecipe(short)],
  ['sft', tiny.sftRecipe({ num_updates: 6 })],
];

describe.each(recipes)('%s', (_, recipe) => {
  let alone: tiny.Finished;
  beforeAll(async () => {
    alone = await tiny.complete(recipe, policy());
  });

  it.each([1, 2, 3])('is the same run with %i replicas, bit for bit', async (count) => {
    const { replicas: crew, observed } = replicas(count);
    const shared = await tiny.complete(recipe, policy(), { replicas: crew });
    expect(shared.fingerprint).toEqual(alone.fingerprint);
    expect(shared.files).toEqual(alone.files);
    expect(await shared.store.readMetrics()).toEqual(await alone.store.readMetrics());
    expect(observed.jobs).toHaveLength(count);
    expect(observed.jobs.flat()).toContain('pass');
    if (recipe.method !== 'sft') for (const jobs of observed.jobs) expect(jobs).toContain('sample');
    expect(observed.terminated).toBe(count);
  });
});

describe('a run with replicas', () => {
  const recipe = tiny.grpoRecipe(short);

  it('is gone on with by one without', async () => {
    const straight = await tiny.complete(recipe, policy());
    const stop = new AbortController();
    const started = tiny.start(recipe, policy(), {
      ...replicas(2),
      stop: stop.signal,
    });
    for await (const { type } of started.events) if (type === 'update') stop.abort();
    const resumed = await tiny.complete(recipe, policy(), { store: started.store });
    expect(resumed.fingerprint).toEqual(straight.fingerprint);
  });

  it('leaves nothing behind', async () => {
    const crew = replicas(1).replicas;
    await tiny.complete(recipe, policy());
    const before = tiny.memory();
    await tiny.complete(recipe, policy(), { replicas: crew });
    const copies = tiny.memory().numTensors - before.numTensors;
    // This "worker" does not end with its memory: the replica's own parameters and tables remain.
    const made = policy();
    const held = tiny.memory().numTensors - before.numTensors - copies;
    made.dispose();
    expect(copies).toBe(held);
  });

  it('ends with what went wrong in one of them', async () => {
    const failing = replicas(2, (job) => (job.type === 'pass' ? 'error' : undefined));
    await expect(tiny.complete(recipe, policy(), failing)).rejects.toMatchObject({
      code: 'out_of_memory',
    });
    expect(failing.observed.terminated).toBe(2);
  });

  it.each(['start', 'sample', 'pass'] as const)('ends when one dies at a %s', async (type) => {
    let once = false;
    const dying = replicas(2, (job, exit) => {
      if (job.type === type && !once) {
        once = true;
        exit('killed');
      }
      return undefined;
    });
    const failure = tiny.complete(recipe, policy(), dying);
    await expect(failure).rejects.toThrow(StepSqlError);
    await expect(failure).rejects.toThrow('the worker stopped: killed');
    expect(dying.observed.terminated).toBe(2);
  });
});

describe('queries', () => {
  it('run while other groups are still being written', async () => {
    const order: string[] = [];
    const inner = localSqlService(await loadSql());
    const sql: typeof inner = {
      ...inner,
      addDatabase: (bytes) => inner.addDatabase(bytes),
      execute: (requests) => {
        order.push(`execute ${requests.length}`);
        return inner.execute(requests);
      },
      close: () => inner.close(),
    };
    const recipe = tiny.grpoRecipe({ num_updates: 1 });
    await tiny.complete(recipe, policy(), { sql });
    expect(order).toEqual(['execute 6', 'execute 6', 'execute 6']); // each group its own
  });
});
