import 'fake-indexeddb/auto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StepSqlError } from '../src/core/errors.ts';
import { arbitraryRecipe } from '../src/core/recipe/arbitrary.test-helper.ts';
import { recipeHash } from '../src/core/recipe/canonical.ts';
import { applySet } from '../src/core/recipe/change.ts';
import { FingerprintChain } from '../src/core/recipe/fingerprint.ts';
import { presetRecipe } from '../src/core/recipe/presets.ts';
import { packRun } from '../src/core/recipe/run-file.ts';
import type { Recipe } from '../src/core/recipe/schema.ts';
import { MemoryRunStore, type RunStore } from '../src/core/train/run-store.ts';
import { RunDatabase } from './run-database.ts';

const recipe = presetRecipe('grpo');
const opened: RunDatabase[] = [];
let names = 0;
let name: string;
let clock: number;

/** The same database again: another tab, or after a reload. */
async function open(): Promise<RunDatabase> {
  const database = await RunDatabase.open({ name, now: () => clock });
  opened.push(database);
  return database;
}

beforeEach(() => {
  name = `runs ${names++}`;
  clock = 1000;
});

afterEach(() => {
  vi.restoreAllMocks();
  for (const database of opened.splice(0)) database.close();
});

const bytes = (...values: number[]) => Uint8Array.from(values);
const failure = (promise: Promise<unknown>) => promise.then(String, (error: unknown) => error);

/** Updates from `from` to `to` as the loop writes them: lines first, checkpoints every other update. */
async function train(store: RunStore, from: number, to: number): Promise<void> {
  for (let step = from; step <= to; step++) {
    await store.appendMetrics({ step, reward: step / 10, kl: NaN });
    await store.appendEpisodes([{ step, text: `SELECT ${step}` }]);
    if (step % 2 === 0) await store.saveCheckpoint(step, { 'model.safetensors': bytes(step) });
  }
}

function fingerprintAfter(updates: number) {
  const chain = new FingerprintChain('wasm');
  for (let update = 1; update <= updates; update++) {
    const weights = [Float32Array.of(update)];
    chain.add({ tokens: [Int32Array.of(1)], rewards: Float32Array.of(1), weights });
  }
  return chain.toJSON();
}

const stateFile = (step: number) => ({
  'trainer_state.json': new TextEncoder().encode(
    JSON.stringify({ step, fingerprint: fingerprintAfter(step) }),
  ),
});

