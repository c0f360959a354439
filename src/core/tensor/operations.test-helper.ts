/** Every operation of ops.ts with its gradients, for comparing backends and checking gradients. */
import { tf, type Tensor, type Tensor1D, type Tensor2D, type Variable } from '#tfjs';
import { Stream } from '../random/stream.ts';
import * as ops from './ops.ts';

export interface Operation {
  name: string;
  /** Shapes of the inputs, drawn from a normal distribution; gradients are taken for all of them. */
  inputs: number[][];
  run: (...x: Tensor[]) => Tensor;
  /** For what never carries a gradient. */
  forwardOnly?: true;
  /** Row lengths that no policy has and wasm's kernels do not take: no multiples of 4. */
  odd?: true;
}

const ints = (...values: number[]): Tensor1D => tf.tensor1d(values, 'int32');
const heads = { heads: 4, keyValueHeads: 2, headDim: 8 };

/** Normally distributed numbers, always the same for a name. */
export function normal(name: string, shape: number[]): Tensor {
  const stream = new Stream(7, `e2e/${name}`);
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
    stream.normal(),
  );
  return tf.tensor(values, shape);
}

/** Two rows of 11: a prompt with two completions that share it; two packed examples and padding. */
const visibility = (): ops.Visibility => ({
  prefixStart: ints(...[0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1], ...Array<number>(11).fill(0)),
  prefixEnd: ints(...[0, 0, 0, 3, 3, 3, 3, 3, 3, 3, 3], ...Array<number>(11).fill(0)),
  segmentStart: ints(...[0, 0, 0, 3, 3, 3, 3, 7, 7, 7, 7], ...[0, 0, 0, 0, 4, 4, 4, 4, 4, 9, 10]),
});

/** One row of 150 tokens, longer than any tile: a prompt of 70 and two completions that see part of it. */
const longVisibility = (): ops.Visibility => {
  const per = (prompt: number, first: number, second: number): Tensor1D =>
    ints(...Array.from({ length: 150 }, (_, i) => (i < 70 ? prompt : i < 113 ? first : second)));
  return {
    prefixStart: per(0, 3, 3),
    prefixEnd: per(0, 70, 66),
    segmentStart: per(0, 70, 113),
  };
};

/** Three tokens of three samples that continue two prompts; `tokens` are theirs, one after the other. */
const decode = (tokens: Tensor, prompts: Tensor): Tensor => {
  const cache: ops.DecodeCache = {
    prompts: prompts as Tensor2D,
    promptRows: 6,
    promptLength: ints(5, 4),
    promptOf: ints(1, 0, 1),
    own: tf.zeros([3, 8 * 64]),
    capacity: 8,
  };
  const outs = [0, 1, 2].map((step) =>
    ops.attentionDecode(tf.slice(tokens as Tensor2D, [3 * step, 0], [3, 64]), cache, step, heads),
  );
  return tf.concat(outs);
};

/** Spreads rows of a table unevenly: most entries are row 3. */
const uneven = (count: number, rows: number): number[] =>
  Array.from({ length: count }, (_, i) => (i % 7 === 0 ? (i * 31) % rows : 3));

const odd = (width: number): { odd?: true } => (width % 4 === 0 ? {} : { odd: true });

/** Products of every tile: few rows, one row, one column, one term, long sums, odd row lengths. */
const PRODUCTS = [
  [5, 7, 3],
  [1, 64, 36],
  [40, 12, 1],
  [1, 1, 1],
  [33, 1, 68],
  [65, 16, 132],
  [70, 300, 33],
  [48, 2304, 40],
  [256, 64, 192],
  [515, 68, 516],
] as const;

