import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { tf, type Tensor, type Tensor1D, type Tensor2D } from '#tfjs';
import { startNumericBackend } from '../../../test/numeric-backend.test-helper.ts';
import { Stream } from '../random/stream.ts';
import * as ops from './ops.ts';

const stream = new Stream(5, 'ops-test');
const normal = (...shape: number[]): Tensor =>
  tf.tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => stream.normal()),
    shape,
  );
const ints = (values: number[]): Tensor1D => tf.tensor1d(values, 'int32');
const heads = { heads: 4, keyValueHeads: 2, headDim: 8 };

/** Three rows of 11 tokens: causal; a shared prompt with two completions; two packed examples, padding. */
const batch = 3;
const visibility = {
  prefixStart: [
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ].flat(),
  prefixEnd: [
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 3, 3, 3, 3, 3, 3, 3, 3],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ].flat(),
  segmentStart: [
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 3, 3, 3, 3, 7, 7, 7, 7],
    [0, 0, 0, 0, 4, 4, 4, 4, 4, 9, 10],
  ].flat(),
};

const causal = (length: number): ops.Visibility => {
  const zeros = ints(Array<number>(length).fill(0));
  return { prefixStart: zeros, prefixEnd: zeros, segmentStart: zeros };
};

interface Case {
  name: string;
  inputs: () => Tensor[];
  run: (...x: Tensor[]) => Tensor;
}

const tables = (): ops.RotaryTables => ({
  cos: normal(16, 4) as Tensor2D,
  sin: normal(16, 4) as Tensor2D,
});

const cases: Case[] = [
  ...[
    [5, 7, 3],
    [70, 300, 33],
    [4, 16, 8],
    [1, 64, 1],
  ].map(([m, k, n]) => ({
    name: `matmul ${m}×${k}×${n}`,
    inputs: () => [normal(m!, k!), normal(k!, n!)],
    run: (a: Tensor, b: Tensor) => ops.matmul(a as Tensor2D, b as Tensor2D),
  })),
  {
    name: 'matmul with the second operand transposed',
    inputs: () => [normal(9, 20), normal(13, 20)],
    run: (a, b) => ops.matmul(a as Tensor2D, b as Tensor2D, true),
  },
  {
    name: 'gatherRows with repeated rows',
    inputs: () => [normal(6, 8)],
    run: (table) => ops.gatherRows(table as Tensor2D, ints([0, 5, 5, 2, 5])),
  },
  {
    name: 'rmsNorm',
    inputs: () => [normal(5, 12), normal(12)],
    run: (x, w) => ops.rmsNorm(x as Tensor2D, w as Tensor1D, 1e-5),
  },
  {
    name: 'rotary',
    inputs: () => [normal(5, 64), ...Object.values(tables())],
    run: (x, cos, sin) =>
      ops.rotary(
        x as Tensor2D,
        ints([0, 3, 15, 2, 2]),
        { cos: cos as Tensor2D, sin: sin as Tensor2D },
        heads,
      ),
  },
  {
    name: 'attention over prefixes and segments',
    inputs: () => [normal(33, 64)],
    run: (qkv) =>
      ops.attention(
        qkv as Tensor2D,
        {
          prefixStart: ints(visibility.prefixStart),
          prefixEnd: ints(visibility.prefixEnd),
          segmentStart: ints(visibility.segmentStart),
        },
        batch,
        heads,
      ),
  },
  {
    name: 'attention with 20-wide heads',
    inputs: () => [normal(11, 120)],
    run: (qkv) =>
      ops.attention(qkv as Tensor2D, causal(11), 1, { heads: 2, keyValueHeads: 2, headDim: 20 }),
  },
  {
    name: 'swiGlu',
    inputs: () => [normal(5, 24)],
    run: (x) => ops.swiGlu(x as Tensor2D),
  },
  {
    name: 'tokenLogProbs',
    inputs: () => [tf.mul(normal(5, 12), 3)],
    run: (x) => ops.tokenLogProbs(x as Tensor2D, ints([0, 11, 3, 3, 7]), 0.7).logProbs,
  },
  {
    name: 'entropy',
    inputs: () => [tf.mul(normal(5, 12), 3)],
    run: (x) =>
      tf.add(
        ops.tokenLogProbs(x as Tensor2D, ints([0, 11, 3, 3, 7]), 0.7).entropies,
        ops.softmaxEntropy(x as Tensor2D, 0.7).entropies,
      ),
  },
  {
    name: 'softmax',
    inputs: () => [tf.mul(normal(5, 12), 3)],
    run: (x) => ops.softmaxEntropy(x as Tensor2D, 1.3).probs,
  },
];

