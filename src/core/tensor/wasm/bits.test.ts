/**
 * The wasm kernels beyond the small shapes of ops.test.ts: blocks with remainders, long segments, many
 * samples; and that a row's bits depend on nothing but the row.
 */
import { beforeAll, describe, expect, it, afterEach } from 'vitest';
import { tf, type Tensor, type Tensor1D, type Tensor2D } from '#tfjs';
import { Stream } from '../../random/stream.ts';
import { startBackend } from '../backend.ts';
import * as ops from '../ops.ts';

const stream = new Stream(6, 'bits-test');
const normal = (rows: number, columns: number, scale = 1): Tensor2D =>
  tf.tensor2d(
    Float32Array.from({ length: rows * columns }, () => scale * stream.normal()),
    [rows, columns],
  );
const ints = (values: ArrayLike<number>): Tensor1D => tf.tensor1d(Int32Array.from(values), 'int32');
const numbers = (x: Tensor): number[] => Array.from(x.dataSync());

function expectClose(actual: number[], expected: number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const size = Math.max(1, ...expected.map(Math.abs));
  const worst = actual.reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i]!)), 0);
  expect(worst / size).toBeLessThan(tolerance);
}

/** A row of `length`: a prompt, completions that see it, another text, padding. */
function visibility(length: number): ops.Visibility {
  const [prompt, first, second, other] = [37, 60, 97, 118];
  const at = (i: number): [number, number, number] => {
    if (i < prompt) return [0, 0, 2 * Number(i >= 2)];
    if (i < second) return [3, prompt, i < first ? prompt : first];
    return [0, 0, i < other ? second : i];
  };
  const all = Array.from({ length }, (_, i) => at(i));
  return {
    prefixStart: ints(all.map(([start]) => start)),
    prefixEnd: ints(all.map(([, end]) => end)),
    segmentStart: ints(all.map(([, , start]) => start)),
  };
}

/** Inverse CDF over probabilities. */
function draw(p: Float32Array, uniform: number): number {
  let left = uniform * p.reduce((sum, x) => sum + x, 0);
  return p.findIndex((x) => (left -= x) < 0);
}

beforeAll(() => startBackend('wasm'));
afterEach(() => ops.usePlain(false));

describe('matmul', () => {
  it.each([
    [600, 70, 40, false],
    [9, 515, 26, true],
    [67, 258, 9, true],
    [3, 6, 530, false],
  ])('agrees with its plain twin: %i × %i × %i, transposed: %s', (m, k, n, transB) => {
    const inputs = [normal(m, k), transB ? normal(n, k) : normal(k, n)] as const;
    const weights = normal(m, n);
    const all = (): number[][] => {
      const product = (...[a, b]: Tensor[]): Tensor =>
        tf.sum(tf.mul(ops.matmul(a as Tensor2D, b as Tensor2D, transB), weights));
      return [ops.matmul(...inputs, transB), ...tf.grads(product as never)([...inputs])].map(
        numbers,
      );
    };
    const fused = all();
    ops.usePlain(true);
    all().forEach((expected, i) => expectClose(fused[i]!, expected, 2e-5));
  });

  it('gives a row the same bits whatever rows are with it', () => {
    const [a, b] = [normal(71, 300), normal(45, 300)];
    const whole = numbers(ops.matmul(a, b, true));
    for (const [from, count] of [
      [0, 1],
      [5, 3],
      [62, 9],
    ] as const) {
      const part = numbers(ops.matmul(tf.slice(a, from, count), b, true));
      expect(part).toEqual(whole.slice(45 * from, 45 * (from + count)));
    }
  });
});

describe('attention over long prompts and completions', () => {
  it.each([
    { heads: 6, keyValueHeads: 2, headDim: 16 },
    { heads: 2, keyValueHeads: 2, headDim: 12 },
  ])('agrees with its plain twin, with its gradient: %o', (layout) => {
    const length = 122;
    const width = (layout.heads + 2 * layout.keyValueHeads) * layout.headDim;
    const qkv = normal(length, width, 2);
    const weights = normal(length, layout.heads * layout.headDim);
    const run = (x: Tensor): Tensor => ops.attention(x as Tensor2D, visibility(length), 1, layout);
    const both = (): number[][] => [
      numbers(run(qkv)),
      numbers(tf.grad((x) => tf.sum(tf.mul(run(x), weights)))(qkv)),
    ];
    const fused = both();
    ops.usePlain(true);
    both().forEach((expected, i) => expectClose(fused[i]!, expected, 2e-5));
  });

  it('computes a token by its own text alone, bit for bit', () => {
    const layout = { heads: 4, keyValueHeads: 2, headDim: 16 };
    const qkv = normal(122, 128);
    const all = numbers(ops.attention(qkv, visibility(122), 1, layout));
    const zeros = ints(new Int32Array(21));
    const causal = { prefixStart: zeros, prefixEnd: zeros, segmentStart: zeros };
    const alone = ops.attention(tf.slice(qkv, 97, 21), causal, 1, layout);
    expect(numbers(alone)).toEqual(all.slice(97 * 64, 118 * 64));
  });
});

