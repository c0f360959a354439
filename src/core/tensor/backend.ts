/**
 * Starts a tfjs backend, says which one it is, and hears when it fails. Which to prefer is each
 * platform's choice.
 */
import { tf } from '#tfjs';
import { StepSqlError } from '../errors.ts';
import { registerWasmKernels } from './wasm/kernels.ts';
import { registerWebGpuKernels } from './webgpu/kernels.ts';
import type { CompileProgress } from './webgpu/runtime.ts';

export type BackendName = 'wasm' | 'webgpu' | 'cpu' | 'tensorflow';

/**
 * Throws `backend` when it cannot be started here. `onProgress` hears of kernels being compiled, which
 * takes a while on WebGPU only.
 */
export async function startBackend(name: BackendName, onProgress?: CompileProgress): Promise<void> {
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
  if (name === 'webgpu') {
    repeatItself();
    watchDevice((tf.backend() as unknown as { device: GPUDevice }).device);
    await registerWebGpuKernels(onProgress).catch((error: unknown) => {
      throw new StepSqlError(
        'backend',
        `backend: WebGPU refused a kernel: ${(error as Error).message}`,
        'backend',
      );
    });
  }
}

/** MatMulProgramType.MatMulPackedProgram of tfjs-backend-webgpu/src/webgpu_util.ts. */
const PACKED_MATMUL = 3;

/** So that the same device gives the same bits again, straight through or resumed. */
function repeatItself(): void {
  // Left to choose, tfjs splits long sums over workgroups that add up in any order (split-K).
  tf.env().set('WEBGPU_MATMUL_PROGRAM_TYPE', PACKED_MATMUL);
  // Small tensors not yet uploaded, as after a resume, would be computed in JavaScript.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
}

type FailureHandler = (error: StepSqlError) => void;

const handlers = new Set<FailureHandler>();
const watched = new WeakSet<GPUDevice>();
let failed: { device: GPUDevice; error: StepSqlError } | undefined;

/**
 * Calls `handler` once when the backend fails beside an operation, as only WebGPU does: `device_lost`,
 * `out_of_memory`, or `backend` for work that the device refused. What it computed since is garbage, and
 * only a new worker gives a new device. Returns what takes the handler away.
 */
export function onBackendFailure(handler: FailureHandler): () => void {
  handlers.add(handler);
  return () => handlers.delete(handler);
}

/** The failure of the backend in use, if it has failed: results are not to be trusted. */
export function backendFailure(): StepSqlError | undefined {
  return failed && isInUse(failed.device) ? failed.error : undefined;
}

const isInUse = (device: GPUDevice): boolean =>
  tf.getBackend() === 'webgpu' &&
  (tf.backend() as unknown as { device?: GPUDevice }).device === device;

/**
 * What an error thrown by an operation means: the failure behind it, where there is one. WebGPU rejects
 * reads when the device is lost, and JavaScript refuses arrays that are too large.
 */
export function asBackendError(error: unknown): unknown {
  if (error instanceof StepSqlError) return error;
  const failure = backendFailure();
  if (failure) return failure;
  const { name, message } = error as Error;
  if (name === 'RangeError' && /alloc|array (buffer )?length/i.test(message)) {
    return new StepSqlError('out_of_memory', `memory is exhausted: ${message}`);
  }
  // The rejection may come before the event that says why.
  if (tf.getBackend() === 'webgpu' && /^(Abort|Operation)Error$/.test(name)) return lost(message);
  return error;
}

const lost = (reason: string): StepSqlError =>
  new StepSqlError('device_lost', `the graphics device was lost: ${reason || 'no reason given'}`);

function watchDevice(device: GPUDevice): void {
  if (watched.has(device)) return;
  watched.add(device);
  const fail = (error: StepSqlError): void => {
    if (failed?.device === device) return; // what follows from the first failure
    failed = { device, error };
    if (isInUse(device)) for (const handler of handlers) handler(error);
  };
  void device.lost.then(({ message, reason }) => fail(lost(message || reason)));
  const onError = ({ error }: GPUUncapturedErrorEvent): void => {
    fail(
      error instanceof GPUOutOfMemoryError
        ? new StepSqlError('out_of_memory', `graphics memory is exhausted: ${error.message}`)
        : new StepSqlError('backend', `backend: WebGPU refused an operation: ${error.message}`),
    );
  };
  try {
    device.addEventListener('uncapturederror', onError);
  } catch {
    // Dawn in Node throws: it has no such event, and prints these errors instead.
  }
}
