import { afterEach, expect, it, vi } from 'vitest';
import { holdLifeLock, WorkerLife } from './life.ts';
import { FakeLocks, FakeWorker, soon } from './worker.test-helper.ts';

afterEach(() => {
  vi.useRealTimers();
});

function start(locks: FakeLocks | undefined) {
  const worker = new FakeWorker();
  holdLifeLock(worker.inside, locks);
  const seen: unknown[] = [];
  worker.inside.addEventListener('message', ({ data }) => {
    seen.push(data);
    worker.inside.postMessage(`echo ${String(data)}`);
  });
  const ends: string[] = [];
  const life = new WorkerLife(worker.outside, (reason) => ends.push(reason), locks);
  const heard: unknown[] = [];
  worker.outside.addEventListener('message', ({ data }: MessageEvent) => heard.push(data));
  return { worker, seen, ends, life, heard };
}

it('notices a worker that ends without a word', async () => {
  const locks = new FakeLocks();
  const { worker, ends } = start(locks);
  await soon();
  expect(ends).toEqual([]);
  expect(locks.names()).toEqual([expect.stringMatching(/^stepsql-worker-[\da-f-]{36}$/)]);
  worker.die(locks);
  await soon();
  expect(ends).toEqual(['it ended without a word']);
  expect(worker.terminated).toBe(true);
});

it('keeps talk about the lock from others who listen', async () => {
  const { worker, seen, heard } = start(new FakeLocks());
  worker.outside.postMessage('hello');
  await soon();
  expect(seen).toEqual(['hello']);
  expect(heard).toEqual(['echo hello']);
});

it('ends a worker that failed, once', async () => {
  const locks = new FakeLocks();
  const { worker, ends } = start(locks);
  await soon();
  worker.fail('Uncaught RangeError: too deep');
  worker.fail('again');
  worker.die(locks);
  await soon();
  expect(ends).toEqual(['Uncaught RangeError: too deep']);
  expect(worker.terminated).toBe(true);
});

it('names the two failures without a message', () => {
  const script = start(undefined);
  script.worker.outside.dispatchEvent(new Event('error'));
  expect(script.ends).toEqual(['its script could not be loaded']);
  const message = start(undefined);
  message.worker.outside.dispatchEvent(new Event('messageerror'));
  expect(message.ends).toEqual(['it sent what cannot be received']);
});

it('keeps its failures from the thread that started it', () => {
  const { worker } = start(undefined);
  const failure = new Event('error', { cancelable: true });
  worker.outside.dispatchEvent(failure);
  expect(failure.defaultPrevented).toBe(true);
});

it('says nothing of an end that was asked for, and waits until it has come', async () => {
  const locks = new FakeLocks();
  const { worker, ends, life } = start(locks);
  await soon();
  let gone = false;
  void life.terminate().then(() => (gone = true));
  await soon();
  expect(worker.terminated).toBe(true);
  expect(gone).toBe(false); // still in its loop
  worker.die(locks);
  await soon();
  expect(gone).toBe(true);
  expect(ends).toEqual([]);
});

it('without locks allows a killed worker 2 s', async () => {
  vi.useFakeTimers();
  const { life, ends } = start(undefined);
  let gone = false;
  void life.terminate().then(() => (gone = true));
  await vi.advanceTimersByTimeAsync(1900);
  expect(gone).toBe(false);
  await vi.advanceTimersByTimeAsync(200);
  expect(gone).toBe(true);
  expect(ends).toEqual([]);
});
