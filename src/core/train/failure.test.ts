/** Runs that must not go on: what they say, and that they leave nothing behind. */
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { tf } from '#tfjs';
import { StepSqlError } from '../errors.ts';
import { initPolicy, type Policy } from '../model/policy.ts';
import { backendFailure, startBackend } from '../tensor/backend.ts';
import { MemoryRunStore } from './run-store.ts';
import * as tiny from './tiny-run.test-helper.ts';

vi.mock(import('../tensor/backend.ts'), async (original) => ({
  ...(await original()),
  backendFailure: vi.fn<() => StepSqlError | undefined>(),
}));

beforeAll(() => startBackend('wasm'));

const recipe = tiny.grpoRecipe({ num_updates: 5 }, { checkpoint_every: 1 });

async function expectNothingWritten(store: MemoryRunStore): Promise<void> {
  expect(await store.readRecipe()).toBeUndefined();
  expect(await store.readMetrics()).toEqual([]);
  expect(await store.latestCheckpoint()).toBeUndefined();
}

describe('numbers that are none', () => {
  it.each(['norm', 'embed'])('end the run before it writes them: %s', async (name) => {
    const policy = tiny.freshPolicy();
    const before = tiny.memory();
    const weights = policy.parameters.get(name)!;
    tf.tidy(() => weights.assign(tf.fill(weights.shape, NaN)));
    const store = new MemoryRunStore();
    const run = tiny.complete(recipe, policy, { store });
    await expect(run).rejects.toMatchObject({
      code: 'diverged',
      field: 'optimizer.learning_rate',
      message: expect.stringMatching(/^update 1: .* at learning_rate 0\.01: choose/) as string,
    });
    await expectNothingWritten(store);
    expect(tiny.memory().numTensors).toBeLessThan(before.numTensors);
  });
});

describe('a backend that has failed', () => {
  const lost = new StepSqlError('device_lost', 'the graphics device was lost: gone');
  afterEach(() => void vi.mocked(backendFailure).mockReset());

  it('ends the run at the update it failed in, with the checkpoint before in force', async () => {
    const store = new MemoryRunStore();
    const { events } = tiny.start(recipe, tiny.freshPolicy(), { store });
    const seen = async (): Promise<void> => {
      for await (const event of events) {
        if (event.type === 'checkpoint' && event.update === 2) {
          vi.mocked(backendFailure).mockReturnValue(lost);
        }
      }
    };
    await expect(seen()).rejects.toBe(lost);
    expect((await store.latestCheckpoint())!.step).toBe(2);
    expect(await store.readMetrics()).toHaveLength(2);
  });
});

describe('another backend than the run began on', () => {
  it('is refused: the run would not be what it is without the stop', async () => {
    const { store } = await tiny.complete(recipe, tiny.freshPolicy());
    const before = tiny.memory();
    await expect(
      tiny.complete(recipe, tiny.freshPolicy(), { store, backend: 'webgpu' }),
    ).rejects.toThrow(
      /^backend: got "webgpu", expected wasm, on which this run began, or a new run/,
    );
    expect(tiny.memory()).toEqual(before);
  });
});

describe('memory that runs out', () => {
  interface Raw {
    makeOutput(shape: number[], dtype: string): { dataId: object };
    disposeData(dataId: object): void;
  }
  const taken: object[] = [];

  /** All but about a megabyte, never written to. */
  function takeMemory(): void {
    const backend = tf.backend() as unknown as Raw;
    for (let megabytes = 2048; megabytes >= 1;) {
      try {
        taken.push(backend.makeOutput([megabytes << 18], 'float32').dataId);
      } catch {
        megabytes /= 2;
      }
    }
  }
  function giveBack(): void {
    for (const dataId of taken.splice(0)) (tf.backend() as unknown as Raw).disposeData(dataId);
  }
  afterEach(giveBack);

  const large = tiny.grpoRecipe({ num_updates: 1, num_generations: 16, beta: 0.1 });
  const largePolicy = (): Policy => {
    const small = tiny.freshPolicy();
    small.dispose();
    return initPolicy({ ...small.config, vocab_size: 4096, hidden_size: 64 }, 0);
  };

  it('says what would fit, frees what it took, and the next run goes well', async () => {
    const before = tiny.memory();
    const policy = largePolicy();
    const store = new MemoryRunStore();
    takeMemory();
    const run = tiny.complete(large, policy, { store });
    await expect(run).rejects.toMatchObject({
      code: 'out_of_memory',
      message: expect.stringMatching(
        /^memory is exhausted: this run needs about \d+ MB of the 4\.0 GB there are at most; with grpo\./,
      ) as string,
    });
    await expectNothingWritten(store);
    giveBack();
    expect(tiny.memory()).toEqual(before);
    expect((await tiny.complete(large, largePolicy())).finished).toBe(true);
  });
});
