/** Which tfjs backend runs in Node, and why. */
import { createRequire } from 'node:module';
import util from 'node:util';
import { badInput, StepSqlError } from '../core/errors.ts';
import { startBackend, type BackendName } from '../core/tensor/backend.ts';

export interface StartedBackend {
  name: BackendName;
  /** For people: what runs and why. */
  reason: string;
}

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
  // tfjs-node 4.22 calls a function that newer Node removed.
  const legacy = util as { isNullOrUndefined?: (value: unknown) => boolean };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
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

const missing = (name: string, packageName: string): StepSqlError =>
  new StepSqlError(
    'backend',
    `backend: ${name} needs the optional package ${packageName}, which is not installed or does not start here`,
    'backend',
  );

async function startTensorflow(gpu: boolean): Promise<boolean> {
  const loaded = await optional(gpu ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node').catch(
    () => undefined,
  );
  if (loaded) await startBackend('tensorflow');
  return loaded !== undefined;
}

async function startWebGpu(force: boolean): Promise<string | undefined> {
  const found = await installWebGpu().catch(() => undefined);
  if (!found || (found.software && !force)) return undefined;
  await import('@tensorflow/tfjs-backend-webgpu');
  await startBackend('webgpu');
  return found.adapter;
}

/** Starts the backend asked for, or the first that works; a forced one never falls back. */
export async function startNodeBackend(choice: string): Promise<StartedBackend> {
  switch (choice) {
    case 'auto': {
      if (await startTensorflow(true)) return { name: 'tensorflow', reason: 'tfjs-node-gpu found' };
      const adapter = await startWebGpu(false);
      if (adapter) return { name: 'webgpu', reason: `WebGPU on ${adapter}` };
      if (await startTensorflow(false)) return { name: 'tensorflow', reason: 'tfjs-node found' };
      await startBackend('wasm');
      return { name: 'wasm', reason: 'no GPU package with real hardware, no tfjs-node' };
    }
    case 'tensorflow-gpu':
      if (!(await startTensorflow(true))) throw missing(choice, '@tensorflow/tfjs-node-gpu');
      return { name: 'tensorflow', reason: 'asked for' };
    case 'tensorflow':
      if (!(await startTensorflow(false))) throw missing(choice, '@tensorflow/tfjs-node');
      return { name: 'tensorflow', reason: 'asked for' };
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
