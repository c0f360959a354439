/** Starts a tfjs backend and says which one it is. Which to prefer is each platform's choice. */
import { tf } from '#tfjs';
import { StepSqlError } from '../errors.ts';
import { registerWasmKernels } from './wasm/kernels.ts';

export type BackendName = 'wasm' | 'webgpu' | 'cpu' | 'tensorflow';

export async function startBackend(name: BackendName): Promise<void> {
  if (name === 'wasm') {
    // The threaded build adds in another order: one thread is what makes every platform agree bit for
    // bit (ARCHITECTURE.md, "Rules that keep results true").
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  }
  const started = await tf.setBackend(name).catch(() => false);
  if (!started)
    throw new StepSqlError('backend', `backend: ${name} could not be started here`, 'backend');
  await tf.ready();
  if (name === 'wasm') registerWasmKernels();
}
