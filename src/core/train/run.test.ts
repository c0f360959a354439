import { beforeAll, describe, expect, it } from 'vitest';
import { startNumericBackend } from '../../../test/numeric-backend.test-helper.ts';
import { loadPolicy } from '../model/checkpoint.ts';
import type { Policy } from '../model/policy.ts';
import { readSafetensors, writeSafetensors } from '../model/safetensors.ts';
import type { Recipe } from '../recipe/schema.ts';
import { localRewards, type RewardService } from '../reward/service.ts';
import { MemoryRunStore, type CheckpointFiles } from './run-store.ts';
import * as tiny from './tiny-run.test-helper.ts';

/** Off-policy in every way there is: two mini-batches, two passes, a reference. */
const full = { mini_batches: 2, num_iterations: 2, beta: 0.01 };
const recipes: [string, Recipe][] = [
  ['grpo', tiny.grpoRecipe(full)],
  ['rejection-sft', tiny.rejectionRecipe()],
  ['sft', tiny.sftRecipe()],
];

let policy: () => Policy;

beforeAll(async () => {
  await startNumericBackend();
  policy = await tiny.undecidedPolicy();
});

/** Pulls until the checkpoint of an update is saved, then walks away. */
async function leaveAt(update: number, started: tiny.Started): Promise<MemoryRunStore> {
  for await (const event of started.events) {
    if (event.type === 'checkpoint' && event.update === update) break;
  }
  return started.store;
}

describe.each(recipes)('%s', (_, recipe) => {
  let straight: tiny.Finished;
  beforeAll(async () => {
    straight = await tiny.complete(recipe, policy());
    expect(straight).toMatchObject({ finished: true, fingerprint: { count: 20 } });
    const weights = new Set(straight.fingerprint.updates.map((digest) => digest.slice(16)));
    expect(weights.size).toBe(20); // every update changed the weights
  });

  const expectSame = async (other: tiny.Finished): Promise<void> => {
    expect(other.fingerprint).toEqual(straight.fingerprint);
    expect(other.files).toEqual(straight.files);
    expect(await other.store.readMetrics()).toEqual(await straight.store.readMetrics());
    expect(await other.store.readEpisodes()).toEqual(await straight.store.readEpisodes());
  };

  it('resumed at update 10 equals 20 straight, bit for bit', async () => {
    const store = await leaveAt(10, tiny.start(recipe, policy()));
    const resumed = await tiny.complete(recipe, policy(), { store });
    expect(resumed.events[0]).toMatchObject({ type: 'start', updates: 20, done: 10 });
    expect(resumed.updates.map(({ update }) => update)[0]).toBe(11);
    await expectSame(resumed);
  });

  it('tells the digest of every update, and where it goes on from', async () => {
    expect(straight.updates.map(({ digest }) => digest)).toEqual(straight.fingerprint.updates);
    expect(straight.events[0]).toMatchObject({ fingerprint: { count: 0, updates: [] } });
    const store = await leaveAt(10, tiny.start(recipe, policy()));
    for await (const event of tiny.start(recipe, policy(), { store }).events) {
      const updates = straight.fingerprint.updates.slice(0, 10);
      expect(event).toMatchObject({ type: 'start', fingerprint: { count: 10, updates } });
      break;
    }
  });

  it('pauses while nobody pulls, whatever else runs', async () => {
    const paused = [tiny.start(recipe, policy()), tiny.start(recipe, policy())];
    for (const { events } of paused) {
      for (let pulled = 0; pulled < 7; pulled++) await events.next();
    }
    for (const started of paused) await expectSame(await tiny.finish(started));
  });

  it('asked to stop, saves a checkpoint to go on from', async () => {
    const stop = new AbortController();
    const started = tiny.start(recipe, policy(), { stop: stop.signal });
    const seen: [string, number | undefined][] = [];
    for await (const event of started.events) {
      seen.push([event.type, 'update' in event ? event.update : undefined]);
      if (event.type === 'update' && event.update === 7) stop.abort();
      if (event.type === 'end') expect(event.finished).toBe(false);
    }
    expect(seen.slice(-3)).toEqual([
      ['update', 7],
      ['checkpoint', 7],
      ['end', 7],
    ]);
    await expectSame(await tiny.complete(recipe, policy(), { store: started.store }));
  });

  it('frees everything, ended or left', async () => {
    const before = tiny.memory();
    await tiny.complete(recipe, policy());
    expect(tiny.memory()).toEqual(before);
    const store = await leaveAt(10, tiny.start(recipe, policy()));
    expect(tiny.memory()).toEqual(before);
    await tiny.complete(recipe, policy(), { store });
    expect(tiny.memory()).toEqual(before);
  });
});

