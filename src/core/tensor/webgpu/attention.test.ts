/** Attention on Dawn over rows of many lengths and kinds of sight, by its plain twin. */
import { afterEach, describe, expect, it } from 'vitest';
import { tf, type Tensor, type Tensor1D, type Tensor2D } from '#tfjs';
import { Stream } from '../../random/stream.ts';
import * as ops from '../ops.ts';
import { attentionProgram } from './attention.ts';
import { startDawn } from './dawn.test-helper.ts';

const started = await startDawn();
const stream = new Stream(11, 'webgpu-attention-test');

const normal = (...shape: number[]): Tensor =>
  tf.tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => stream.normal()),
    shape,
  );
const ints = (values: number[]): Tensor1D => tf.tensor1d(values, 'int32');

async function expectClose(actual: Tensor, expected: Tensor): Promise<void> {
  const [found, wanted] = [await actual.data(), await expected.data()];
  expect(found.length).toBe(wanted.length);
  let [scale, apart] = [1, 0];
  wanted.forEach((x, i) => {
    scale = Math.max(scale, Math.abs(x));
    apart = Math.max(apart, Math.abs(x - found[i]!)); // NaN stays NaN
  });
  expect(apart / scale).toBeLessThan(2e-5);
}

interface Sight {
  name: string;
  batch: number;
  visibility: () => ops.Visibility;
}

const causal = (batch: number, length: number): Sight => ({
  name: `${batch} causal rows of ${length}`,
  batch,
  visibility: () => {
    const zeros = ints(Array<number>(batch * length).fill(0));
    return { prefixStart: zeros, prefixEnd: zeros, segmentStart: zeros };
  },
});

type Item = [prompt: number, ...completions: number[]];

/** Rows of prompts with completions behind them, by their lengths, as model/pack.ts lays them out. */
function packed(length: number, ...rows: Item[][]): Sight {
  const sight = rows.flatMap((items) => {
    const tokens: [prefixStart: number, prefixEnd: number, segmentStart: number][] = [];
    for (const [prompt, ...completions] of items) {
      const start = tokens.length;
      for (let i = 0; i < prompt; i++) tokens.push([0, 0, start]);
      for (const completion of completions) {
        const segment = tokens.length;
        for (let i = 0; i < completion; i++) tokens.push([start, start + prompt, segment]);
      }
    }
    while (tokens.length < length) tokens.push([0, 0, tokens.length]); // padding sees itself
    return tokens;
  });
  const column = (i: number): Tensor1D => ints(sight.map((token) => token[i]!));
  return {
    name: `prompts with completions in ${rows.length} rows of ${length}`,
    batch: rows.length,
    visibility: () => ({
      ...{ prefixStart: column(0), prefixEnd: column(1), segmentStart: column(2) },
    }),
  };
}

const heads = (heads: number, keyValueHeads: number, headDim: number): ops.Heads => ({
  ...{ heads, keyValueHeads, headDim },
});

const cases = (
  [
    [causal(1, 1), heads(4, 2, 16)],
    [causal(3, 7), heads(4, 4, 16)],
    [causal(2, 65), heads(4, 1, 24)],
    [causal(1, 130), heads(2, 1, 64)],
    [
      packed(
        130,
        [
          [40, 20, 1, 35, 13],
          [7, 5],
        ],
        [[30, 10, 10, 9]],
        [[64, 66]],
      ),
      heads(4, 2, 16),
    ],
    [
      packed(
        65,
        [
          [3, 5, 6, 7],
          [30, 10],
        ],
        [[60, 5]],
      ),
      heads(4, 1, 24),
    ],
    [
      packed(
        129,
        [[33, 31, 32]],
        [
          [1, 1],
          [50, 3, 3, 3, 3],
        ],
      ),
      heads(4, 4, 64),
    ],
  ] as [Sight, ops.Heads][]
).map(([sight, layout]) => ({ sight, layout }));

it.each([130, 132, 0])('refuses heads of %d', (headDim) => {
  expect(() => attentionProgram(headDim)).toThrow(/head_dim.*multiple of 4, at most 128/);
});