/** Value, and the gradient of Σ value · weights for fixed random weights. */
function evaluate({ run }: Case, inputs: Tensor[], weights: Tensor, differentiated: boolean) {
  const value = run(...inputs);
  const grads = differentiated
    ? tf.grads((...x) => tf.sum(tf.mul(run(...x), weights)))(inputs.slice())
    : [];
  return [value, ...grads].map((tensor) => Array.from(tensor.dataSync()));
}

function expectClose(actual: number[], expected: number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const size = Math.max(1, ...expected.map(Math.abs));
  actual.forEach((x, i) => {
    expect(Math.abs(x - expected[i]!) / size).toBeLessThan(tolerance);
  });
}

const differentiable = (name: string): boolean => !['entropy', 'softmax', 'rotary'].includes(name);

describe('kernels on wasm agree with their plain twins', () => {
  beforeAll(startNumericBackend);
  afterEach(() => ops.usePlain(false));

  it.each(cases)('$name', (test) => {
    const inputs = test.inputs();
    const weights = normal(...test.run(...inputs).shape);
    const fused = evaluate(test, inputs, weights, differentiable(test.name));
    ops.usePlain(true);
    const plain = evaluate(test, inputs, weights, differentiable(test.name));
    fused.forEach((values, i) => expectClose(values, plain[i]!, 2e-5));
  });

  it('rotary: the gradient rotates back', () => {
    const test = cases.find(({ name }) => name === 'rotary')!;
    const [x, cos, sin] = test.inputs() as [Tensor, Tensor, Tensor];
    const weights = normal(5, 64);
    const gradient = (): number[] =>
      Array.from(
        tf
          .grad((y) => tf.sum(tf.mul(test.run(y, cos, sin), weights)))(x)
          .dataSync(),
      );
    const fused = gradient();
    ops.usePlain(true);
    expectClose(fused, gradient(), 2e-5);
  });

  it.each(cases.filter(({ name }) => differentiable(name)))('finite differences: $name', (test) => {
    const inputs = test.inputs();
    const weights = normal(...test.run(...inputs).shape);
    const loss = (...x: Tensor[]): Tensor => tf.sum(tf.mul(test.run(...x), weights));
    const grads = tf.grads((...x) => loss(...x) as never)(inputs);
    inputs.forEach((input, which) => {
      const direction = normal(...input.shape);
      const h = 1e-2;
      const at = (sign: number): number => {
        const moved = inputs.slice();
        moved[which] = tf.add(input, tf.mul(direction, sign * h));
        return loss(...moved).dataSync()[0]!;
      };
      const numeric = (at(1) - at(-1)) / (2 * h);
      const analytic = tf.sum(tf.mul(grads[which]!, direction)).dataSync()[0]!;
      expect(Math.abs(numeric - analytic)).toBeLessThan(0.01 * Math.max(1, Math.abs(analytic)));
    });
  });

  it('decoding token by token sees what attention over the whole row sees', () => {
    const [length, prompt] = [9, 4];
    const qkv = normal(length, 64) as Tensor2D;
    const decode = (): number[] => {
      const cache: ops.DecodeCache = {
        prompts: tf.concat([normal(6, 64), tf.slice(qkv, 0, prompt), normal(2, 64)]) as Tensor2D,
        promptRows: 6,
        promptLength: ints([5, prompt]),
        promptOf: ints([1, 0]),
        own: tf.zeros([2, 8 * 64]),
        capacity: 8,
      };
      return Array.from({ length: length - prompt }, (_, step) => {
        const row = tf.tile(tf.slice(qkv, prompt + step, 1), [2, 1]) as Tensor2D;
        const out = ops.attentionDecode(row, cache, step, heads);
        return Array.from(tf.slice(out, 0, 1).dataSync());
      }).flat();
    };
    const whole = ops.attention(qkv, causal(length), 1, heads);
    const expected = Array.from(tf.slice(whole, prompt).dataSync());
    expectClose(decode(), expected, 2e-5);
    ops.usePlain(true);
    expectClose(decode(), expected, 2e-5);
  });

  it('adamW', () => {
    const step = {
      ...{ gradScale: 0.5, learningRate: 0.1, beta1: 0.9, beta2: 0.99, correction1: 0.1 },
      ...{ correction2: 0.01, eps: 1e-8, decay: 0.01 },
    };
    const start = [normal(3, 4), normal(3, 4), normal(3, 4), tf.square(normal(3, 4))];
    const run = (): number[] => {
      const [param, m, v] = [start[0]!, start[2]!, start[3]!].map((x) => tf.variable(tf.clone(x)));
      ops.adamW(param!, start[1]!, m!, v!, step);
      return [param!, m!, v!].flatMap((x) => Array.from(x.dataSync()));
    };
    const fused = run();
    ops.usePlain(true);
    expectClose(fused, run(), 1e-5);
  });
});
