/** Which tfjs backend runs in a tab, and why: WebGPU where the adapter is real hardware and works, else wasm. */
import { setWasmPaths, tf } from '#tfjs';
import { StepSqlError } from '../src/core/errors.ts';
import { startBackend } from '../src/core/tensor/backend.ts';
import type { CompileProgress } from '../src/core/tensor/webgpu/runtime.ts';
import { tfjsWasm } from './assets.ts';
import type { BackendChoice, TabBackend } from './protocol.ts';

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software|basic render/i;

/** An adapter in words, or why there is none. */
async function findAdapter(): Promise<{ adapter: string; software: boolean } | { why: string }> {
  const { gpu } = navigator as { gpu?: GPU };
  if (!gpu) {
    return {
      why: self.isSecureContext
        ? 'this browser has no WebGPU'
        : 'browsers offer WebGPU on https and localhost only',
    };
  }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return { why: 'this browser found no WebGPU adapter' };
  const { vendor, architecture, device, description } = adapter.info;
  const name = description || [vendor, architecture || device].filter(Boolean).join(' ');
  const told = [vendor, architecture, device, description].join(' ');
  const { isFallbackAdapter = false } = adapter.info as { isFallbackAdapter?: boolean };
  return { adapter: name || 'unnamed adapter', software: isFallbackAdapter || SOFTWARE.test(told) };
}

/** Whether the adapter computes what it should: drivers have been seen to return zeros. */
async function computes(): Promise<boolean> {
  const product = tf.tidy(() => {
    const a = tf.tensor2d(
      Float32Array.from({ length: 64 * 64 }, (_, i) => (i % 7) - 3),
      [64, 64],
    );
    return tf.sum(tf.matMul(a, a, false, true), 1);
  });
  const sums = await product.data();
  product.dispose();
  const rows = Array.from({ length: 64 }, (_, r) =>
    Array.from({ length: 64 }, (__, c) => ((64 * r + c) % 7) - 3),
  );
  return rows.every((row, r) => {
    const wanted = rows.reduce(
      (total, other) => total + other.reduce((s, x, c) => s + x * row[c]!, 0),
      0,
    );
    return Math.abs(sums[r]! - wanted) < 1e-2;
  });
}

async function startWasm(reason: string): Promise<TabBackend> {
  setWasmPaths(tfjsWasm);
  await startBackend('wasm');
  return { name: 'wasm', adapter: null, reason };
}

/**
 * Throws `backend` when WebGPU is asked for and does not work: what is asked for never falls back.
 * @param onProgress hears of WebGPU's kernels being compiled: how many are ready, of how many
 */
export async function startTabBackend(
  choice: BackendChoice,
  onProgress?: CompileProgress,
): Promise<TabBackend> {
  if (choice === 'wasm') return startWasm('asked for');
  const found = await findAdapter();
  let why = 'why' in found ? found.why : '';
  if ('adapter' in found) {
    const { adapter, software } = found;
    if (software && choice === 'auto') {
      why = `the WebGPU adapter here is software (${adapter}), which is slower`;
    } else {
      try {
        await startBackend('webgpu', onProgress);
        const reason = choice === 'auto' ? 'the adapter works' : 'asked for';
        if (await computes()) return { name: 'webgpu', adapter, reason };
        why = `the WebGPU adapter here (${adapter}) computes wrong results`;
      } catch (error) {
        why = `WebGPU did not start on ${adapter}: ${(error as Error).message}`;
      }
    }
  }
  if (choice === 'auto') return startWasm(why);
  throw new StepSqlError('backend', `backend: got webgpu, but ${why}`, 'backend');
}