describe('grpo', () => {
  it('holds the same tensors at every update from 3 to 200', async () => {
    const recipe = tiny.grpoRecipe({ ...full, num_updates: 200, num_generations: 4 });
    const seen = new Set<string>();
    let last = 0;
    for await (const event of tiny.start(recipe, policy()).events) {
      if (event.type !== 'update' || event.update < 3) continue;
      seen.add(JSON.stringify(tiny.memory()));
      last = event.update;
    }
    expect(last).toBe(200);
    expect(seen.size).toBe(1);
  });

  it('measures the KL to where the run began, after a resume too', async () => {
    const recipe = tiny.grpoRecipe({ ...full, beta: 0.001 });
    const store = await leaveAt(10, tiny.start(recipe, policy()));
    const { updates } = await tiny.complete(recipe, policy(), { store });
    for (const { metrics } of updates) expect(metrics['kl']).toBeGreaterThan(0.01);
  });

  it('shuffled rewards change what is learnt, not what is sampled and earned', async () => {
    const options = { num_updates: 1, num_generations: 12 };
    const [plain, shuffled] = [
      await tiny.complete(tiny.grpoRecipe(options), policy()),
      await tiny.complete(tiny.grpoRecipe({ ...options, shuffle_rewards: true }), policy()),
    ];
    const parts = ({ fingerprint }: tiny.Finished): string[] => [
      fingerprint.updates[0]!.slice(0, 16),
      fingerprint.updates[0]!.slice(16),
    ];
    expect(parts(shuffled)[0]).toBe(parts(plain)[0]);
    expect(parts(shuffled)[1]).not.toBe(parts(plain)[1]);
  });

  it('forward passes of any size and samples without advantage give the same gradient', async () => {
    const norms = async (options: object): Promise<number[]> => {
      const recipe = tiny.grpoRecipe({ num_updates: 1, num_generations: 12, ...options });
      const { metrics } = (await tiny.complete(recipe, policy())).updates[0]!;
      return [metrics['grad_norm']!, metrics['loss']!];
    };
    for (const loss_type of ['grpo', 'dapo', 'dr_grpo', 'bnpo', 'sapo']) {
      const [norm, loss] = await norms({ loss_type, per_device_train_batch_size: 64 });
      expect(norm).toBeGreaterThan(0.01);
      const others = [
        { beta: 1e-9, per_device_train_batch_size: 64 },
        ...(loss_type === 'bnpo' ? [] : [{ per_device_train_batch_size: 12 }]),
      ];
      for (const options of others) {
        const [otherNorm, otherLoss] = await norms({ loss_type, ...options });
        expect(otherNorm! / norm!).toBeCloseTo(1, 4);
        expect(otherLoss).toBeCloseTo(loss!, 5);
      }
    }
  });

  it('asks for the rewards of all groups of an update at once', async () => {
    const asked: [string, string[]][] = [];
    const rewards: RewardService = {
      score(choice, episodes) {
        asked.push([choice.name, episodes.map(({ task }) => task.id)]);
        return localRewards.score(choice, episodes);
      },
    };
    const recipe = tiny.grpoRecipe({ num_updates: 2, num_generations: 2 });
    const { updates } = await tiny.complete(recipe, policy(), { rewards });
    const sampled = updates.map(({ groups }) =>
      groups.flatMap(({ episodes }) => episodes.map(({ task }) => task.id)),
    );
    expect(asked).toEqual(sampled.map((ids) => ['execution-match', ids]));
  });

  it('leaves truncated completions out of the loss when asked to', async () => {
    const truncated = { max_completion_length: 4, mask_truncated_completions: true, beta: 0.1 };
    const start = policy();
    const weights = await start.weights();
    const none = await tiny.complete(tiny.grpoRecipe({ ...truncated, num_updates: 2 }), start);
    expect(none.updates[0]!.metrics['completions/clipped_ratio']).toBe(1);
    const after = loadPolicy(none.files);
    expect(await after.weights()).toEqual(weights);
    after.dispose();

    const some = { max_completion_length: 9, num_updates: 1, num_generations: 12 };
    const [masked, unmasked] = [
      await tiny.complete(tiny.grpoRecipe({ ...some, mask_truncated_completions: true }), policy()),
      await tiny.complete(tiny.grpoRecipe(some), policy()),
    ];
    const ratio = masked.updates[0]!.metrics['completions/clipped_ratio'];
    expect(ratio).toBeGreaterThan(0);
    expect(ratio).toBeLessThan(1);
    expect(masked.fingerprint.updates).not.toEqual(unmasked.fingerprint.updates);
  });

  it('goes on when the policy writes ids the tokenizer does not have', async () => {
    const recipe = tiny.grpoRecipe({ num_updates: 2, temperature: 10 });
    const { updates } = await tiny.complete(recipe, tiny.freshPolicy());
    const written = updates.flatMap(({ groups }) =>
      groups.flatMap(({ episodes }) => episodes.flatMap(({ tokens }) => [...tokens])),
    );
    expect(Math.max(...written)).toBeGreaterThanOrEqual(tiny.tokenizer.vocabSize);
  });
});