describe.skipIf(!started)('attention on WebGPU', () => {
  afterEach(() => ops.usePlain(false));

  it.each(cases)(
    "over $sight.name, $layout.heads/$layout.keyValueHeads heads of $layout.headDim: value and gradient are the plain twin's",
    async ({ sight, layout }) => {
      const { heads, keyValueHeads, headDim } = layout;
      const visibility = sight.visibility();
      const tokens = visibility.prefixEnd.size;
      const qkv = normal(tokens, (heads + 2 * keyValueHeads) * headDim) as Tensor2D;
      const weights = normal(tokens, heads * headDim);
      const value = (x: Tensor): Tensor =>
        ops.attention(x as Tensor2D, visibility, sight.batch, layout);
      const gradient = (): Tensor => tf.grad((x) => tf.sum(tf.mul(value(x), weights)))(qkv);
      const [found, slope, again] = [value(qkv), gradient(), gradient()];
      expect(await again.data()).toEqual(await slope.data());
      ops.usePlain(true);
      await expectClose(found, value(qkv));
      await expectClose(slope, gradient());
    },
  );

  it('gives zeros and no gradient to tokens that see nothing', async () => {
    const layout = heads(2, 1, 16);
    const qkv = normal(40, 64) as Tensor2D;
    const starts = Array.from({ length: 40 }, (_, i) => (i % 5 === 2 ? i + 1 : 0));
    const zeros = ints(Array<number>(40).fill(0));
    const visibility = { prefixStart: zeros, prefixEnd: zeros, segmentStart: ints(starts) };
    const value = (x: Tensor): Tensor => ops.attention(x as Tensor2D, visibility, 1, layout);
    const [out, slope] = [value(qkv), tf.grad((x) => tf.sum(value(x)))(qkv)];
    const row = async (x: Tensor, i: number, width: number): Promise<number[]> =>
      Array.from(await tf.slice(x, [i, 0], [1, width]).data());
    for (const i of [2, 37]) {
      expect((await row(out, i, 32)).every((x) => x === 0)).toBe(true);
      expect((await row(slope, i, 32)).every((x) => x === 0)).toBe(true);
    }
    expect((await slope.data()).every(Number.isFinite)).toBe(true);
  });

  it.each([heads(4, 2, 16), heads(4, 4, 24), heads(2, 1, 64)])(
    'decodes token by token what it sees over the whole row ($heads/$keyValueHeads heads of $headDim)',
    async (layout) => {
      const width = (layout.heads + 2 * layout.keyValueHeads) * layout.headDim;
      const [prompt, tokens] = [70, 4];
      const qkv = normal(prompt + tokens, width) as Tensor2D;
      const other = normal(75, width);
      const decode = async (): Promise<[Tensor, Tensor]> => {
        const cache: ops.DecodeCache = {
          prompts: tf.concat([other, tf.slice(qkv, 0, prompt), tf.zeros([5, width])]) as Tensor2D,
          promptRows: 75,
          promptLength: ints([75, prompt]),
          promptOf: ints([1, 0, 1]),
          own: tf.zeros([3, 6 * width]),
          capacity: 6,
        };
        const outs = Array.from({ length: tokens }, (_, step) =>
          ops.attentionDecode(
            tf.tile(tf.slice(qkv, prompt + step, 1), [3, 1]) as Tensor2D,
            cache,
            step,
            layout,
          ),
        );
        await cache.own.data(); // reading must not keep what the next step changes
        return [tf.stack(outs), cache.own];
      };
      const [outs, own] = await decode();
      const whole = ops.attention(qkv, causal(1, prompt + tokens).visibility(), 1, layout);
      const mine = tf.reshape(tf.slice(outs, [0, 2, 0], [tokens, 1, -1]), [tokens, -1]);
      await expectClose(mine, tf.slice(whole, prompt));
      ops.usePlain(true);
      const [expected, expectedOwn] = await decode();
      await expectClose(outs, expected);
      expect(await own.data()).toEqual(await expectedOwn.data());
    },
  );
});
