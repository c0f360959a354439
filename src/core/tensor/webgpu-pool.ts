/**
 * tfjs keeps every WebGPU buffer it ever freed for the next tensor of exactly that size. A run meets new
 * sizes in every update, so that pool is emptied when it has grown too large.
 */
import { tf } from '#tfjs';

/** What tfjs-backend-webgpu 4.22 calls BufferManager, as far as it is used here. */
export interface BufferPool {
  /** Free ones by size and usage. */
  freeBuffers: Map<string, { size: number; destroy(): void }[]>;
  numFreeBuffers: number;
  numBytesUsed: number;
  numBytesAllocated: number;
}

/** Free bytes that are worth keeping. */
const KEPT_BYTES = 512 << 20;

/**
 * Frees the buffers kept, on WebGPU and when there are more than `limit` bytes of them. No command that is
 * yet to be submitted uses a free one: tfjs frees buffers after the submission.
 */
export function trimBufferPool(limit = KEPT_BYTES): void {
  if (tf.getBackend() !== 'webgpu') return;
  trim((tf.backend() as unknown as { bufferManager: BufferPool }).bufferManager, limit);
}

/** As `trimBufferPool`, for a pool given. */
export function trim(pool: BufferPool, limit: number): void {
  if (pool.numBytesAllocated - pool.numBytesUsed <= limit) return;
  for (const buffers of pool.freeBuffers.values()) {
    for (const buffer of buffers.splice(0)) {
      pool.numBytesAllocated -= buffer.size;
      pool.numFreeBuffers--;
      buffer.destroy();
    }
  }
}
