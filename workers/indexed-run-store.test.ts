import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { StepSqlError } from '../src/core/errors.ts';
import { recipeHash } from '../src/core/recipe/canonical.ts';
import { applySet } from '../src/core/recipe/change.ts';
import { packRun } from '../src/core/recipe/run-file.ts';
import { MemoryRunStore, type RunStore } from '../src/core/train/run-store.ts';
import {
  bytes,
  elsewhere,
  failure,
  fingerprintAfter,
  here,
  open,
  recipe,
  stateFile,
  train,
} from './run-database.test-helper.ts';

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
        elsewhere();
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
    here.now++;
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
    const request = indexedDB.open(here.name);
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
    await store.saveCheckpoint(1, await stateFile(1));
    await store.appendMetrics({ step: 2, 'eval/ex': 0.5 });
    await store.saveCheckpoint(2, await stateFile(2));
    await lose(2);
    expect((await store.resume())?.step).toBe(1);
    expect(await store.readMetrics()).toHaveLength(1);
    expect(await database.run('x')).toMatchObject({
      ...{ done: 1, ex: 0.25, fingerprint: await fingerprintAfter(1) },
    });
    await lose(1);
    expect(await failure(store.resume())).toMatchObject({ code: 'storage' });
    await expect(database.snapshot('x')).rejects.toThrow('the browser has lost checkpoint 1');
    expect(await store.readMetrics()).toHaveLength(1);
  });
});
