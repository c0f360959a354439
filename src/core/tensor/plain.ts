/**
 * Plain twins of ops.ts: the same functions in ordinary tfjs operations with tfjs's own gradients.
 * They run on every backend and are what the kernels are tested against. The gradient of a gather is a
 * one-hot product, because tf.gather's own does not exist on wasm and adds in random order on WebGPU.
 */
import {
  tf,
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  type Variable,
} from '#tfjs';
import { differentiable } from './differentiable.ts';
import type { AdamWStep, DecodeCache, Heads, RotaryTables, Visibility } from './ops.ts';

export function matmul(a: Tensor2D, b: Tensor2D, transB: boolean): Tensor2D {
  return tf.matMul(a, b, false, transB);
}

export function gatherRows(table: Tensor2D, index: Tensor1D): Tensor2D {
  const count = table.shape[0];
  return differentiable((save, table) => {
    save([index]);
    return {
      value: tf.gather(table, index),
      gradFunc: (dy, [index]) =>
        tf.matMul(tf.cast(tf.oneHot(index!, count), 'float32'), dy, true, false),
    };
  }, table) as Tensor2D;
}

export function rmsNorm(x: Tensor2D, weight: Tensor1D, eps: number): Tensor2D {
  return tf.tidy(() => {
    const meanSquare = tf.mean(tf.square(x), 1, true);
    return tf.mul(tf.mul(x, tf.rsqrt(tf.add(meanSquare, eps))), weight);
  });
}

export function rotary(
  qkv: Tensor2D,
  position: Tensor1D,
  tables: RotaryTables,
  layout: Heads,
): Tensor2D {
  return tf.tidy(() => rotate(qkv, position, tables, layout));
}

function rotate(
  qkv: Tensor2D,
  position: Tensor1D,
  tables: RotaryTables,
  { heads, keyValueHeads, headDim }: Heads,
): Tensor2D {
  const count = qkv.shape[0];
  const half = headDim / 2;
  const rotated = heads + keyValueHeads;
  const all = tf.reshape(qkv, [count, heads + 2 * keyValueHeads, headDim]);
  const x = tf.slice(all, [0, 0, 0], [count, rotated, headDim]);
  const values = tf.slice(all, [0, rotated, 0], [count, keyValueHeads, headDim]);
  const cos = tf.reshape(gatherRows(tables.cos, position), [count, 1, half]);
  const sin = tf.reshape(gatherRows(tables.sin, position), [count, 1, half]);
  const a = tf.slice(x, [0, 0, 0], [count, rotated, half]);
  const b = tf.slice(x, [0, 0, half], [count, rotated, half]);
  const first = tf.sub(tf.mul(a, cos), tf.mul(b, sin));
  const second = tf.add(tf.mul(b, cos), tf.mul(a, sin));
  const out = tf.concat([tf.concat([first, second], 2), values], 1);
  return tf.reshape(out, qkv.shape);
}

/** (B, T, T) additive mask: 0 where token i may see token j, −1e9 elsewhere. */
function visibilityMask(visibility: Visibility, batch: number, length: number): Tensor {
  return tf.tidy(() => {
    const i = tf.reshape(tf.range(0, length, 1, 'int32'), [1, length, 1]);
    const j = tf.reshape(tf.range(0, length, 1, 'int32'), [1, 1, length]);
    const per = (x: Tensor1D): Tensor => tf.reshape(x, [batch, length, 1]);
    const { prefixStart, prefixEnd, segmentStart } = visibility;
    const prefix = tf.logicalAnd(tf.greaterEqual(j, per(prefixStart)), tf.less(j, per(prefixEnd)));
    const own = tf.logicalAnd(tf.greaterEqual(j, per(segmentStart)), tf.lessEqual(j, i));
    return tf.mul(tf.sub(1, tf.cast(tf.logicalOr(prefix, own), 'float32')), -1e9);
  });
}

