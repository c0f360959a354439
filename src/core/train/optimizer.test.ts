import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { tf, type Tensor } from '#tfjs';
import { startNumericBackend } from '../../../test/numeric-backend.test-helper.ts';
import { distance, tinyPolicy } from '../model/tiny.test-helper.ts';
import { Stream } from '../random/stream.ts';
import { usePlain } from '../tensor/ops.ts';
import { learningRate, Optimizer, type OptimizerOptions } from './optimizer.ts';

beforeAll(startNumericBackend);
afterEach(() => usePlain(false));

const options: OptimizerOptions = {
  learning_rate: 0.01,
  weight_decay: 0.1,
  adam_beta1: 0.9,
  adam_beta2: 0.99,
  adam_epsilon: 1e-8,
  max_grad_norm: 1,
  lr_scheduler_type: 'constant',
  warmup_steps: 0,
};

describe('learningRate', () => {
  const rates = (changes: Partial<OptimizerOptions>, total: number): number[] =>
    Array.from({ length: total + 1 }, (_, step) =>
      learningRate({ ...options, learning_rate: 1, ...changes }, step, total),
    );

  it('is constant, or falls to zero linearly or along a half cosine', () => {
    expect(rates({}, 4)).toEqual([1, 1, 1, 1, 1]);
    expect(rates({ lr_scheduler_type: 'linear' }, 4)).toEqual([1, 0.75, 0.5, 0.25, 0]);
    const cosine = rates({ lr_scheduler_type: 'cosine' }, 4);
    [1, (2 + Math.SQRT2) / 4, 0.5, (2 - Math.SQRT2) / 4, 0].forEach((rate, step) => {
      expect(cosine[step]).toBeCloseTo(rate, 12);
    });
  });

  it('rises linearly first, from above zero', () => {
    const linear = rates({ lr_scheduler_type: 'linear', warmup_steps: 3 }, 7);
    expect(linear).toEqual([0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25, 0]);
  });

  it('stays within (0, peak] during a run, and rises only while warming up', () => {
    const schedule = fc.constantFrom('constant' as const, 'linear' as const, 'cosine' as const);
    const length = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(
        schedule,
        fc.nat({ max: 20 }),
        length,
        (lr_scheduler_type, warmup_steps, total) => {
          const all = rates({ lr_scheduler_type, warmup_steps }, total).slice(0, total);
          all.forEach((rate, step) => {
            expect(rate).toBeGreaterThan(0);
            expect(rate).toBeLessThanOrEqual(1);
            if (step > warmup_steps) expect(rate).toBeLessThanOrEqual(all[step - 1]!);
          });
        },
      ),
    );
  });
});

const stream = new Stream(8, 'optimizer-test');
const gradientsOf = (shapes: Map<string, number[]>): Map<string, Float32Array> =>
  new Map(
    [...shapes].map(([name, shape]) => {
      const size = shape.reduce((product, n) => product * n, 1);
      return [name, Float32Array.from({ length: size }, () => 0.1 * stream.normal())];
    }),
  );

/** torch.optim.AdamW after clip_grad_norm_, on arrays of doubles. */
class Reference {
  readonly weights = new Map<string, number[]>();
  readonly #m = new Map<string, number[]>();
  readonly #v = new Map<string, number[]>();
  #step = 0;

  constructor(weights: Map<string, ArrayLike<number>>) {
    for (const [name, values] of weights) {
      this.weights.set(name, Array.from(values));
      this.#m.set(name, Array<number>(values.length).fill(0));
      this.#v.set(name, Array<number>(values.length).fill(0));
    }
  }

