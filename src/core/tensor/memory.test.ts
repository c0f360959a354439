import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tf, type Tensor2D } from '#tfjs';
import { startBackend } from './backend.ts';
import * as ops from './ops.ts';

const exhausted = expect.objectContaining({ code: 'out_of_memory' }) as object;
const row = (): Tensor2D => tf.ones([1, 1 << 20]);

interface Raw {
  makeOutput(shape: number[], dtype: string): { dataId: object };
  disposeData(dataId: object): void;
}

let taken: { dataId: object };

beforeAll(async () => {
  await startBackend('wasm');
  // Most of the memory, never written to: the machine that runs the tests does not feel it.
  taken = (tf.backend() as unknown as Raw).makeOutput([3 << 28], 'float32');
});
afterAll(() => (tf.backend() as unknown as Raw).disposeData(taken.dataId));

describe('wasm memory that runs out', () => {
  it.each([
    ['more than is left', 400],
    ['more than can be addressed', 1100],
    ['exactly what 32 bits wrap to nothing', 1024],
  ])("is an error in tfjs's operations, and leaves them usable: %s", (_, times) => {
    const { numTensors, numBytes, numDataBuffers } = tf.memory();
    expect(() => tf.tidy(() => tf.tile(row(), [times, 1]))).toThrow(exhausted);
    expect(tf.memory()).toMatchObject({ numTensors, numBytes, numDataBuffers });
    expect(tf.tidy(() => [...tf.add([1, 2], 3).dataSync()])).toEqual([4, 5]);
  });

  it('is an error in our kernels', () => {
    const column = tf.ones([400, 1]) as Tensor2D;
    const wide = row();
    const { numTensors, numDataBuffers } = tf.memory();
    expect(() => ops.matmul(column, wide)).toThrow(exhausted);
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });
    tf.dispose([column, wide]);
  });
});
