import 'fake-indexeddb/auto';
import { strToU8, zipSync } from 'fflate';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { writeSafetensors } from '../src/core/model/safetensors.ts';
import { recipeHash } from '../src/core/recipe/canonical.ts';
import { presetRecipe } from '../src/core/recipe/presets.ts';
import { packRun } from '../src/core/recipe/run-file.ts';
import { MemoryRunStore, type RunStore } from '../src/core/train/run-store.ts';
import { packFile, unpackFile } from './pack.ts';
import { RunDatabase } from './run-database.ts';

const recipe = presetRecipe('execution');
const id = recipeHash(recipe).slice(0, 12);
let database: RunDatabase;
let names = 0;

beforeEach(async () => {
  database = await RunDatabase.open({ name: `runs ${names++}` });
});

afterEach(() => {
  vi.restoreAllMocks();
  database.close();
});

async function fill<Store extends RunStore>(store: Store): Promise<Store> {
  await store.writeRecipe(recipe);
  await store.appendMetrics({ step: 1, 'eval/ex': 0.5, kl: NaN });
  await store.appendEpisodes([{ step: 1, text: 'SELECT 1', tokens: Int32Array.of(1) }]);
  await store.saveCheckpoint(1, { 'model.safetensors': writeSafetensors(new Map()) });
  return store;
}

it('a run file of the tab is one of any other place', async () => {
  await fill(database.store('x'));
  expect(await packFile(database, 'x')).toEqual(await packRun(await fill(new MemoryRunStore())));
});

it('a run file becomes a run, and another one when it is there', async () => {
  const bytes = await packRun(await fill(new MemoryRunStore()));
  expect(await unpackFile(database, bytes)).toBe(id);
  expect(await unpackFile(database, bytes)).toBe(`${id}-2`);
  for (const run of await database.runs()) {
    expect(run).toMatchObject({ recipe, done: 1, ex: 0.5 });
    expect(await packFile(database, run.id)).toEqual(bytes);
  }
});

it('a run that is not here cannot be packed', async () => {
  await expect(packFile(database, 'gone')).rejects.toThrow('run: got "gone"');
});

it.each<[string, Record<string, string>, string]>([
  ['no recipe', { 'readme.txt': '' }, 'expected a recipe.json inside'],
  [
    'a bad line',
    { 'recipe.json': JSON.stringify(recipe), 'metrics.jsonl': '{}\n' },
    'metrics.jsonl line 1',
  ],
  ['a path out', { 'recipe.json': JSON.stringify(recipe), '../evil': '' }, 'entry name'],
])('a file with %s leaves nothing', async (_, files, message) => {
  const entries = Object.entries(files).map(([name, text]) => [name, strToU8(text)] as const);
  const bytes = zipSync(Object.fromEntries(entries));
  await expect(unpackFile(database, bytes)).rejects.toThrow(message);
  expect(await database.bytes()).toBe(0);
});

it('a file that does not fit leaves nothing', async () => {
  const bytes = await packRun(await fill(new MemoryRunStore()));
  const put = IDBObjectStore.prototype.put;
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (
    this: IDBObjectStore,
    value: unknown,
    key?: IDBValidKey,
  ) {
    if (this.name === 'checkpoints') throw new DOMException('', 'QuotaExceededError');
    return put.call(this, value, key);
  });
  await expect(unpackFile(database, bytes)).rejects.toMatchObject({ code: 'storage_full' });
  expect(await database.bytes()).toBe(0);
  expect(await database.newId(recipe)).toBe(id);
});
