/** What the backend does at its best: products of two matrices. */
import { tf, type Tensor2D } from '#tfjs';
import * as ops from '../../src/core/tensor/ops.ts';
import { inTurns, type Turns } from './measure.ts';

/** Sizes of products, and how many make a measurement; a faster device is given larger ones. */
const SHAPES = [
  { m: 512, k: 256, n: 512, count: 20 },
  { m: 1024, k: 1024, n: 1024, count: 4 },
  { m: 2048, k: 2048, n: 2048, count: 4 },
];
/** A product that takes longer is large enough. */
const LONG_SECONDS = 0.01;

type Shape = (typeof SHAPES)[number];
type Product = (a: Tensor2D, b: Tensor2D) => Tensor2D;

/** Ours and tfjs's. */
const PRODUCTS: Product[] = [(a, b) => ops.matmul(a, b), (a, b) => tf.matMul<Tensor2D>(a, b)];

/** The fastest product there is, to be measured beside what it is the limit of. */
export interface Limit {
  /** Of a run, in 10^9. */
  operations: number;
  run(): Promise<void>;
  /** GFLOP/s when it was chosen. */
  rate: number;
}

async function multiply({ m, k, n, count }: Shape, product: Product): Promise<void> {
  const [a, b] = [tf.ones([m, k]), tf.ones([k, n])] as [Tensor2D, Tensor2D];
  let last: Tensor2D | undefined;
  for (let i = 0; i < count; i++) {
    last?.dispose();
    last = product(a, b);
  }
  const corner = tf.slice(last!, [0, 0], [1, 1]);
  await corner.data(); // waits for the device
  tf.dispose([a, b, last!, corner]);
}

/** Ours or tfjs's, the better, on matrices that suit the backend. */
export async function findLimit(onTurn?: Turns['onTurn']): Promise<Limit> {
  let best: Limit | undefined;
  for (const shape of SHAPES) {
    const runs = PRODUCTS.map((product) => () => multiply(shape, product));
    const turns = { repeats: 5, budget: 1, ...(onTurn && { onTurn }) };
    const seconds = await inTurns(runs, turns);
    const fastest = Math.min(...seconds);
    const operations = (2 * shape.count * shape.m * shape.k * shape.n) / 1e9;
    const rate = operations / fastest;
    if (!best || rate > best.rate) {
      best = { operations, rate, run: runs[seconds.indexOf(fastest)]! };
    }
    if (fastest / shape.count > LONG_SECONDS) break;
  }
  return best!;
}
