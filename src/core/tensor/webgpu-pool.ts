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

export interface WebGpuBackend {
  bufferManager: BufferPool;
  /** Nothing recorded but not yet submitted may use a buffer that is destroyed. */
  submitQueue(): void;
}

/** Free bytes that are worth keeping. */
const KEPT_BYTES = 512 << 20;

/** Frees the buffers kept, on WebGPU and when there are more than `limit` bytes of them. */
export function trimBufferPool(limit = KEPT_BYTES): void {
  if (tf.getBackend() !== 'webgpu') return;
  trim(tf.backend() as unknown as WebGpuBackend, limit);
}

/** As `trimBufferPool`, for a backend given. */
export function trim(backend: WebGpuBackend, limit: number): void {
  const pool = backend.bufferManager;
  if (pool.numBytesAllocated - pool.numBytesUsed <= limit) return;
  backend.submitQueue();
  for (const buffers of pool.freeBuffers.values()) {
    for (const buffer of buffers.splice(0)) {
      pool.numBytesAllocated -= buffer.size;
      pool.numFreeBuffers--;
      buffer.destroy();
    }
  }
}