/** (B·T, W) → (B, n, T, headDim) for `n` heads from `first`, each repeated `repeat` times. */
function splitHeads(
  qkv: Tensor2D,
  batch: number,
  headDim: number,
  first: number,
  n: number,
  repeat: number,
): Tensor4D {
  const length = qkv.shape[0] / batch;
  const part = tf.slice(qkv, [0, first * headDim], [qkv.shape[0], n * headDim]);
  const heads = tf.transpose(tf.reshape(part, [batch, length, n, headDim]), [0, 2, 1, 3]);
  if (repeat === 1) return heads as Tensor4D;
  const each = tf.reshape(heads, [batch, n, 1, length * headDim]);
  return tf.reshape(tf.tile(each, [1, 1, repeat, 1]), [batch, n * repeat, length, headDim]);
}

export function attention(
  qkv: Tensor2D,
  visibility: Visibility,
  batch: number,
  layout: Heads,
): Tensor2D {
  return tf.tidy(() => attend(qkv, visibility, batch, layout));
}

function attend(
  qkv: Tensor2D,
  visibility: Visibility,
  batch: number,
  { heads, keyValueHeads, headDim }: Heads,
): Tensor2D {
  const length = qkv.shape[0] / batch;
  const repeat = heads / keyValueHeads;
  const q = splitHeads(qkv, batch, headDim, 0, heads, 1);
  const k = splitHeads(qkv, batch, headDim, heads, keyValueHeads, repeat);
  const v = splitHeads(qkv, batch, headDim, heads + keyValueHeads, keyValueHeads, repeat);
  const mask = tf.reshape(visibilityMask(visibility, batch, length), [batch, 1, length, length]);
  const scores = tf.matMul(tf.mul(q, 1 / Math.sqrt(headDim)), k, false, true);
  const mixed = tf.matMul(tf.softmax(tf.add(scores, mask)), v);
  return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch * length, heads * headDim]);
}

/** The cache's own rows are replaced; the new ones belong to the scope around. */
export function attentionDecode(
  qkv: Tensor2D,
  cache: DecodeCache,
  step: number,
  layout: Heads,
): Tensor2D {
  const row = qkv.shape[1];
  const own = tf.tidy((): Tensor2D => {
    const around: [number, number] = [step * row, (cache.capacity - step - 1) * row];
    return tf.add(cache.own, tf.pad(qkv, [[0, 0], around]));
  });
  cache.own.dispose();
  cache.own = own;
  return tf.tidy(() => decode(qkv, cache, step, layout));
}

function decode(
  qkv: Tensor2D,
  cache: DecodeCache,
  step: number,
  { heads, keyValueHeads, headDim }: Heads,
): Tensor2D {
  const [samples, row] = qkv.shape;
  const { promptRows, capacity, own } = cache;
  const all = promptRows + capacity;
  const prompts = tf.reshape(cache.prompts, [-1, promptRows * row]);
  const context = tf.reshape(tf.concat([tf.gather(prompts, cache.promptOf), own], 1), [
    samples * all,
    row,
  ]) as Tensor2D;
  const repeat = heads / keyValueHeads;
  const q = tf.reshape(tf.slice(qkv, [0, 0], [samples, heads * headDim]), [
    samples,
    heads,
    1,
    headDim,
  ]);
  const k = splitHeads(context, samples, headDim, heads, keyValueHeads, repeat);
  const v = splitHeads(context, samples, headDim, heads + keyValueHeads, keyValueHeads, repeat);
  const j = tf.reshape(tf.range(0, all, 1, 'int32'), [1, all]);
  const length = tf.reshape(tf.gather(cache.promptLength, cache.promptOf), [samples, 1]);
  const inPrompt = tf.less(j, length);
  const inOwn = tf.logicalAnd(tf.greaterEqual(j, promptRows), tf.lessEqual(j, promptRows + step));
  const seen = tf.cast(tf.logicalOr(inPrompt, inOwn), 'float32');
  const mask = tf.reshape(tf.mul(tf.sub(1, seen), -1e9), [samples, 1, 1, all]);
  const scores = tf.matMul(tf.mul(q, 1 / Math.sqrt(headDim)), k, false, true);
  return tf.reshape(tf.matMul(tf.softmax(tf.add(scores, mask)), v), [samples, heads * headDim]);
}

