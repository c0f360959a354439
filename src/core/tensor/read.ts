/** Reading tensors without blocking: on WebGPU there is no other way. */
import type { Tensor } from '#tfjs';
import { trimBufferPool } from './webgpu-pool.ts';

/** The values of a float32 tensor, which is disposed, read or not. Memory kept for nothing is given back. */
export async function take(tensor: Tensor): Promise<Float32Array> {
  try {
    return await tensor.data<'float32'>();
  } finally {
    tensor.dispose();
    trimBufferPool();
  }
}
