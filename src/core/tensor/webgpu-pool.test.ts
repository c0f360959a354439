import { expect, test } from 'vitest';
import { trim, type WebGpuBackend } from './webgpu-pool.ts';

function backendWith(...free: number[]): WebGpuBackend & { log: string[] } {
  const log: string[] = [];
  const buffer = (size: number) => ({ size, destroy: () => void log.push(`destroy ${size}`) });
  return {
    log,
    submitQueue: () => void log.push('submit'),
    bufferManager: {
      freeBuffers: new Map(free.map((size) => [`${size}_128`, [buffer(size), buffer(size)]])),
      numFreeBuffers: 2 * free.length,
      numBytesUsed: 100,
      numBytesAllocated: 100 + 2 * free.reduce((sum, size) => sum + size, 0),
    },
  };
}

test('a pool within its limit is left alone', () => {
  const backend = backendWith(16, 32);
  trim(backend, 96);
  expect(backend.log).toEqual([]);
  expect(backend.bufferManager.numFreeBuffers).toBe(4);
});

test('beyond it all free buffers go, after what may use them was submitted', () => {
  const backend = backendWith(16, 32);
  trim(backend, 95);
  expect(backend.log).toEqual(['submit', 'destroy 16', 'destroy 16', 'destroy 32', 'destroy 32']);
  // tfjs looks up the list of a size it has met: the lists stay.
  expect([...backend.bufferManager.freeBuffers.values()]).toEqual([[], []]);
  expect(backend.bufferManager).toMatchObject({
    numFreeBuffers: 0,
    numBytesUsed: 100,
    numBytesAllocated: 100,
  });
});
