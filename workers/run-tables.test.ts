import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { presetRecipe } from '../src/core/recipe/presets.ts';
import { RunDatabase } from './run-database.ts';
import { Tables, UPGRADES } from './run-tables.ts';

beforeEach(() => {
  vi.stubGlobal('indexedDB', new IDBFactory());
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const recipe = presetRecipe('grpo');
const newer = [...UPGRADES, () => undefined];
const failure = (promise: Promise<unknown>) => promise.then(String, (error: unknown) => error);
const storage = (message: string) =>
  expect.objectContaining({ code: 'storage', message: expect.stringContaining(message) as string });

it('makes way for a tab with a newer version, which finds the runs', async () => {
  const old = await RunDatabase.open({ name: 'runs' });
  const store = old.store('x');
  await store.writeRecipe(recipe);
  const late = store.appendMetrics({ step: 1 });
  const tables = await Tables.open('runs', newer);
  await late; // what was under way is kept
  expect(await tables.read(['metrics'], (tx) => tx.objectStore('metrics').count())).toBe(1);
  expect(await failure(store.appendMetrics({ step: 2 }))).toEqual(storage('reload this page'));
  expect(await failure(old.runs())).toEqual(storage('another tab has a newer StepSQL'));
  await store.close();
  expect(await failure(RunDatabase.open({ name: 'runs' }))).toEqual(storage('newer StepSQL'));
  tables.close();
});

it('waits for a tab with an older version, but not for ever', async () => {
  // A version that does not know of making way.
  const request = indexedDB.open('runs', 1);
  request.onupgradeneeded = () => UPGRADES[0]!({ ...stub(request.result) } as never);
  const old = await new Promise<IDBDatabase>((resolve) => {
    request.onsuccess = () => resolve(request.result);
  });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const waiting = failure(Tables.open('runs', newer));
  const patient = Tables.open('runs', newer);
  while (vi.getTimerCount() < 1) await new Promise(setImmediate);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await waiting).toEqual(storage('an older StepSQL is in the way: close it'));
  old.close();
  (await patient).close();
});

it('says so where the browser keeps nothing', async () => {
  const denied = () => {
    throw new DOMException('The operation is insecure.', 'SecurityError');
  };
  vi.stubGlobal('indexedDB', { open: denied });
  expect(await failure(RunDatabase.open())).toEqual(
    storage('private windows and blocked site data do that (The operation is insecure.)'),
  );
  vi.stubGlobal('indexedDB', undefined);
  expect(await failure(RunDatabase.open())).toEqual(storage('gives this page no storage'));
});

it('says so when the connection is closed', async () => {
  const database = await RunDatabase.open({ name: 'runs' });
  database.close();
  database.close();
  expect(await failure(database.runs())).toEqual(storage('no longer has the storage open'));
  expect(await failure(database.store('x').writeRecipe(recipe))).toEqual(storage('reload'));
});

it('says so when the browser ends the connection', async () => {
  const { forceCloseDatabase } = await import('fake-indexeddb');
  const opens = vi.spyOn(indexedDB, 'open');
  const database = await RunDatabase.open({ name: 'runs' });
  forceCloseDatabase((opens.mock.results[0]!.value as IDBOpenDBRequest).result as never);
  await new Promise(setImmediate);
  expect(await failure(database.runs())).toEqual(storage('perhaps to clear its data'));
});

/** What an upgrade calls, without idb around it. */
function stub(database: IDBDatabase): Pick<IDBDatabase, 'createObjectStore'> {
  return { createObjectStore: database.createObjectStore.bind(database) };
}
