/** Every operation of `core/tensor/ops.ts`, value and gradients, for comparing backends. */
import { tf, type Tensor, type Tensor1D, type Tensor2D } from '#tfjs';
import { distance } from '../../src/core/model/tiny.test-helper.ts';
import { Stream } from '../../src/core/random/stream.ts';
import * as ops from '../../src/core/tensor/ops.ts';
import { useBackend, type Backend } from './platform.ts';

interface Operation {
  name: string;
  /** Shapes of the inputs, drawn from a normal distribution; gradients are taken for all of them. */
  inputs: number[][];
  run: (...x: Tensor[]) => Tensor;
  /** For what never carries a gradient. */
  forwardOnly?: true;
}

const ints = (...values: number[]): Tensor1D => tf.tensor1d(values, 'int32');
const heads = { heads: 4, keyValueHeads: 2, headDim: 8 };

/** Two rows of 11: a prompt with two completions that share it; two packed examples and padding. */
const visibility = (): ops.Visibility => ({
  prefixStart: ints(...[0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1], ...Array<number>(11).fill(0)),
  prefixEnd: ints(...[0, 0, 0, 3, 3, 3, 3, 3, 3, 3, 3], ...Array<number>(11).fill(0)),
  segmentStart: ints(...[0, 0, 0, 3, 3, 3, 3, 7, 7, 7, 7], ...[0, 0, 0, 0, 4, 4, 4, 4, 4, 9, 10]),
});

const decode = (qkv: Tensor, prompts: Tensor, own: Tensor): Tensor => {
  const cache: ops.DecodeCache = {
    prompts: prompts as Tensor2D,
    promptRows: 6,
    promptLength: ints(5, 4),
    promptOf: ints(1, 0, 1),
    // Tokens 0 and 1 are there, the rest is still zero.
    own: tf.pad(own as Tensor2D, [
      [0, 0],
      [0, 6 * 64],
    ]),
    capacity: 8,
  };
  return ops.attentionDecode(qkv as Tensor2D, cache, 2, heads);
};

const operations: Operation[] = [
  // Shapes for each of WebGPU's matrix products: few outputs, small, long inner dimension, tiled.
  ...[
    [5, 7, 3],
    [70, 300, 33],
    [48, 2304, 40],
    [256, 64, 192],
  ].map(([m, k, n]): Operation => ({
    name: `matmul ${m}×${k}×${n}`,
    inputs: [
      [m!, k!],
      [k!, n!],
    ],
    run: (a, b) => ops.matmul(a as Tensor2D, b as Tensor2D),
  })),
  {
    name: 'matmul, second operand transposed',
    inputs: [
      [2304, 20],
      [48, 20],
    ],
    run: (a, b) => ops.matmul(a as Tensor2D, b as Tensor2D, true),
  },
  {
    name: 'gatherRows',
    inputs: [[6, 8]],
    run: (table) => ops.gatherRows(table as Tensor2D, ints(0, 5, 5, 2, 5)),
  },
  {
    name: 'rmsNorm',
    inputs: [[5, 12], [12]],
    run: (x, weight) => ops.rmsNorm(x as Tensor2D, weight as Tensor1D, 1e-5),
  },
  {
    name: 'rotary',
    inputs: [[5, 64]],
    run: (x) => {
      const table = (name: string) => normal(`rotary/${name}`, [16, 4]) as Tensor2D;
      const tables = { cos: table('cos'), sin: table('sin') };
      return ops.rotary(x as Tensor2D, ints(0, 3, 15, 2, 2), tables, heads);
    },
  },
  {
    name: 'attention',
    inputs: [[22, 64]],
    run: (qkv) => ops.attention(qkv as Tensor2D, visibility(), 2, heads),
  },
  {
    name: 'attentionDecode',
    inputs: [
      [3, 64],
      [12, 64],
      [3, 2 * 64],
    ],
    run: decode,
    forwardOnly: true,
  },
  { name: 'swiGlu', inputs: [[5, 24]], run: (x) => ops.swiGlu(x as Tensor2D) },
  {
    name: 'tokenLogProbs',
    inputs: [[5, 12]],
    run: (x) => ops.tokenLogProbs(x as Tensor2D, ints(0, 11, 3, 3, 7), 0.7).logProbs,
  },
  {
    name: 'entropy of tokenLogProbs',
    inputs: [[5, 12]],
    run: (x) => ops.tokenLogProbs(x as Tensor2D, ints(0, 11, 3, 3, 7), 0.7).entropies,
    forwardOnly: true,
  },
  {
    name: 'softmaxEntropy',
    inputs: [[5, 12]],
    run: (x) => {
      const { probs, entropies } = ops.softmaxEntropy(x as Tensor2D, 1.3);
      return tf.concat([tf.reshape(probs, [-1]), entropies]);
    },
    forwardOnly: true,
  },
];

const normal = (name: string, shape: number[]): Tensor => {
  const stream = new Stream(7, `e2e/${name}`);
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
    stream.normal(),
  );
  return tf.tensor(values, shape);
};

/** Value, then the gradients of Σ value · weights with respect to each input. */
async function results({ name, inputs, run, forwardOnly }: Operation): Promise<number[][]> {
  const x = inputs.map((shape, i) => normal(`${name}/${i}`, shape));
  const value = run(...x);
  const weights = normal(`${name}/weights`, value.shape);
  const gradients = forwardOnly
    ? []
    : tf.grads((...y) => tf.sum(tf.mul(run(...y), weights)) as never)(x);
  return Promise.all([value, ...gradients].map(async (y) => Array.from(await y.data())));
}

async function adamW(): Promise<number[][]> {
  const [param, m, v] = ['param', 'm', 'v'].map((name) =>
    tf.variable(tf.abs(normal(`adamW/${name}`, [30, 40]))),
  );
  ops.adamW(param!, normal('adamW/grad', [30, 40]), m!, v!, {
    ...{ gradScale: 0.5, learningRate: 0.1, beta1: 0.9, beta2: 0.99, correction1: 0.1 },
    ...{ correction2: 0.01, eps: 1e-8, decay: 0.01 },
  });
  return Promise.all([param!, m!, v!].map(async (y) => Array.from(await y.data())));
}

/** Everything on one backend, by operation. */
async function all(backend: Backend): Promise<Map<string, number[][]>> {
  await useBackend(backend);
  const found = new Map<string, number[][]>();
  for (const operation of operations) found.set(operation.name, await results(operation));
  return found.set('adamW', await adamW());
}

export interface Comparison {
  operation: string;
  /**
   * Of the value and of each gradient, between wasm's kernels and the plain twins on WebGPU: largest
   * difference over the scale of the numbers, at least 1.
   */
  apart: number[];
  /** WebGPU twice gave the same bits. */
  repeats: boolean;
}

export async function compareOperations(): Promise<Comparison[]> {
  const [kernels, twins, again] = [await all('wasm'), await all('webgpu'), await all('webgpu')];
  return [...kernels].map(([operation, expected]) => {
    const found = twins.get(operation)!;
    return {
      operation,
      apart: expected.map((values, i) => distance(found[i]!, values)),
      repeats: JSON.stringify(found) === JSON.stringify(again.get(operation)),
    };
  });
}