describe('decoding', () => {
  it.each([
    { heads: 4, keyValueHeads: 4, headDim: 16 },
    { heads: 6, keyValueHeads: 2, headDim: 12 },
  ])('gives the bits of attention over the whole text: %o', (layout) => {
    const width = (layout.heads + 2 * layout.keyValueHeads) * layout.headDim;
    const [promptRows, capacity] = [24, 7];
    const lengths = [21, 24];
    const prompts = normal(2 * promptRows, width);
    const promptOf = [...Array<number>(11).fill(0), 1, 1, 0];
    const samples = promptOf.length;
    const cache: ops.DecodeCache = {
      ...{ prompts, promptRows, promptLength: ints(lengths), promptOf: ints(promptOf), capacity },
      own: tf.zeros([samples, capacity * width]),
    };
    const steps = Array.from({ length: capacity }, () => normal(samples, width));
    const outs = steps.map((qkv, step) => numbers(ops.attentionDecode(qkv, cache, step, layout)));
    const outWidth = layout.heads * layout.headDim;
    for (const sample of [0, 9, 12, 13]) {
      const prompt = promptOf[sample]!;
      const length = lengths[prompt]!;
      const own = steps.map((qkv) => tf.slice(qkv, sample, 1));
      const text = tf.concat([tf.slice(prompts, prompt * promptRows, length), ...own]) as Tensor2D;
      const all = Array.from({ length: length + capacity }, (_, i) => i >= length);
      const behind = (value: number): Tensor1D => ints(all.map((is) => (is ? value : 0)));
      const seen = {
        ...{ prefixStart: behind(0), prefixEnd: behind(length), segmentStart: behind(length) },
      };
      const whole = numbers(ops.attention(text, seen, 1, layout)).slice(length * outWidth);
      const decoded = outs.flatMap((out) => out.slice(sample * outWidth, (sample + 1) * outWidth));
      expect(decoded).toEqual(whole);
    }
  });
});

describe('drawn tokens', () => {
  const logits = (): Tensor2D => normal(200, 76, 3);

  it('are those that the probabilities give', async () => {
    const x = logits();
    const uniforms = Float32Array.from({ length: 200 }, () => stream.uniform());
    const drawn = numbers(ops.drawTokens(x, tf.tensor1d(uniforms), 0.8, false));
    const { probs, entropies } = ops.softmaxEntropy(x, 0.8);
    const p = (await probs.data()) as Float32Array;
    const tokens = Array.from(uniforms, (u, i) => draw(p.subarray(76 * i, 76 * (i + 1)), u));
    expect(drawn.slice(0, 200)).toEqual(tokens);
    expect(drawn.slice(200)).toEqual([
      ...numbers(ops.tokenLogProbs(x, ints(tokens), 0.8).logProbs),
      ...numbers(entropies),
    ]);
  });

  it('are the likeliest when greedy, and tokens at the ends of the interval and for no numbers', () => {
    const x = logits();
    const zeros = tf.zeros([200]) as Tensor1D;
    const greedy = numbers(ops.drawTokens(x, zeros, 1, true)).slice(0, 200);
    expect(greedy).toEqual(numbers(tf.argMax(x, 1)));
    const first = numbers(ops.drawTokens(x, zeros, 1, false)).slice(0, 200);
    expect(first.every((token) => token === 0)).toBe(true);
    const all = [ops.drawTokens(x, tf.ones([200]), 1, false)];
    all.push(ops.drawTokens(tf.fill([200, 76], NaN) as Tensor2D, zeros, 1, false));
    for (const token of all.flatMap((drawn) => numbers(drawn).slice(0, 200))) {
      expect(token).toBeGreaterThanOrEqual(0);
      expect(token).toBeLessThan(76);
    }
  });

  it('says that logits are no numbers', () => {
    for (const bad of [NaN, Infinity]) {
      const x = tf.tensor2d([[0, bad, 0, 0]]);
      expect(ops.tokenLogProbs(x, ints([0])).logProbs.dataSync()[0]).toBeNaN();
      expect(numbers(ops.drawTokens(x, tf.tensor1d([0.5]), 1, false))[1]).toBeNaN();
    }
  });
});

describe('the sum of squares', () => {
  it('is precise over many numbers, of any count', () => {
    const values = Float32Array.from({ length: 400_003 }, () => stream.normal());
    const exact = values.reduce((sum, x) => sum + x * x, 0);
    const parts = [values.subarray(0, 1), values.subarray(1, 1030), values.subarray(1030)];
    const sum = ops.sumSquares(parts.map((part) => tf.tensor1d(part))).dataSync()[0]!;
    expect(sum / exact).toBeCloseTo(1, 6);
  });
});

describe('softmax', () => {
  it('is precise for logits far apart', () => {
    const values = [0, -1, -10, -30, -60, -80, 3, 2.5];
    const probs = numbers(ops.softmaxEntropy(tf.tensor2d([values]), 1).probs);
    const sum = values.reduce((all, x) => all + Math.exp(x), 0);
    probs.forEach((p, i) => {
      expect(p / (Math.exp(values[i]!) / sum)).toBeCloseTo(1, 5);
    });
  });
});
