import { expect, test } from 'vitest';
import { trim, type BufferPool } from './webgpu-pool.ts';

function poolOf(...free: number[]): BufferPool & { log: string[] } {
  const log: string[] = [];
  const buffer = (size: number) => ({ size, destroy: () => void log.push(`destroy ${size}`) });
  return {
    log,
    freeBuffers: new Map(free.map((size) => [`${size}_128`, [buffer(size), buffer(size)]])),
    numFreeBuffers: 2 * free.length,
    numBytesUsed: 100,
    numBytesAllocated: 100 + 2 * free.reduce((sum, size) => sum + size, 0),
  };
}

test('a pool within its limit is left alone', () => {
  const pool = poolOf(16, 32);
  trim(pool, 96);
  expect(pool.log).toEqual([]);
  expect(pool.numFreeBuffers).toBe(4);
});

test('beyond it all free buffers go', () => {
  const pool = poolOf(16, 32);
  trim(pool, 95);
  expect(pool.log).toEqual(['destroy 16', 'destroy 16', 'destroy 32', 'destroy 32']);
  // tfjs looks up the list of a size it has met: the lists stay.
  expect([...pool.freeBuffers.values()]).toEqual([[], []]);
  expect(pool).toMatchObject({ numFreeBuffers: 0, numBytesUsed: 100, numBytesAllocated: 100 });
});