describe('recorded timeouts', () => {
  const recipe = tiny.grpoRecipe(full);
  const slow = (sql: string): boolean => sql.includes('sum');

  it('are replayed after a resume and counted in the fingerprint', async () => {
    const straight = await tiny.complete(recipe, policy(), { sql: new tiny.SlowSql(slow) });
    expect(straight.fingerprint.timeouts).toBeGreaterThan(0);
    const store = await leaveAt(10, tiny.start(recipe, policy(), { sql: new tiny.SlowSql(slow) }));
    const fast = new tiny.SlowSql();
    const resumed = await tiny.complete(recipe, policy(), { store, sql: fast });
    expect(resumed.fingerprint).toEqual(straight.fingerprint);
    expect(resumed.files).toEqual(straight.files);
    expect(fast.ran).not.toContain('SELECT sum(size) FROM item');
    const unhindered = await tiny.complete(recipe, policy());
    expect(unhindered.fingerprint.head).not.toBe(straight.fingerprint.head);
  });

  it('of evaluations count the same straight and resumed', async () => {
    const evaluated = { ...recipe, eval: { every: 5, split: 'train', tasks: 3 } };
    const all = (): boolean => true;
    const straight = await tiny.complete(evaluated, policy(), { sql: new tiny.SlowSql(all) });
    const started = tiny.start(evaluated, policy(), { sql: new tiny.SlowSql(all) });
    const store = await leaveAt(10, started);
    const resumed = await tiny.complete(evaluated, policy(), { store, sql: new tiny.SlowSql(all) });
    expect(resumed.fingerprint).toEqual(straight.fingerprint);
    expect(await resumed.store.readMetrics()).toEqual(await straight.store.readMetrics());
  });
});

