/** Which engine a caller gets when another is chosen meanwhile. */
import { expect, test, vi } from 'vitest';
import { StepSqlError } from '../core/errors.ts';
import { EngineHolder } from './engine.svelte.ts';

interface FakeEngine {
  choice: string;
  start(): void;
}

const engines: FakeEngine[] = [];

vi.mock('../../workers/engine.ts', () => ({
  Engine: class {
    readonly died = new Promise(() => undefined);
    readonly started: Promise<unknown>;
    readonly choice: string;
    start!: () => void;
    #fail!: (error: Error) => void;
    constructor(choice: string) {
      this.choice = choice;
      this.started = new Promise((resolve, reject) => {
        this.start = () => resolve({ name: choice });
        this.#fail = reject;
      });
      engines.push(this);
    }
    close(): Promise<void> {
      this.#fail(new StepSqlError('worker_exit', 'the worker stopped: it was told to'));
      return Promise.resolve();
    }
  },
}));

test('who waits for an engine gets the one that replaced it while it started', async () => {
  const holder = new EngineHolder();
  const wanted = holder.get();
  holder.choose('webgpu');
  holder.choose('wasm');
  engines.at(-1)!.start();
  expect(((await wanted) as unknown as FakeEngine).choice).toBe('wasm');
});

test('who waits for an engine that is not replaced is told why it does not start', async () => {
  const holder = new EngineHolder();
  const wanted = holder.get();
  void (engines.at(-1) as unknown as { close(): Promise<void> }).close();
  await expect(wanted).rejects.toThrow('told to');
});
