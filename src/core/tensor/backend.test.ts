/** WebGPU is played by a stub: what happens around operations, not in them. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { tf } from '#tfjs';
import '@tensorflow/tfjs-backend-webgpu';
import { StepSqlError } from '../errors.ts';
import { asBackendError, backendFailure, onBackendFailure, startBackend } from './backend.ts';

class OutOfMemory {
  readonly message = 'no room';
}

class Device extends EventTarget {
  lose!: (info: { reason: string; message: string }) => void;
  readonly lost = new Promise((resolve) => (this.lose = resolve));

  error(error: object): void {
    this.dispatchEvent(Object.assign(new Event('uncapturederror'), { error }));
  }
}

const compile = vi.hoisted(() => vi.fn(() => Promise.resolve()));
vi.mock('./webgpu/kernels.ts', () => ({ registerWebGpuKernels: compile }));

let device: Device;
let told: StepSqlError[];
let forget: () => void;

beforeEach(async () => {
  vi.stubGlobal('GPUOutOfMemoryError', OutOfMemory);
  device = new Device();
  const backend = Object.assign(new tf.KernelBackend(), { device, dispose: () => undefined });
  tf.registerBackend('webgpu', () => backend);
  told = [];
  forget = onBackendFailure((error) => told.push(error));
  await startBackend('webgpu');
});
afterEach(() => {
  forget();
  tf.removeBackend('webgpu');
  vi.unstubAllGlobals();
});

describe('a WebGPU device', () => {
  it('has its kernels compiled, and is not used when it refuses one', async () => {
    const progress = (): void => undefined;
    await startBackend('webgpu', progress);
    expect(compile).toHaveBeenLastCalledWith(progress);
    compile.mockRejectedValueOnce(new Error('no such type'));
    await expect(startBackend('webgpu')).rejects.toMatchObject({
      code: 'backend',
      message: 'backend: WebGPU refused a kernel: no such type',
    });
  });

  it('has its results pinned: one kind of product, nothing in JavaScript', () => {
    expect(tf.env().getNumber('WEBGPU_MATMUL_PROGRAM_TYPE')).toBe(3);
    expect(tf.env().getBool('WEBGPU_CPU_FORWARD')).toBe(false);
    expect(backendFailure()).toBeUndefined();
  });

  it('that is lost is told, with the reason', async () => {
    device.lose({ reason: 'destroyed', message: 'device.destroy() was called' });
    await device.lost;
    await Promise.resolve();
    expect(told).toMatchObject([{ code: 'device_lost' }]);
    expect(told[0]!.message).toContain('destroy() was called');
    expect(backendFailure()).toBe(told[0]);
  });

  it.each([
    ['out_of_memory', new OutOfMemory(), /graphics memory is exhausted: no room/],
    ['backend', { message: 'buffer too large' }, /refused an operation: buffer too large/],
  ])('tells errors nobody caught once, the first: %s', (code, error, message) => {
    device.error(error);
    device.error({ message: 'a consequence' });
    expect(told.map((each) => each.code)).toEqual([code]);
    expect(told[0]!.message).toMatch(message);
    expect(asBackendError(new Error('mapAsync failed'))).toBe(told[0]);
  });

  it('no longer in use is nobody’s business', async () => {
    await startBackend('wasm');
    device.error({ message: 'late' });
    expect(told).toEqual([]);
    expect(backendFailure()).toBeUndefined();
  });
});

describe('an error of an operation', () => {
  it('that says the device is gone is a lost device, before the device says so', () => {
    const aborted = new DOMException('Buffer was destroyed', 'AbortError');
    expect(asBackendError(aborted)).toMatchObject({ code: 'device_lost' });
  });

  it('that says an array cannot be made is out of memory', () => {
    const thrown = [
      new RangeError('Array buffer allocation failed'),
      new RangeError('Invalid typed array length: 9999999999'),
    ];
    for (const error of thrown)
      expect(asBackendError(error)).toMatchObject({ code: 'out_of_memory' });
  });

  it('is otherwise what it was', () => {
    const own = new StepSqlError('bad_input', 'x');
    const others = [own, new Error('shape'), new RangeError('toFixed() digits')];
    for (const error of others) expect(asBackendError(error)).toBe(error);
  });
});
