/** Which tfjs backend runs in Node, and why. */
import { createRequire } from 'node:module';
import util from 'node:util';
import v8 from 'node:v8';
import { badInput, StepSqlError } from '../core/errors.ts';
import { startBackend, type BackendName } from '../core/tensor/backend.ts';
import { fused, usePlain } from '../core/tensor/ops.ts';

export interface StartedBackend {
  /**
   * For fingerprints: tfjs's name, with `-plain` where kernels of our own are switched off. Those give
   * other last bits, so a run goes on with them or without.
   */
  name: string;
  /** For people: what runs and why. */
  reason: string;
}

type Found = { name: BackendName; reason: string };

export const BACKENDS = ['auto', 'tensorflow-gpu', 'webgpu', 'tensorflow', 'wasm', 'cpu'] as const;
export type BackendChoice = (typeof BACKENDS)[number];

const require = createRequire(import.meta.url);

/** Loads an optional package; undefined when it is not installed. */
async function optional(name: string): Promise<object | undefined> {
  try {
    require.resolve(name);
  } catch {
    return undefined;
  }
  return (await import(name)) as object;
}

/** Puts Dawn's WebGPU where tfjs looks for it; returns the adapter's name. */
async function installWebGpu(): Promise<{ adapter: string; software: boolean } | undefined> {
  const dawn = (await optional('webgpu')) as
    { create(flags: string[]): GPU; globals: object } | undefined;
  if (!dawn) return undefined;
  Object.assign(globalThis, dawn.globals);
  const gpu = dawn.create([]);
  const adapter = await gpu.requestAdapter();
  if (!adapter) return undefined;
  const navigator = (globalThis as { navigator?: object }).navigator ?? {};
  Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true });
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  const { vendor, device, description } = adapter.info;
  const name = description || device || vendor;
  return { adapter: name, software: /swiftshader|llvmpipe|software/i.test(`${name} ${device}`) };
}

const missing = (
  name: string,
  packageName: string,
  why = 'is not installed or does not start here',
): StepSqlError =>
  new StepSqlError(
    'backend',
    `backend: ${name} needs the optional package ${packageName}, which ${why}`,
    'backend',
  );

/** Starts the native TensorFlow of tfjs-node; undefined, or why not. */
async function startTensorflow(gpu: boolean): Promise<string | undefined> {
  // tfjs-node 4.22 calls functions that newer Node warns of and then removed.
  Object.assign(util, {
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
    isArray: Array.isArray,
  });
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '1'; // no remarks on the processor
  try {
    const loaded = await optional(gpu ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node');
    if (!loaded)
      return gpu ? 'is not installed' : 'is not installed (a checkout has tools/tfjs-node.js)';
    await startBackend('tensorflow');
    return undefined;
  } catch (error) {
    return `does not start here: ${(error as Error).message.split('\n')[0]!.trim()}`;
  }
}

async function startWebGpu(force: boolean): Promise<string | undefined> {
  const found = await installWebGpu().catch(() => undefined);
  if (!found || (found.software && !force)) return undefined;
  await import('@tensorflow/tfjs-backend-webgpu');
  await startBackend('webgpu');
  return found.adapter;
}

/** Starts the backend asked for, or the first that works; a forced one never falls back. */
async function find(choice: string): Promise<Found> {
  switch (choice) {
    case 'auto': {
      if (!(await startTensorflow(true)))
        return { name: 'tensorflow', reason: 'tfjs-node-gpu found' };
      const adapter = await startWebGpu(false);
      if (adapter) return { name: 'webgpu', reason: `WebGPU on ${adapter}` };
      // Not tfjs-node: updates of the default recipe take about twice as long on it.
      await startBackend('wasm');
      return { name: 'wasm', reason: 'no GPU package with real hardware' };
    }
    case 'tensorflow-gpu':
    case 'tensorflow': {
      const why = await startTensorflow(choice === 'tensorflow-gpu');
      const name = choice.replace('tensorflow', '@tensorflow/tfjs-node');
      if (why !== undefined) throw missing(choice, name, why);
      return { name: 'tensorflow', reason: 'asked for' };
    }
    case 'webgpu': {
      const adapter = await startWebGpu(true);
      if (!adapter) throw missing(choice, 'webgpu');
      return { name: 'webgpu', reason: `asked for, on ${adapter}` };
    }
    case 'wasm':
    case 'cpu':
      await startBackend(choice);
      return { name: choice, reason: 'asked for' };
    default:
      throw badInput('backend', choice, `one of ${BACKENDS.join(', ')}`);
  }
}

/**
 * Percent of itself by which the old generation may grow before V8 marks it again. By itself V8 chooses so
 * little that the arrays of weights and gradients bring a marking every other update, which then has a
 * quarter of two cores.
 */
const HEAP_GROWTH = 200;

/**
 * Starts a backend.
 * @param choice one of BACKENDS; `bad_input` for others, `backend` when it cannot be had here
 * @param plain switch off the kernels of our own, where the backend has any
 */
export async function startNodeBackend(choice: string, plain = false): Promise<StartedBackend> {
  v8.setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH}`);
  const found = await find(choice);
  usePlain(false);
  if (!plain) return found;
  if (!fused()) return { ...found, reason: `${found.reason}; it has no kernels of our own` };
  usePlain(true);
  return {
    name: `${found.name}-plain`,
    reason: `${found.reason}; without our kernels: other last bits, and slower`,
  };
}