describe('a run in the database', () => {
  it('is empty before it begins, and asking leaves no trace', async () => {
    const database = await open();
    const store = database.store('x');
    expect(await store.readRecipe()).toBeUndefined();
    expect(await store.readMetrics()).toEqual([]);
    expect(await store.readEpisodes()).toEqual([]);
    expect(await store.readEpisodes(3)).toEqual([]);
    expect(await store.latestCheckpoint()).toBeUndefined();
    expect(await store.resume()).toBeUndefined();
    await store.close();
    expect(await database.runs()).toEqual([]);
    expect(await database.run('x')).toBeUndefined();
    expect(await database.bytes()).toBe(0);
  });

  it('gives back what was written, after a reload too', async () => {
    const first = await open();
    await first.store('x').writeRecipe(recipe);
    await train(first.store('x'), 1, 12);
    first.close();
    const store = (await open()).store('x');
    expect(await store.readRecipe()).toEqual(recipe);
    expect((await store.readMetrics()).map(({ step }) => step)).toEqual([
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    ]);
    expect((await store.readMetrics())[2]).toEqual({ step: 3, reward: 0.3, kl: NaN });
    expect(await store.readEpisodes(2)).toEqual([
      { step: 11, text: 'SELECT 11' },
      { step: 12, text: 'SELECT 12' },
    ]);
    expect(await store.readEpisodes(99)).toHaveLength(12);
    expect(await store.latestCheckpoint()).toEqual({
      step: 12,
      files: { 'model.safetensors': bytes(12) },
    });
  });

  it('keeps the order of episodes within an update and of lines within a step', async () => {
    const store = (await open()).store('x');
    await store.appendEpisodes(Array.from({ length: 30 }, (_, sample) => ({ step: 1, sample })));
    await store.appendMetrics({ step: 1, loss: 1 });
    await store.appendMetrics({ step: 1, 'eval/ex': 0.5 });
    expect((await store.readEpisodes()).map(({ sample }) => sample)).toEqual(
      Array.from({ length: 30 }, (_, i) => i),
    );
    expect((await store.readEpisodes(2)).map(({ sample }) => sample)).toEqual([28, 29]);
    expect(await store.readMetrics()).toEqual([
      { step: 1, loss: 1 },
      { step: 1, 'eval/ex': 0.5 },
    ]);
  });

  it('appends in order when not waited for, and close waits', async () => {
    const database = await open();
    const store = database.store('x');
    void store.appendMetrics({ step: 1 });
    void store.appendEpisodes([{ step: 1 }]);
    void store.saveCheckpoint(1, { a: bytes(1) });
    void store.appendMetrics({ step: 2 });
    await store.close();
    const again = (await open()).store('x');
    expect((await again.readMetrics()).map(({ step }) => step)).toEqual([1, 2]);
    expect((await again.resume())?.step).toBe(1);
    expect((await again.readMetrics()).map(({ step }) => step)).toEqual([1]);
  });

  it('writes typed arrays and bigints of episodes as JSON', async () => {
    const store = (await open()).store('x');
    await store.appendEpisodes([
      {
        ...{ step: 1, tokens: Int32Array.of(1, 2), mask: bytes(1, 0) },
        rows: [[9007199254740993n]],
      },
    ]);
    expect(await store.readEpisodes()).toEqual([
      { step: 1, tokens: [1, 2], mask: [1, 0], rows: [['9007199254740993']] },
    ]);
  });

  it('drops what lies beyond the checkpoint it resumes from', async () => {
    const store = (await open()).store('x');
    const straight = new MemoryRunStore();
    await train(straight, 1, 6);
    await train(store, 1, 5);
    expect((await store.resume())?.step).toBe(4);
    expect((await store.readMetrics()).map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    await train(store, 5, 6);
    expect(await store.readMetrics()).toEqual(await straight.readMetrics());
    expect(await store.readEpisodes()).toEqual(await straight.readEpisodes());
    expect(await store.latestCheckpoint()).toEqual(await straight.latestCheckpoint());
  });

  it('begins anew when there is no checkpoint', async () => {
    const store = (await open()).store('x');
    await store.writeRecipe(recipe);
    await train(store, 1, 1);
    expect(await store.resume()).toBeUndefined();
    expect(await store.readMetrics()).toEqual([]);
    expect(await store.readEpisodes()).toEqual([]);
    expect(await store.readRecipe()).toEqual(recipe);
  });

  it('goes on only with its own recipe', async () => {
    const store = (await open()).store('x');
    await store.writeRecipe(recipe);
    await store.writeRecipe(recipe);
    await expect(store.writeRecipe(applySet(recipe, 'seed=1'))).rejects.toThrow(
      /^recipe: got "grpo", expected the recipe this run began with/,
    );
    expect(await store.readRecipe()).toEqual(recipe);
  });

  it('leaves the checkpoint in force alone', async () => {
    const store = (await open()).store('x');
    await store.saveCheckpoint(2, { a: bytes(1) });
    await store.saveCheckpoint(2, { a: bytes(9) });
    expect((await store.latestCheckpoint())?.files).toEqual({ a: bytes(1) });
  });

  it.each(['../x', 'a/b', '', '.hidden', 'a\0b'])('refuses the file name %j', async (file) => {
    const saved = (await open()).store('x').saveCheckpoint(1, { [file]: bytes() });
    await expect(saved).rejects.toThrow('expected a plain file name');
  });

  it('refuses lines without a step', async () => {
    const store = (await open()).store('x');
    await expect(store.appendMetrics({ step: NaN })).rejects.toThrow('metrics: step: got');
    await expect(store.appendEpisodes([{ step: 1 }, {} as never])).rejects.toThrow(
      'episodes: step: got undefined',
    );
    expect(await store.readEpisodes()).toEqual([]);
  });

  it('keeps runs apart', async () => {
    const database = await open();
    await train(database.store('a'), 1, 3);
    await train(database.store('a-2'), 1, 5);
    await database.store('a').resume();
    expect(await database.store('a').readMetrics()).toHaveLength(2);
    expect(await database.store('a-2').readMetrics()).toHaveLength(5);
  });

  it('stores a view without the buffer behind it, and not what happens to it later', async () => {
    const store = (await open()).store('x');
    const memory = new Uint8Array(1 << 20);
    const saved = store.saveCheckpoint(1, { a: memory.subarray(8, 10) });
    memory.fill(7);
    await saved;
    const { a } = (await store.latestCheckpoint())!.files;
    expect(a).toEqual(bytes(0, 0));
    expect(a!.buffer.byteLength).toBe(2);
  });

  it('makes the same run file as a run in memory', async () => {
    const store = (await open()).store('x');
    const memory = new MemoryRunStore();
    for (const each of [store, memory]) {
      await each.writeRecipe(recipe);
      await train(each, 1, 5);
      await each.saveCheckpoint(5, { z: bytes(1), a: bytes(2), m: bytes(3) });
    }
    expect(await packRun(store)).toEqual(await packRun(memory));
  });

  it('agrees with a run in memory, whatever happens to it', async () => {
    const number = fc.oneof(fc.double(), fc.constantFrom(NaN, Infinity, -0));
    const operation = fc.oneof(
      fc.record({ do: fc.constant('recipe' as const), seed: fc.nat(1) }),
      fc.record({
        do: fc.constant('metrics' as const),
        line: fc.dictionary(fc.constantFrom('loss', 'eval/ex', '__proto__'), number),
      }),
      fc.record({
        do: fc.constant('episodes' as const),
        lines: fc.array(fc.record({ text: fc.string({ unit: 'binary' }), value: fc.jsonValue() }), {
          maxLength: 3,
        }),
      }),
      fc.record({ do: fc.constant('save' as const), content: fc.uint8Array({ maxLength: 4 }) }),
      fc.record({ do: fc.constantFrom('step' as const, 'resume' as const, 'reload' as const) }),
      fc.record({ do: fc.constant('last' as const), last: fc.integer({ min: 1, max: 4 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 25 }), async (operations) => {
        name = `runs ${names++}`;
        const memory = new MemoryRunStore();
        let database = await open();
        let store = database.store('x');
        let step = 0;
        const both = async <T>(work: (store: RunStore) => Promise<T>): Promise<T> => {
          const wanted = await work(memory).catch(String);
          expect(await work(store).catch(String)).toEqual(wanted);
          return wanted as T;
        };
        for (const each of operations) {
          if (each.do === 'step') step++;
          else if (each.do === 'recipe') {
            await both((run) => run.writeRecipe(applySet(recipe, `seed=${each.seed}`)));
          } else if (each.do === 'metrics') {
            await both((run) => run.appendMetrics({ ...each.line, step }));
          } else if (each.do === 'episodes') {
            await both((run) => run.appendEpisodes(each.lines.map((line) => ({ step, ...line }))));
          } else if (each.do === 'save') {
            await both((run) => run.saveCheckpoint(step, { b: each.content, a: bytes(step) }));
          } else if (each.do === 'resume') {
            step = (await both((run) => run.resume()))?.step ?? 0;
          } else if (each.do === 'last') {
            await both((run) => run.readEpisodes(each.last));
          } else {
            database.close();
            database = await open();
            store = database.store('x');
          }
        }
        await both((run) => run.readRecipe());
        await both((run) => run.readMetrics());
        await both((run) => run.readEpisodes());
        await both((run) => run.latestCheckpoint());
        const lines = await memory.readMetrics();
        const ex = lines.findLast((line) => Object.hasOwn(line, 'eval/ex'))?.['eval/ex'];
        const summary = await database.run('x');
        if (summary) expect(summary.ex).toBe(Number.isFinite(ex) ? ex! + 0 : null);
        await both((run) => packRun(run));
        database.close();
      }),
      { numRuns: 60 },
    );
  });
});

describe('when a write fails', () => {
  const putOf = IDBObjectStore.prototype.put;

  /** Fails at the `at`-th value put from now on. */
  function failAt(at: number, error: (store: IDBObjectStore) => void): void {
    let puts = 0;
    vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (
      this: IDBObjectStore,
      value: unknown,
      key?: IDBValidKey,
    ) {
      if (++puts === at) error(this);
      return putOf.call(this, value, key);
    });
  }

  const full = () => new DOMException('Encountered full disk', 'QuotaExceededError');
  const atOnce = () => {
    throw full();
  };
  /** As browsers do when it is only found out while committing. */
  const later = ({ transaction }: IDBObjectStore) => {
    setImmediate(() =>
      (transaction as unknown as { _abort(why: string): void })._abort('QuotaExceededError'),
    );
  };

  it.each([
    ['the files', 1, atOnce],
    ['the record', 2, atOnce],
    ['committing', 2, later],
  ])('with no room for %s, the checkpoint before stays in force', async (_, at, error) => {
    const database = await open();
    const store = database.store('x');
    await store.writeRecipe(recipe);
    await train(store, 1, 4);
    const before = await database.runs();
    clock++;
    failAt(at, error);
    const failed = await failure(store.saveCheckpoint(6, { 'model.safetensors': bytes(6) }));
    expect(failed).toMatchObject({
      code: 'storage_full',
      message: expect.stringContaining('delete runs you no longer need') as string,
    });
    expect(failed).toBeInstanceOf(StepSqlError);
    vi.restoreAllMocks();
    expect(await database.runs()).toEqual(before);
    expect((await store.latestCheckpoint())?.step).toBe(4);
    await train(store, 5, 6);
    expect((await store.latestCheckpoint())?.step).toBe(6);
  });

  it('keeps no part of a batch of lines, nor of an added run', async () => {
    const database = await open();
    const source = new MemoryRunStore();
    await source.writeRecipe(recipe);
    await train(source, 1, 5);
    failAt(3, atOnce);
    const lines = [1, 2, 3].map((sample) => ({ step: 1, sample }));
    await expect(database.store('x').appendEpisodes(lines)).rejects.toThrow('no room left');
    vi.restoreAllMocks();
    failAt(11, atOnce);
    await expect(database.add(source)).rejects.toThrow('no room left');
    vi.restoreAllMocks();
    expect(await database.store('x').readEpisodes()).toEqual([]);
    expect(await database.runs()).toEqual([]);
    expect(await database.bytes()).toBe(0);
    expect(await database.newId(recipe)).toBe(recipeHash(recipe).slice(0, 12));
  });

  it('says what the browser said of other failures', async () => {
    const store = (await open()).store('x');
    failAt(1, () => {
      throw new DOMException('Disk on fire', 'UnknownError');
    });
    expect(await failure(store.appendMetrics({ step: 1 }))).toMatchObject({
      code: 'storage',
      message: expect.stringContaining('Disk on fire') as string,
    });
  });
});

describe('checkpoints', () => {
  /** What a browser may do to large values. */
  async function lose(step: number): Promise<void> {
    const request = indexedDB.open(name);
    const raw = await new Promise<IDBDatabase>((resolve) => {
      request.onsuccess = () => resolve(request.result);
    });
    const tx = raw.transaction('checkpoints', 'readwrite');
    tx.objectStore('checkpoints').delete(['x', step]);
    await new Promise((resolve) => (tx.oncomplete = resolve));
    raw.close();
  }

  it('take the room of two', async () => {
    const database = await open();
    const store = database.store('x');
    for (let step = 1; step <= 5; step++) {
      await store.saveCheckpoint(step, { a: new Uint8Array(1000) });
    }
    expect(await database.bytes()).toBe(2000);
  });

  it('fall back to the one before when the browser has lost the last', async () => {
    const database = await open();
    const store = database.store('x');
    await store.writeRecipe(recipe);
    await store.appendMetrics({ step: 1, 'eval/ex': 0.25 });
    await store.saveCheckpoint(1, stateFile(1));
    await store.appendMetrics({ step: 2, 'eval/ex': 0.5 });
    await store.saveCheckpoint(2, stateFile(2));
    await lose(2);
    expect((await store.resume())?.step).toBe(1);
    expect(await store.readMetrics()).toHaveLength(1);
    expect(await database.run('x')).toMatchObject({
      ...{ done: 1, ex: 0.25, fingerprint: fingerprintAfter(1) },
    });
    await lose(1);
    expect(await failure(store.resume())).toMatchObject({ code: 'storage' });
    await expect(database.snapshot('x')).rejects.toThrow('the browser has lost checkpoint 1');
    expect(await store.readMetrics()).toHaveLength(1);
  });
});

describe('the list of runs', () => {
  it('says how far each is, latest change first', async () => {
    const database = await open();
    const a = database.store('a');
    await a.writeRecipe(recipe);
    clock = 2000;
    const sft = presetRecipe('sft');
    await database.store('b').writeRecipe(sft);
    expect((await database.runs()).map(({ id }) => id)).toEqual(['b', 'a']);
    clock = 3000;
    await a.appendMetrics({ step: 1, 'eval/ex': 0.5 });
    await a.appendMetrics({ step: 2, loss: 1 });
    await a.saveCheckpoint(2, stateFile(2));
    await a.appendMetrics({ step: 3, 'eval/ex': 0.75 });
    const updates = recipe.method === 'grpo' ? recipe.grpo.num_updates : NaN;
    const summary = {
      ...{ id: 'a', recipe, created: 1000, changed: 3000, done: 2, updates, ex: 0.75 },
      fingerprint: fingerprintAfter(2),
    };
    expect((await database.runs())[0]).toEqual(summary);
    await a.resume();
    expect(await database.run('a')).toEqual({ ...summary, ex: 0.5 });
    expect(await database.run('b')).toMatchObject({ done: 0, ex: null, fingerprint: null });
    expect((await database.run('b'))!.updates).toBe(sft.method === 'sft' && sft.sft.num_updates);
  });

  it('does not hold what has no recipe yet', async () => {
    const database = await open();
    await database.store('x').appendMetrics({ step: 1 });
    expect(await database.runs()).toEqual([]);
    await database.store('x').writeRecipe(recipe);
    expect(await database.runs()).toHaveLength(1);
  });

  it('keeps every recipe as it is', async () => {
    const database = await open();
    let id = 0;
    await fc.assert(
      fc.asyncProperty(arbitraryRecipe, async (each: Recipe) => {
        const store = database.store(String(id++));
        await store.writeRecipe(each);
        expect(await store.readRecipe()).toEqual(each);
        await store.writeRecipe(each);
      }),
      { numRuns: 40 },
    );
    expect(await database.runs()).toHaveLength(id);
  });

  it('numbers repetitions of a recipe', async () => {
    const database = await open();
    const first = recipeHash(recipe).slice(0, 12);
    expect(await database.newId(recipe)).toBe(first);
    for (const wanted of [first, `${first}-2`, `${first}-3`]) {
      const id = await database.newId(recipe);
      expect(id).toBe(wanted);
      await database.store(id).writeRecipe(recipe);
    }
    await database.delete(`${first}-2`);
    expect(await database.newId(recipe)).toBe(`${first}-2`);
    expect(await database.newId(applySet(recipe, 'seed=1'))).not.toContain(first);
  });
});

describe('a run that is deleted', () => {
  it('goes entirely, and alone', async () => {
    const database = await open();
    for (const id of ['x', 'x-2']) {
      await database.store(id).writeRecipe(recipe);
      await train(database.store(id), 1, 4);
    }
    const all = await database.bytes();
    await database.delete('x');
    await database.delete('never was');
    expect((await database.runs()).map(({ id }) => id)).toEqual(['x-2']);
    expect(await database.bytes()).toBe(all / 2);
    const store = database.store('x');
    expect(await store.readMetrics()).toEqual([]);
    expect(await store.readEpisodes()).toEqual([]);
    expect(await store.latestCheckpoint()).toBeUndefined();
    expect(await database.store('x-2').readMetrics()).toHaveLength(4);
  });

  it('is not begun again by who still writes it', async () => {
    const database = await open();
    const store = database.store('x');
    await store.writeRecipe(recipe);
    await (await open()).delete('x');
    for (const write of [
      store.appendMetrics({ step: 1 }),
      store.saveCheckpoint(1, { a: bytes(1) }),
      store.writeRecipe(recipe),
    ]) {
      expect(await failure(write)).toMatchObject({ code: 'run_deleted', field: 'run' });
    }
    expect(await database.bytes()).toBe(0);
    await database.store('x').writeRecipe(recipe);
    expect(await database.runs()).toHaveLength(1);
  });
});

describe('files of own data', () => {
  it('stay until the last run that needs them is deleted', async () => {
    const database = await open();
    const sha256 = 'ab'.repeat(32);
    const own = applySet(recipe, 'data.kind=files', `data.sha256=${sha256}`);
    await database.putFile(sha256, new Uint8Array(5000).subarray(0, 100));
    await database.putFile('cd'.repeat(32), bytes(1));
    expect(await database.file(sha256)).toEqual(new Uint8Array(100));
    expect(await database.file('none')).toBeUndefined();
    expect(await database.bytes()).toBe(101);
    await database.store('a').writeRecipe(own);
    await database.store('b').writeRecipe(own);
    await database.store('c').writeRecipe(recipe);
    await database.delete('a');
    await database.delete('c');
    expect(await database.file(sha256)).toBeDefined();
    await database.delete('b');
    expect(await database.file(sha256)).toBeUndefined();
    expect(await database.bytes()).toBe(1);
  });
});

describe('a copy', () => {
  it('is a new run like the old one', async () => {
    const database = await open();
    const store = database.store('x');
    await store.writeRecipe(recipe);
    await store.appendMetrics({ step: 1, 'eval/ex': 0.5 });
    await store.appendEpisodes([{ step: 1, text: 'SELECT 1' }]);
    await store.saveCheckpoint(1, stateFile(1));
    const old = (await database.run('x'))!;
    const ids = [
      await database.add(await database.snapshot('x')),
      await database.add(await database.snapshot('x')),
    ];
    const first = recipeHash(recipe).slice(0, 12);
    expect(ids).toEqual([first, `${first}-2`]);
    expect(await database.run(first)).toEqual({ ...old, id: first });
    expect(await packRun(database.store(first))).toEqual(await packRun(store));
  });

  it('is of one moment, while the run goes on', async () => {
    const database = await open();
    const store = database.store('x');
    await store.writeRecipe(recipe);
    const training = train(store, 1, 20);
    for (let i = 0; i < 10; i++) {
      const copy = await database.snapshot('x');
      const lines = await copy.readMetrics();
      const checkpoint = await copy.latestCheckpoint();
      expect(lines.at(-1)?.step ?? 0).toBeGreaterThanOrEqual(checkpoint?.step ?? 0);
    }
    await training;
  });

  it('needs a run', async () => {
    const database = await open();
    await expect(database.snapshot('x')).rejects.toThrow('run: got "x", expected a run that is');
    await expect(database.add(new MemoryRunStore())).rejects.toThrow('expected a run that has');
  });
});
