import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { throttle } from './throttle.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('runs at once, then once an interval, and keeps the last call', () => {
  const action = vi.fn();
  const call = throttle(action, 1000);
  call();
  expect(action).toHaveBeenCalledTimes(1);
  for (let i = 0; i < 10; i++) call();
  expect(action).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1000);
  expect(action).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(5000);
  expect(action).toHaveBeenCalledTimes(2);
  call();
  expect(action).toHaveBeenCalledTimes(3);
});

it('forgets what was to come when cancelled', () => {
  const action = vi.fn();
  const call = throttle(action, 1000);
  call();
  call();
  call.cancel();
  vi.advanceTimersByTime(5000);
  expect(action).toHaveBeenCalledTimes(1);
  call();
  expect(action).toHaveBeenCalledTimes(2);
});
