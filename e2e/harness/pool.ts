/** What tfjs keeps of freed GPU memory. */
import { tf } from '#tfjs';
import { take } from '../../src/core/tensor/read.ts';
import { memory, useBackend, type Memory } from './platform.ts';

/** Makes and frees tensors on WebGPU, each a little larger than the one before, and reads as the loop does; memory after each. */
export async function freeManySizes(count: number, bytes: number): Promise<Memory[]> {
  await useBackend('webgpu');
  const after: Memory[] = [];
  for (let i = 0; i < count; i++) {
    await take(tf.tidy(() => tf.sum(tf.zeros([bytes / 4 + i]))));
    after.push(memory());
  }
  return after;
}
