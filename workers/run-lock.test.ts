import { expect, it } from 'vitest';
import { withRunLock } from './run-lock.ts';
import { FakeLocks } from './worker.test-helper.ts';

it('lets one at a time work on a run, in any tab', async () => {
  const locks = new FakeLocks();
  let finish!: (value: string) => void;
  const first = withRunLock('x', () => new Promise<string>((resolve) => (finish = resolve)), locks);
  await Promise.resolve();
  await expect(withRunLock('x', async () => 'second', locks)).rejects.toMatchObject({
    ...{ code: 'run_open', field: 'run' },
  });
  expect(await withRunLock('y', async () => 'another run', locks)).toBe('another run');
  finish('first');
  expect(await first).toBe('first');
  expect(await withRunLock('x', async () => 'third', locks)).toBe('third');
});

it('frees the run when the work fails', async () => {
  const locks = new FakeLocks();
  const failing = withRunLock('x', () => Promise.reject(new Error('broken')), locks);
  await expect(failing).rejects.toThrow('broken');
  expect(await withRunLock('x', async () => 1, locks)).toBe(1);
});

it('works where there are no locks', async () => {
  expect(await withRunLock('x', async () => 1)).toBe(1);
});