  apply(grads: Map<string, Float32Array>, o: OptimizerOptions, decays: (name: string) => boolean) {
    this.#step++;
    let squares = 0;
    for (const grad of grads.values()) for (const g of grad) squares += g * g;
    const norm = Math.sqrt(squares);
    const scale = o.max_grad_norm > 0 && norm > o.max_grad_norm ? o.max_grad_norm / norm : 1;
    for (const [name, grad] of grads) {
      const [w, m, v] = [this.weights.get(name)!, this.#m.get(name)!, this.#v.get(name)!];
      grad.forEach((raw, i) => {
        const g = raw * scale;
        if (decays(name)) w[i]! *= 1 - o.learning_rate * o.weight_decay;
        m[i] = o.adam_beta1 * m[i]! + (1 - o.adam_beta1) * g;
        v[i] = o.adam_beta2 * v[i]! + (1 - o.adam_beta2) * g * g;
        const mean = m[i]! / (1 - o.adam_beta1 ** this.#step);
        const deviation = Math.sqrt(v[i]! / (1 - o.adam_beta2 ** this.#step));
        w[i]! -= (o.learning_rate * mean) / (deviation + o.adam_epsilon);
      });
    }
    return norm;
  }
}

const upload = (grads: Map<string, Float32Array>, shapes: Map<string, number[]>) =>
  new Map<string, Tensor>(
    [...grads].map(([name, values]) => [name, tf.tensor(values, shapes.get(name))]),
  );

describe('Optimizer', () => {
  const policyAndShapes = () => {
    const policy = tinyPolicy({ num_hidden_layers: 1, attention_bias: true });
    const shapes = new Map([...policy.parameters].map(([name, { shape }]) => [name, shape]));
    return { policy, shapes };
  };

  it.each([
    ['fused', {}, false],
    ['plain', {}, true],
    ['no clipping', { max_grad_norm: 0 }, false],
    ['a limit that is not reached', { max_grad_norm: 1000 }, false],
    ['no decay', { weight_decay: 0 }, false],
  ])('is clipped AdamW without decay of norms and biases: %s', async (_, changes, plain) => {
    usePlain(plain);
    const { policy, shapes } = policyAndShapes();
    const all = { ...options, ...changes };
    const reference = new Reference(
      new Map([...policy.parameters].map(([name, value]) => [name, value.dataSync()])),
    );
    const optimizer = new Optimizer(policy, all);
    for (let step = 1; step <= 5; step++) {
      const grads = gradientsOf(shapes);
      const norm = await optimizer.apply(upload(grads, shapes), all.learning_rate);
      const decays = (name: string): boolean => !/norm|bias/.test(name);
      expect(norm).toBeCloseTo(reference.apply(grads, all, decays), 4);
      expect(norm).toBeGreaterThan(1);
      expect(optimizer.steps).toBe(step);
    }
    for (const [name, value] of policy.parameters) {
      expect(distance(value.dataSync(), reference.weights.get(name)!), name).toBeLessThan(2e-6);
    }
    optimizer.dispose();
    policy.dispose();
  });

  it('goes on bit for bit from its state', async () => {
    const { policy, shapes } = policyAndShapes();
    const steps = [1, 2, 3, 4].map(() => gradientsOf(shapes));
    const optimizer = new Optimizer(policy, options);
    for (const grads of steps.slice(0, 2)) await optimizer.apply(upload(grads, shapes), 0.01);
    const copy = policy.clone();
    const resumed = new Optimizer(copy, options);
    const state = await optimizer.state();
    resumed.restore(state.steps, state.tensors);
    expect(await resumed.state()).toEqual(state);
    for (const grads of steps.slice(2)) {
      await optimizer.apply(upload(grads, shapes), 0.01);
      await resumed.apply(upload(grads, shapes), 0.01);
    }
    expect(await copy.weights()).toEqual(await policy.weights());
    expect(await resumed.state()).toEqual(await optimizer.state());
    for (const each of [optimizer, resumed, policy, copy]) each.dispose();
  });

  it('refuses a state that is not of this policy, and keeps its own', async () => {
    const { policy } = policyAndShapes();
    const optimizer = new Optimizer(policy, options);
    const before = await optimizer.state();
    const missing = new Map(before.tensors);
    missing.delete('layers.0.qkv.v');
    expect(() => optimizer.restore(7, missing, 'file')).toThrow(
      /^file: layers\.0\.qkv\.v: got undefined, expected a tensor of shape \[64, 16\]/,
    );
    const other = new Map(before.tensors).set('norm.m', { shape: [4], data: new Float32Array(4) });
    expect(() => optimizer.restore(7, other, 'file')).toThrow(/^file: norm\.m: got \[4\]/);
    expect(await optimizer.state()).toEqual(before);
    optimizer.dispose();
    policy.dispose();
  });

  it('leaves no tensors behind', async () => {
    const { numTensors, numBytes } = tf.memory();
    const { policy, shapes } = policyAndShapes();
    const optimizer = new Optimizer(policy, options);
    const made = tf.memory().numTensors;
    await optimizer.apply(upload(gradientsOf(shapes), shapes), 0.01);
    const state = await optimizer.state();
    optimizer.restore(state.steps, state.tensors);
    expect(tf.memory().numTensors).toBe(made);
    optimizer.dispose();
    policy.dispose();
    expect(tf.memory()).toMatchObject({ numTensors, numBytes });
  });
});
