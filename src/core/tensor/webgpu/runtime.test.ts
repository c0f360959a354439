/** Launches among tfjs's own, in place, with many parameters; and programs that are refused. On Dawn. */
import { describe, expect, it } from 'vitest';
import { tf, type Tensor } from '#tfjs';
import { startDawn } from './dawn.test-helper.ts';
import { compile, registerKernels, spread, type Program } from './runtime.ts';

const started = await startDawn();

const add: Program = {
  name: 'test/add',
  inputs: { x: 'f32' },
  outputs: { total: 'f32' },
  params: { count: 'u32', factor: 'f32' },
  code: `
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.count) { total[id.x] += params.factor * x[id.x]; }
}`,
};

registerKernels({
  /** total += factor · x, in place. */
  TestAdd({ x, total }, { factor }, run) {
    const count = x!.shape[0]!;
    run.launch(add, { x, total }, { count, factor: factor! }, [Math.ceil(count / 64)]);
    return run.output([1]);
  },
});

const addTo = (total: Tensor, x: Tensor, factor: number): void => {
  (tf.engine().runKernel('TestAdd', { x, total }, { factor }) as Tensor).dispose();
};

describe.skipIf(!started)('launches', () => {
  it('keep their order among operations of tfjs, and change tensors in place', async () => {
    const total = tf.tensor1d([10, 20, 30]); // still on the processor's side
    const before = tf.mul(total, 2);
    addTo(total, tf.add([1, 2, 3], 1), 0.5);
    const after = tf.mul(total, 2);
    expect(Array.from(await before.data())).toEqual([20, 40, 60]);
    expect(Array.from(await after.data())).toEqual([22, 43, 64]);
    expect(Array.from(await total.data())).toEqual([11, 21.5, 32]);
    addTo(total, tf.ones([3]), 1); // after a read, whose values tfjs keeps
    expect(Array.from(await total.data())).toEqual([12, 22.5, 33]);
  });

  it('each have their own parameters, however many there are', async () => {
    const [total, one] = [tf.zeros([1]), tf.ones([1])];
    let expected = 0;
    for (let i = 0; i < 10_000; i++) {
      const factor = i % 3 === 0 ? 1 : i; // some that come again, some that do not
      addTo(total, one, factor);
      expected = Math.fround(expected + factor);
    }
    expect((await total.data())[0]).toBe(expected);
  });

  it('leave no tensors and no memory behind', async () => {
    const bytes = (): number => (tf.memory() as { numBytesInGPU?: number }).numBytesInGPU!;
    const [total, one] = [tf.zeros([64]), tf.ones([64])];
    addTo(total, one, 1);
    await total.data();
    const [tensors, used] = [tf.memory().numTensors, bytes()];
    for (let i = 0; i < 100; i++) addTo(total, one, i);
    await total.data();
    expect(tf.memory().numTensors).toBe(tensors);
    expect(bytes()).toBe(used);
  });
});

describe.skipIf(!started)('compiling', () => {
  it('tells how far it is, and skips what is there', async () => {
    const programs = [1, 2, 3].map((i) => ({ ...add, name: `test/compiled/${i}` }));
    const told: number[][] = [];
    await compile(programs, (...progress) => told.push(progress));
    await compile(programs, (...progress) => told.push(progress));
    expect(told).toEqual([
      [0, 3],
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });

  it('rejects what the device refuses', async () => {
    const broken = { ...add, name: 'test/broken', code: 'fn main( {' };
    await expect(compile([broken])).rejects.toThrow();
  });
});

describe('workgroups', () => {
  it('fit the two dimensions they are spread over', () => {
    for (const count of [0, 1, 65_535, 65_536, 1_000_000, 300_000_000]) {
      const [x, y] = spread(count);
      expect(x).toBeLessThanOrEqual(65_535);
      expect(x * y).toBeGreaterThanOrEqual(count);
      expect(x * y - count).toBeLessThan(65_536);
    }
  });
});
