import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryRecipe } from '../src/core/recipe/arbitrary.test-helper.ts';
import { recipeHash } from '../src/core/recipe/canonical.ts';
import { applySet } from '../src/core/recipe/change.ts';
import { presetRecipe } from '../src/core/recipe/presets.ts';
import { packRun } from '../src/core/recipe/run-file.ts';
import { updatesOf, type Recipe } from '../src/core/recipe/schema.ts';
import { MemoryRunStore } from '../src/core/train/run-store.ts';
import {
  bytes,
  failure,
  fingerprintAfter,
  here,
  open,
  recipe,
  stateFile,
  train,
} from './run-database.test-helper.ts';

describe('the list of runs', () => {
  it('says how far each is, latest change first', async () => {
    const database = await open();
    const a = database.store('a');
    await a.writeRecipe(recipe);
    here.now = 2000;
    const sft = presetRecipe('sft');
    await database.store('b').writeRecipe(sft);
    expect((await database.runs()).map(({ id }) => id)).toEqual(['b', 'a']);
    here.now = 3000;
    await a.appendMetrics({ step: 1, 'eval/ex': 0.5 });
    await a.appendMetrics({ step: 2, loss: 1 });
    await a.saveCheckpoint(2, await stateFile(2));
    await a.appendMetrics({ step: 3, 'eval/ex': 0.75 });
    const updates = updatesOf(recipe);
    const summary = {
      ...{ id: 'a', recipe, created: 1000, changed: 3000, done: 2, updates, ex: 0.75 },
      fingerprint: await fingerprintAfter(2),
    };
    expect((await database.runs())[0]).toEqual(summary);
    await a.resume();
    expect(await database.run('a')).toEqual({ ...summary, ex: 0.5 });
    expect(await database.run('b')).toMatchObject({ done: 0, ex: null, fingerprint: null });
    expect((await database.run('b'))!.updates).toBe(updatesOf(sft));
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

describe('lines up to an update', () => {
  it('are those of the update and before, with the last episodes of them', async () => {
    const database = await open();
    await train(database.store('w'), 1, 9);
    await train(database.store('x'), 1, 9);
    const { metrics, episodes } = await database.lines('x', 4, 2);
    expect(metrics.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    expect(episodes.map(({ step }) => step)).toEqual([3, 4]);
    expect(await database.lines('x', 0, 2)).toEqual({ metrics: [], episodes: [] });
    expect((await database.lines('x', 99, 99)).episodes).toHaveLength(9);
    expect((await database.lines('y', 99, 99)).metrics).toEqual([]);
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
    await store.saveCheckpoint(1, await stateFile(1));
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