describe('what cannot be gone on with is refused, and frees what it took', () => {
  const recipe = tiny.grpoRecipe(full);
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  let files: CheckpointFiles;
  beforeAll(async () => {
    const store = await leaveAt(10, tiny.start(recipe, policy()));
    files = (await store.latestCheckpoint())!.files;
  });

  const without = (name: string): CheckpointFiles =>
    Object.fromEntries(Object.entries(files).filter(([each]) => each !== name));
  const state = (change: object): CheckpointFiles => {
    const old = JSON.parse(new TextDecoder().decode(files['trainer_state.json'])) as object;
    return { ...files, 'trainer_state.json': text(JSON.stringify({ ...old, ...change })) };
  };
  const optimizerWithout = (name: string): CheckpointFiles => {
    const tensors = readSafetensors(files['optimizer.safetensors']!);
    tensors.delete(name);
    return { ...files, 'optimizer.safetensors': writeSafetensors(tensors) };
  };

  it.each<[string, () => CheckpointFiles, RegExp]>([
    ['no config.json', () => without('config.json'), /config\.json/],
    ['no weights', () => without('model.safetensors'), /model\.safetensors/],
    ['no state', () => without('trainer_state.json'), /^checkpoint 10: .*trainer_state\.json/],
    ['no moments', () => without('optimizer.safetensors'), /^checkpoint 10: .*optimizer\.safet/],
    [
      'a state that is not JSON',
      () => ({ ...files, 'trainer_state.json': text('{"step":') }),
      /^checkpoint 10: trainer_state\.json: got "{\\"step\\":", expected valid JSON/,
    ],
    [
      'a state that is null',
      () => ({ ...files, 'trainer_state.json': text('null') }),
      /trainer_state\.json: optimizer_steps: got undefined/,
    ],
    [
      'steps that are text',
      () => state({ optimizer_steps: '40' }),
      /trainer_state\.json: optimizer_steps: got "40", expected an integer/,
    ],
    ['no timeouts', () => state({ timeouts: undefined }), /trainer_state\.json: timeouts: /],
    [
      'half a fingerprint',
      () => state({ fingerprint: { backend: 'wasm' } }),
      /trainer_state\.json: fingerprint\.numerics: /,
    ],
    [
      'a moment missing',
      () => optimizerWithout('layers.0.qkv.m'),
      /^checkpoint 10: optimizer\.safetensors: layers\.0\.qkv\.m: got undefined/,
    ],
    [
      'moments cut short',
      () => ({
        ...files,
        'optimizer.safetensors': files['optimizer.safetensors']!.subarray(0, 99),
      }),
      /^checkpoint 10: optimizer\.safetensors: header length/,
    ],
  ])('%s', async (_, make, message) => {
    const store = new MemoryRunStore();
    await store.writeRecipe(recipe);
    await store.saveCheckpoint(10, make());
    const before = tiny.memory();
    await expect(tiny.complete(recipe, policy(), { store })).rejects.toThrow(message);
    expect(tiny.memory()).toEqual(before);
  });

  it('another recipe', async () => {
    const store = await leaveAt(10, tiny.start(recipe, policy()));
    const other = { ...recipe, seed: 5 };
    const before = tiny.memory();
    await expect(tiny.complete(other, policy(), { store })).rejects.toThrow(
      /^recipe: got "run", expected the recipe this run began with/,
    );
    expect(tiny.memory()).toEqual(before);
  });

  it('questions that do not fit', async () => {
    const short = { ...recipe, prompt: { ...recipe.prompt, max_prompt_length: 16 } };
    const longer = tiny.data.splits.get('train')!.map((task) => ({
      ...task,
      question: `${task.question} and `.repeat(5),
    }));
    const data = { ...tiny.data, splits: new Map([['train', longer]]) };
    const store = new MemoryRunStore();
    await expect(tiny.complete(short, policy(), { store, data })).rejects.toThrow(
      /^prompt\.max_prompt_length: got 16/,
    );
    expect(await store.readRecipe()).toBeUndefined();
  });

  it('SFT on questions without gold SQL', async () => {
    const answers = tiny.data.splits.get('train')!.map(({ gold: _, ...task }) => ({
      ...task,
      answer: [[1]],
    }));
    const data = { ...tiny.data, splits: new Map([['train', answers]]) };
    await expect(tiny.complete(tiny.sftRecipe(), policy(), { data })).rejects.toThrow(
      /^task t\d: gold: got undefined/,
    );
  });
});
