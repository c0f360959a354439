import { beforeEach, expect, test, vi } from 'vitest';
import { EventBatch } from './event-batch.ts';
import type { PolicyEvent } from './protocol.ts';

let now = 0;
let sent: PolicyEvent[][] = [];
let batch: EventBatch;

beforeEach(() => {
  vi.useFakeTimers();
  now = 1000;
  sent = [];
  batch = new EventBatch(
    (events) => sent.push(events),
    () => now,
  );
});

const pass = (ms: number): void => {
  now += ms;
  vi.advanceTimersByTime(ms);
};

const checkpoint = (update: number): PolicyEvent => ({ type: 'checkpoint', update });
const data = (done: number): PolicyEvent => ({ type: 'stage', stage: 'data', done, total: 9 });

test('the first event goes at once, those after it together', () => {
  batch.add(checkpoint(1));
  expect(sent).toEqual([[checkpoint(1)]]);
  batch.add(checkpoint(2));
  pass(50);
  batch.add(checkpoint(3));
  expect(sent).toHaveLength(1);
  pass(50);
  expect(sent.slice(1)).toEqual([[checkpoint(2), checkpoint(3)]]);
  pass(500);
  expect(sent).toHaveLength(2);
});

test('at most about ten batches a second, and nothing is lost', () => {
  for (let i = 0; i < 1000; i++) {
    batch.add(checkpoint(i));
    pass(1);
  }
  void batch.flush();
  expect(sent.length).toBeLessThanOrEqual(12);
  expect(sent.flat()).toEqual(Array.from({ length: 1000 }, (_, i) => checkpoint(i)));
});

test('of a counter only the newest is sent', () => {
  batch.add({ type: 'stage', stage: 'policy' });
  batch.add(data(1));
  batch.add(data(2));
  batch.add(checkpoint(0));
  batch.add(data(3));
  void batch.flush();
  expect(sent[1]).toEqual([data(2), checkpoint(0), data(3)]);
});

test('flush leaves nothing behind', () => {
  batch.add(checkpoint(1));
  batch.add(checkpoint(2));
  void batch.flush();
  void batch.flush();
  pass(1000);
  expect(sent).toHaveLength(2);
});

test('flush waits until everything has arrived', async () => {
  let arrive!: () => void;
  const arrival = new Promise<void>((resolve) => (arrive = resolve));
  const slow = new EventBatch(
    () => arrival,
    () => now,
  );
  slow.add(checkpoint(1));
  let flushed = false;
  const flush = slow.flush().then(() => (flushed = true));
  await Promise.resolve();
  expect(flushed).toBe(false);
  arrive();
  await flush;
  expect(flushed).toBe(true);
});