export function swiGlu(gateUp: Tensor2D): Tensor2D {
  return tf.tidy(() => {
    const [count, both] = gateUp.shape;
    const gate = tf.slice(gateUp, [0, 0], [count, both / 2]);
    const up = tf.slice(gateUp, [0, both / 2], [count, both / 2]);
    return tf.mul(tf.mul(gate, tf.sigmoid(gate)), up);
  });
}

export function tokenLogProbs(
  logits: Tensor2D,
  tokens: Tensor1D,
  temperature: number,
): { logProbs: Tensor1D; entropies: Tensor1D } {
  return tf.tidy(() => {
    const all = logSoftmax(logits, temperature);
    const [count, vocabulary] = all.shape;
    const index = tf.add(tf.range(0, count * vocabulary, vocabulary, 'int32'), tokens);
    // One operation, so that the entropy's rows of the vocabulary are no part of the gradient.
    const both = differentiable((save, all) => {
      save([tokens]);
      const chosen = tf.gather(tf.reshape(all, [-1]), index);
      return {
        value: tf.stack([chosen, entropyOf(all)]),
        gradFunc: (dy, [tokens]) => {
          const dChosen = tf.reshape(tf.slice(dy, [0, 0], [1, count]), [count, 1]);
          return tf.mul(tf.cast(tf.oneHot(tokens as Tensor1D, vocabulary), 'float32'), dChosen);
        },
      };
    }, all);
    const row = (i: number): Tensor1D => tf.reshape(tf.slice(both, [i, 0], [1, count]), [count]);
    return { logProbs: row(0), entropies: row(1) };
  });
}

/** log softmax(logits / temperature), (N, V). */
const logSoftmax = (logits: Tensor2D, temperature: number): Tensor2D =>
  tf.logSoftmax(temperature === 1 ? logits : tf.div(logits, temperature));

/** In nats, (N), of log-probabilities (N, V). */
const entropyOf = (all: Tensor): Tensor1D => tf.neg(tf.sum(tf.mul(tf.exp(all), all), 1));

export function softmaxEntropy(
  logits: Tensor2D,
  temperature: number,
): { probs: Tensor2D; entropies: Tensor1D } {
  return tf.tidy(() => {
    const all = logSoftmax(logits, temperature);
    return { probs: tf.exp(all), entropies: entropyOf(all) };
  });
}

/** Two at a time: tf.addN binds all at once, and WebGPU devices refuse more than eight buffers. */
export function sumSquares(tensors: readonly Tensor[]): Scalar {
  return tf.tidy(() =>
    tensors.map((x) => tf.sum(tf.square(x))).reduce((a, b) => tf.add(a, b)),
  ) as Scalar;
}

export function adamW(param: Variable, grad: Tensor, m: Variable, v: Variable, s: AdamWStep): void {
  tf.tidy(() => {
    const g = tf.mul(grad, s.gradScale);
    const m1 = tf.add(tf.mul(m, s.beta1), tf.mul(g, 1 - s.beta1));
    const v1 = tf.add(tf.mul(v, s.beta2), tf.mul(tf.square(g), 1 - s.beta2));
    const denominator = tf.add(tf.sqrt(tf.div(v1, s.correction2)), s.eps);
    const step = tf.div(tf.mul(m1, s.learningRate / s.correction1), denominator);
    m.assign(m1);
    v.assign(v1);
    param.assign(tf.sub(tf.mul(param, 1 - s.learningRate * s.decay), step));
  });
}