export const operations: Operation[] = [
  ...PRODUCTS.flatMap(([m, k, n]): Operation[] => [
    {
      name: `matmul ${m}×${k}×${n}`,
      inputs: [
        [m, k],
        [k, n],
      ],
      run: (a, b) => ops.matmul(a as Tensor2D, b as Tensor2D),
    },
    {
      name: `matmul ${m}×${k}×${n}, second operand transposed`,
      inputs: [
        [m, k],
        [n, k],
      ],
      run: (a, b) => ops.matmul(a as Tensor2D, b as Tensor2D, true),
    },
  ]),
  {
    name: 'matmul of many rows: its weight gradient is a long sum',
    inputs: [
      [2304, 20],
      [48, 20],
    ],
    run: (a, b) => ops.matmul(a as Tensor2D, b as Tensor2D, true),
  },
  ...[
    [70, 300, 33],
    [256, 64, 192],
    [12, 8, 16],
  ].flatMap(([m, k, n]): Operation[] => [
    {
      name: `addMatmul ${m}×${k}×${n}`,
      inputs: [
        [m!, n!],
        [m!, k!],
        [k!, n!],
      ],
      run: (plus, a, b) => ops.addMatmul(plus as Tensor2D, a as Tensor2D, b as Tensor2D),
    },
    {
      name: `addMatmul ${m}×${k}×${n}, last operand transposed`,
      inputs: [
        [m!, n!],
        [m!, k!],
        [n!, k!],
      ],
      run: (plus, a, b) => ops.addMatmul(plus as Tensor2D, a as Tensor2D, b as Tensor2D, true),
    },
  ]),
  {
    name: 'gatherRows',
    inputs: [[6, 8]],
    run: (table) => ops.gatherRows(table as Tensor2D, ints(0, 5, 5, 2, 5)),
  },
  {
    name: 'gatherRows of odd length, most of them the same',
    inputs: [[37, 67]],
    odd: true,
    run: (table) => ops.gatherRows(table as Tensor2D, ints(...uneven(2500, 37))),
  },
  {
    name: 'gatherRows of wide rows',
    inputs: [[50, 132]],
    run: (table) => ops.gatherRows(table as Tensor2D, ints(...uneven(300, 50))),
  },
  ...[
    [5, 12],
    [1, 1],
    [37, 67],
    [130, 192],
  ].map(([rows, width]): Operation => ({
    name: `rmsNorm ${rows}×${width}`,
    inputs: [[rows!, width!], [width!]],
    ...odd(width!),
    run: (x, weight) => ops.rmsNorm(x as Tensor2D, weight as Tensor1D, 1e-5),
  })),
  ...[8, 12].map((headDim): Operation => ({
    name: `rotary, heads of ${headDim}`,
    inputs: [[5, 8 * headDim]],
    ...odd(headDim / 2),
    run: (x) => {
      const table = (name: string) => normal(`rotary/${name}`, [16, headDim / 2]) as Tensor2D;
      const tables = { cos: table('cos'), sin: table('sin') };
      return ops.rotary(x as Tensor2D, ints(0, 3, 15, 2, 2), tables, { ...heads, headDim });
    },
  })),
  {
    name: 'attention',
    inputs: [[22, 64]],
    run: (qkv) => ops.attention(qkv as Tensor2D, visibility(), 2, heads),
  },
  ...[8, 20].map((headDim): Operation => ({
    name: `attention over a long row, heads of ${headDim}`,
    inputs: [[150, 8 * headDim]],
    run: (qkv) => ops.attention(qkv as Tensor2D, longVisibility(), 1, { ...heads, headDim }),
  })),
  {
    name: 'attentionDecode',
    inputs: [
      [9, 64],
      [12, 64],
    ],
    run: decode,
    forwardOnly: true,
  },
  ...[
    [5, 24],
    [1, 2],
    [37, 134],
  ].map((shape): Operation => ({
    name: `swiGlu ${shape.join('×')}`,
    inputs: [shape],
    ...odd(shape[1]! / 2),
    run: (x) => ops.swiGlu(x as Tensor2D),
  })),
  ...[12, 2051].flatMap((vocabulary): Operation[] => [
    {
      name: `tokenLogProbs of ${vocabulary}`,
      inputs: [[5, vocabulary]],
      ...odd(vocabulary),
      run: (x) => ops.tokenLogProbs(x as Tensor2D, ints(0, 11, 3, 3, 7), 0.7).logProbs,
    },
    {
      name: `entropy of tokenLogProbs of ${vocabulary}`,
      inputs: [[5, vocabulary]],
      ...odd(vocabulary),
      run: (x) => ops.tokenLogProbs(x as Tensor2D, ints(0, 11, 3, 3, 7), 0.7).entropies,
      forwardOnly: true,
    },
    {
      name: `softmaxEntropy of ${vocabulary}`,
      inputs: [[5, vocabulary]],
      ...odd(vocabulary),
      run: (x) => {
        const { probs, entropies } = ops.softmaxEntropy(x as Tensor2D, 1.3);
        return tf.concat([tf.reshape(probs, [-1]), entropies]);
      },
      forwardOnly: true,
    },
  ]),
  {
    name: 'sumSquares',
    // Nine tensors: more than one launch can read.
    inputs: [[3, 4], [8], [1], [70, 64], [5], [4], [4], [4], [300, 4]],
    run: (...x) => ops.sumSquares(x),
    forwardOnly: true,
  },
  {
    name: 'sumSquares of multiples of four',
    inputs: [[3, 4], [8], [70, 64]],
    run: (...x) => ops.sumSquares(x),
    forwardOnly: true,
  },
];

async function values(tensors: Tensor[]): Promise<number[][]> {
  return Promise.all(tensors.map(async (x) => Array.from(await x.data())));
}

/**
 * What wasm says, which must be the current backend: its kernels, or the plain twins where they do not
 * take the shapes.
 */
export async function evaluateReference(operation: Operation): Promise<number[][]> {
  ops.usePlain(operation.odd === true);
  try {
    return await evaluate(operation);
  } finally {
    ops.usePlain(false);
  }
}

/** Value, then the gradients of Σ value · weights with respect to each input. */
export async function evaluate({ name, inputs, run, forwardOnly }: Operation): Promise<number[][]> {
  const x = inputs.map((shape, i) => normal(`${name}/${i}`, shape));
  const value = run(...x);
  const weights = normal(`${name}/weights`, value.shape);
  const gradients = forwardOnly
    ? []
    : tf.grads((...y) => tf.sum(tf.mul(run(...y), weights)) as never)(x);
  return values([value, ...gradients]);
}

/** Param, m and v after two steps of AdamW, read in between: what is read must not be kept. */
export async function evaluateAdamW(shape: number[]): Promise<number[][]> {
  const [param, m, v] = ['param', 'm', 'v'].map((name) =>
    tf.variable(tf.abs(normal(`adamW/${name}`, shape))),
  ) as [Variable, Variable, Variable];
  const step = (): void =>
    ops.adamW(param, normal('adamW/grad', shape), m, v, {
      ...{ gradScale: 0.5, learningRate: 0.1, beta1: 0.9, beta2: 0.99, correction1: 0.1 },
      ...{ correction2: 0.01, eps: 1e-8, decay: 0.01 },
    });
  step();
  const between = await values([param, m, v]);
  step();
  return [...between, ...(await values([param, m, v]))];
}
