/** A database of runs for each test, and runs as the loop writes them. */
import 'fake-indexeddb/auto';
import { afterEach, beforeEach, vi } from 'vitest';
import { FingerprintChain } from '../src/core/recipe/fingerprint.ts';
import { presetRecipe } from '../src/core/recipe/presets.ts';
import type { RunStore } from '../src/core/train/run-store.ts';
import { RunDatabase } from './run-database.ts';

export const recipe = presetRecipe('grpo');

/** Name of the test's database, and its time. */
export const here = { name: '', now: 0 };

const opened: RunDatabase[] = [];
let names = 0;

/** Another database, empty. */
export const elsewhere = (): void => void (here.name = `runs ${names++}`);

/** The same database again: another tab, or after a reload. */
export async function open(): Promise<RunDatabase> {
  const database = await RunDatabase.open({ name: here.name, now: () => here.now });
  opened.push(database);
  return database;
}

beforeEach(() => {
  elsewhere();
  here.now = 1000;
});

afterEach(() => {
  vi.restoreAllMocks();
  for (const database of opened.splice(0)) database.close();
});

export const bytes = (...values: number[]) => Uint8Array.from(values);
export const failure = (promise: Promise<unknown>) =>
  promise.then(String, (error: unknown) => error);

/** Updates from `from` to `to` as the loop writes them: lines first, checkpoints every other update. */
export async function train(store: RunStore, from: number, to: number): Promise<void> {
  for (let step = from; step <= to; step++) {
    await store.appendMetrics({ step, reward: step / 10, kl: NaN });
    await store.appendEpisodes([{ step, text: `SELECT ${step}` }]);
    if (step % 2 === 0) await store.saveCheckpoint(step, { 'model.safetensors': bytes(step) });
  }
}

export async function fingerprintAfter(updates: number) {
  const chain = new FingerprintChain('wasm');
  for (let update = 1; update <= updates; update++) {
    const weights = [Float32Array.of(update)];
    await chain.add({ tokens: [Int32Array.of(1)], rewards: Float32Array.of(1), weights });
  }
  return chain.toJSON();
}

export const stateFile = async (step: number) => ({
  'trainer_state.json': new TextEncoder().encode(
    JSON.stringify({ step, fingerprint: await fingerprintAfter(step) }),
  ),
});
