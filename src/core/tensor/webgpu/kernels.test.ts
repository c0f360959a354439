/** The WGSL kernels on Dawn. They are compared with wasm's in a browser too (e2e/numerics.webgpu.spec.ts). */
import { describe, expect, it } from 'vitest';
import { tf, type Tensor, type Tensor1D, type Tensor2D } from '#tfjs';
import { Stream } from '../../random/stream.ts';
import { startBackend } from '../backend.ts';
import {
  evaluate,
  evaluateAdamW,
  evaluateReference,
  normal,
  operations,
} from '../operations.test-helper.ts';
import * as ops from '../ops.ts';
import { startDawn } from './dawn.test-helper.ts';

const started = await startDawn();
await startBackend('wasm');

/** Largest difference over the scale of the numbers, at least 1. */
function apart(found: number[], expected: number[]): number {
  const scale = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  expect(found.length).toBe(expected.length);
  return expected.reduce((most, x, i) => Math.max(most, Math.abs(x - found[i]!) / scale), 0);
}

async function onBoth(run: () => Promise<number[][]>, reference = run): Promise<void> {
  await tf.setBackend('wasm');
  const expected = await reference();
  await tf.setBackend('webgpu');
  const found = await run();
  expect(found.length).toBe(expected.length);
  for (const [i, values] of expected.entries()) {
    expect(apart(found[i]!, values), `result ${i}`).toBeLessThan(2e-5);
  }
  expect(await run()).toEqual(found); // twice the same bits
}

describe.skipIf(!started)(
  'kernels on WebGPU agree with those on wasm, and repeat themselves',
  () => {
    it.each(operations)('$name', (operation) =>
      onBoth(
        () => evaluate(operation),
        () => evaluateReference(operation),
      ),
    );
    it('adamW', () => onBoth(() => evaluateAdamW([30, 40])));
    it('adamW of few numbers', () => onBoth(() => evaluateAdamW([3])));
  },
);

const differentiable = operations.filter(
  ({ forwardOnly, inputs }) => !forwardOnly && inputs.flat().every((n) => n <= 300),
);

describe.skipIf(!started)('gradients of kernels on WebGPU agree with finite differences', () => {
  it.each(differentiable)('$name', async (operation) => {
    await tf.setBackend('webgpu');
    const { name, inputs, run } = operation;
    const x = inputs.map((shape, i) => normal(`${name}/${i}`, shape));
    const weights = normal(`${name}/weights`, run(...x).shape);
    const loss = (...y: Tensor[]): Tensor => tf.sum(tf.mul(run(...y), weights));
    const grads = tf.grads((...y) => loss(...y) as never)(x);
    for (const [which, input] of x.entries()) {
      // Small enough that the curvature of a random direction does not show.
      const direction = tf.div(normal(`${name}/direction`, input.shape), Math.sqrt(input.size));
      const at = (sign: number): Tensor => {
        const moved = x.slice();
        moved[which] = tf.add(input, tf.mul(direction, sign * 0.05));
        return loss(...moved);
      };
      const numeric = (await tf.div(tf.sub(at(1), at(-1)), 0.1).data())[0]!;
      const analytic = (await tf.sum(tf.mul(grads[which]!, direction)).data())[0]!;
      expect(Math.abs(numeric - analytic)).toBeLessThan(0.02 * Math.max(1, Math.abs(analytic)));
    }
  });
});

describe.skipIf(!started)('drawn tokens', () => {
  it.each([76, 300, 2052])('of %d are those that wasm draws', async (vocabulary) => {
    const stream = new Stream(5, 'draw');
    const uniforms = Float32Array.from({ length: 200 }, (_, i) => (i === 0 ? 0 : stream.uniform()));
    const drawn = async (backend: string): Promise<Float32Array[]> => {
      await tf.setBackend(backend);
      const logits = tf.mul(normal('draw', [200, vocabulary]), 3) as Tensor2D;
      const u = tf.tensor1d(uniforms);
      const all = [ops.drawTokens(logits, u, 0.8, false), ops.drawTokens(logits, u, 1, true)];
      return Promise.all(all.map((one) => one.data<'float32'>()));
    };
    const expected = await drawn('wasm');
    const found = await drawn('webgpu');
    expect(await drawn('webgpu')).toEqual(found);
    for (const [i, values] of expected.entries()) {
      expect(found[i]!.subarray(0, 200)).toEqual(values.subarray(0, 200));
      expect(apart([...found[i]!.subarray(200)], [...values.subarray(200)])).toBeLessThan(2e-5);
    }
  });
});

describe.skipIf(!started)('empty tensors', () => {
  it('give empty results and zero gradients', async () => {
    await tf.setBackend('webgpu');
    const { matmul, gatherRows } = await import('../ops.ts');
    const none = tf.zeros([0, 8]) as Tensor2D;
    const table = normal('table', [6, 8]) as Tensor2D;
    expect((await matmul(none, table, true).data()).length).toBe(0);
    const empty = tf.zeros([6, 0]) as Tensor2D;
    const sums = await matmul(empty, empty, true).data();
    expect(Array.from(sums)).toEqual(Array<number>(36).fill(0));
    const index = tf.zeros([0], 'int32') as Tensor1D;
    const gradient = tf.grad((x) => matmul(tf.ones([1, 0]), gatherRows(x as Tensor2D, index)))(
      table,
    );
    expect(Array.from(await gradient.data())).toEqual(Array<number>(48).fill(0));
  });
});
